"""/v1/users: accounts, for administrators (spec.md 2.1)."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import MayAdminister
from algoport.accounts.api.shapes import UserShape
from algoport.accounts.constants import EMAIL_PATTERN, NAME_LENGTH, NAME_PATTERN
from algoport.accounts.errors import (
    EmailAddressHasBeenTaken,
    InconsistentUsername,
    MalformedUserJson,
    MissingRequiredFields,
    OrganizationRequiresOwner,
    UpdatingEmailNotAllowed,
    UsernameHasBeenTaken,
    UserNotFound,
)
from algoport.accounts.models import User
from algoport.accounts.selectors import get_user, users
from algoport.accounts.services import create_user, delete_user, update_user
from algoport.api import strict
from algoport.api.description import page_of, refusals
from algoport.api.links import base_url
from algoport.api.pagination import newest_first
from algoport.errors import InputValidationError


class UserSerializer(serializers.Serializer[Any]):
    """What a user may be told of; clients send more, which is not looked at."""

    username = strict.PatternField(NAME_PATTERN, max_length=NAME_LENGTH)
    email = strict.PatternField(EMAIL_PATTERN, max_length=100)
    fullname = strict.CharField(
        max_length=100, required=False, allow_blank=True, allow_null=True, default=""
    )
    company_name = strict.CharField(
        max_length=100, required=False, allow_blank=True, allow_null=True, default=""
    )
    company_role = strict.CharField(
        max_length=200, required=False, allow_blank=True, allow_null=True, default=""
    )

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise MalformedUserJson
        if not (data.get("username") and data.get("email")):
            raise MissingRequiredFields
        return super().to_internal_value(data)

    def texts(self) -> dict[str, str]:
        return {
            name: self.validated_data[name] or ""
            for name in ("fullname", "company_name", "company_role")
        }


class UserListView(APIView):
    permission_classes = [MayAdminister]

    @extend_schema(
        responses=page_of(UserShape),
    )
    def get(self, request: Request) -> Response:
        """List users, newest first."""
        base = base_url(request)
        return Response(
            newest_first(
                request, users(), time_field="created_at", render=lambda row: user_body(row, base)
            )
        )

    @extend_schema(
        request=UserSerializer,
        responses={
            200: UserShape,
            **refusals(
                MalformedUserJson,
                MissingRequiredFields,
                UsernameHasBeenTaken,
                EmailAddressHasBeenTaken,
            ),
        },
    )
    def post(self, request: Request) -> Response:
        """Create a user."""
        given = UserSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        user = create_user(
            username=given.validated_data["username"],
            email=given.validated_data["email"],
            **given.texts(),
        )
        return Response(user_body(user, base_url(request)))


class UserView(APIView):
    permission_classes = [MayAdminister]

    @extend_schema(
        responses={200: UserShape, **refusals(UserNotFound)},
    )
    def get(self, request: Request, username: str) -> Response:
        """Get a user."""
        return Response(user_body(get_user(username), base_url(request)))

    @extend_schema(
        request=UserSerializer,
        responses={
            200: UserShape,
            **refusals(
                MalformedUserJson,
                MissingRequiredFields,
                InconsistentUsername,
                UpdatingEmailNotAllowed,
                UserNotFound,
            ),
        },
    )
    def put(self, request: Request, username: str) -> Response:
        """Change a user."""
        user = get_user(username)
        given = UserSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        if given.validated_data["username"].lower() != user.username.lower():
            raise InconsistentUsername
        if given.validated_data["email"].lower() != user.email.lower():
            raise UpdatingEmailNotAllowed
        user = update_user(user=user, **given.texts())
        return Response(user_body(user, base_url(request)))

    @extend_schema(
        responses={
            204: None,
            **refusals(UserNotFound, InputValidationError, OrganizationRequiresOwner),
        },
    )
    def delete(self, request: Request, username: str) -> Response:
        """Delete a user."""
        delete_user(user=get_user(username))
        return Response(status=204)


def user_body(user: User, base: str) -> dict[str, Any]:
    return {
        "id": str(user.id),
        "company_name": user.company_name,
        "company_role": user.company_role,
        "email": user.email,
        "fullname": user.fullname,
        "resource_type": "user",
        "self_link": f"{base}/v1/users/{user.username}",
        "username": user.username,
    }
