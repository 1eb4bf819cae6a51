"""Keys of accounts and organizations (spec.md 2.3)."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import MayAdminister, principal_of
from algoport.accounts.api.shapes import KeyShape
from algoport.accounts.constants import KEY_PATTERN, SCOPE_PATTERN, KeyType
from algoport.accounts.errors import (
    InvalidKeyScope,
    KeyAlreadyExists,
    KeyBeyondItsMaker,
    KeyNotFound,
    UserNotFound,
)
from algoport.accounts.models import ApiKey, User
from algoport.accounts.permissions import Action, Scopes
from algoport.accounts.selectors import get_account_for, get_key_of, keys_of
from algoport.accounts.services import issue_key, revoke_key
from algoport.api import strict
from algoport.api.description import refusals
from algoport.api.timestamps import to_milliseconds

# What the protocol once called an admin key.
_FORMER_TYPE = "ManagementKey"


class PermissionsSerializer(serializers.Serializer[Any]):
    """What a key may be used for; nothing by default."""

    algo_acl = serializers.ListField(
        child=strict.PatternField(SCOPE_PATTERN, max_length=200), default=list
    )
    allow_algo_management = strict.BooleanField(default=False)
    allow_algo = strict.BooleanField(default=False)
    allow_web_algo = strict.BooleanField(default=False)
    referer_host = strict.CharField(
        max_length=200, required=False, allow_blank=True, allow_null=True, default=""
    )
    allow_data = strict.BooleanField(default=False)
    allow_data_write = strict.BooleanField(default=False)


class KeySerializer(serializers.Serializer[Any]):
    """A key to be made. `api_key` is one that clients have already, and is taken over as it is."""

    key_label = strict.CharField(max_length=100)
    key_type = serializers.ChoiceField(
        choices=[*KeyType.values, _FORMER_TYPE], default=KeyType.STANDARD
    )
    permissions = PermissionsSerializer(required=False)
    api_key = strict.PatternField(
        KEY_PATTERN, required=False, default=None, max_length=100, trim_whitespace=False
    )


class UserKeyListView(APIView):
    """An account's own keys, by its session or a key that may manage; all by administrators."""

    @extend_schema(
        responses={200: KeyShape(many=True), **refusals(UserNotFound)},
    )
    def get(self, request: Request, username: str) -> Response:
        """List a user's keys."""
        user = _account(request, username)
        return Response([key_body(key, user) for key in keys_of(user)])

    @extend_schema(
        request=KeySerializer,
        responses={
            200: KeyShape,
            **refusals(UserNotFound, InvalidKeyScope, KeyAlreadyExists, KeyBeyondItsMaker),
        },
    )
    def post(self, request: Request, username: str) -> Response:
        """Make a key for a user; it is told this once."""
        return Response(make_key(request, _account(request, username)))


class AdministeredKeyListView(UserKeyListView):
    permission_classes = [MayAdminister]


class UserKeyView(APIView):
    @extend_schema(responses={204: None, **refusals(UserNotFound, KeyNotFound)})
    def delete(self, request: Request, username: str, key_id: UUID) -> Response:
        """Revoke a key; it stops working everywhere within a second."""
        user = _account(request, username)
        revoke_key(key=get_key_of(user, key_id))
        return Response(status=204)


def _account(request: Request, username: str) -> User:
    return get_account_for(principal_of(request), username, Action.MANAGE_KEYS)


def make_key(request: Request, owner: User) -> dict[str, Any]:
    """Make the key that is asked for and tell it, for this once.

    Raises InvalidKeyScope, KeyAlreadyExists, KeyBeyondItsMaker.
    """
    serializer = KeySerializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    given = serializer.validated_data
    allowed = given.get("permissions") or PermissionsSerializer(data={}).to_internal_value({})
    scopes = Scopes(
        algo_acl=tuple(allowed["algo_acl"]),
        management=allowed["allow_algo_management"],
        native_calls=allowed["allow_algo"],
        web_calls=allowed["allow_web_algo"],
        referer_host=allowed["referer_host"] or "",
        data_read=allowed["allow_data"],
        data_write=allowed["allow_data_write"],
    )
    kind = KeyType.STANDARD if given["key_type"] == KeyType.STANDARD else KeyType.ADMIN
    key = issue_key(
        maker=principal_of(request),
        owner=owner,
        label=given["key_label"],
        scopes=scopes,
        key_type=kind,
        secret=given["api_key"],
    )
    return key_body(key.row, owner, key.secret)


def key_body(key: ApiKey, owner: User, secret: str | None = None) -> dict[str, Any]:
    """A key; later than when it is made, its mask is all that is known of it."""
    return {
        "id": str(key.id),
        "username": owner.username,
        "owner_name": owner.username,
        "key_label": key.label,
        "key_type": key.key_type,
        "created_at": to_milliseconds(key.created_at),
        "api_key_mask": key.mask,
        "api_key": secret or key.mask,
        "permissions": {
            "algo_acl": key.algo_acl,
            "allow_algo_management": key.allow_algo_management,
            "allow_algo": key.allow_algo,
            "allow_web_algo": key.allow_web_algo,
            "referer_host": key.referer_host,
            "allow_data": key.allow_data,
            "allow_data_write": key.allow_data_write,
        },
    }
