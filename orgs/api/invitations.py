"""Invitations to organizations: the platform's own endpoints."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import principal_of
from algoport.accounts.constants import EMAIL_PATTERN, OrganizationRole
from algoport.accounts.errors import OrganizationNotFound, UserNotFound
from algoport.accounts.models import User
from algoport.accounts.permissions import AccountResource, Action, require
from algoport.api import strict
from algoport.api.description import page_of, refusals
from algoport.api.pagination import newest_first
from algoport.api.timestamps import to_milliseconds
from orgs import invitations, selectors
from orgs.api.shapes import InvitationShape
from orgs.errors import (
    InvitationNotFound,
    InvitedAlready,
    MemberAlready,
    TooManyInvitations,
)
from orgs.models import Invitation


class NewInvitationSerializer(serializers.Serializer[Any]):
    """Either `username` or `email`."""

    together: ClassVar[dict[str, Any]] = {
        "oneOf": [{"required": ["username"]}, {"required": ["email"]}]
    }

    username = strict.CharField(max_length=100, required=False)
    email = strict.PatternField(EMAIL_PATTERN, max_length=100, required=False)
    role = serializers.ChoiceField(
        choices=OrganizationRole.choices, default=OrganizationRole.MEMBER
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("username" in attrs) == ("email" in attrs):
            raise serializers.ValidationError("Either a username or an email has to be given.")
        return attrs


class OrganizationInvitationListView(APIView):
    @extend_schema(responses={200: page_of(InvitationShape), **refusals(OrganizationNotFound)})
    def get(self, request: Request, name: str) -> Response:
        """List the invitations of an organization that were not answered."""
        principal = principal_of(request)
        found = selectors.get_organization_for(principal, name, Action.MANAGE_ORGANIZATION)
        return Response(_page(request, invitations.pending(found)))

    @extend_schema(
        request=NewInvitationSerializer,
        responses={
            201: InvitationShape,
            **refusals(
                OrganizationNotFound,
                UserNotFound,
                MemberAlready,
                InvitedAlready,
                TooManyInvitations,
            ),
        },
    )
    def post(self, request: Request, name: str) -> Response:
        """Invite somebody to an organization, by name or by address."""
        principal = principal_of(request)
        found = selectors.get_organization_for(principal, name, Action.MANAGE_ORGANIZATION)
        given = NewInvitationSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        inviter = User.objects.get(pk=principal.user_id)
        made = invitations.invite(organization=found, inviter=inviter, **given.validated_data)
        return Response(invitation_body(made), status=201)


class OrganizationInvitationView(APIView):
    @extend_schema(responses={204: None, **refusals(OrganizationNotFound, InvitationNotFound)})
    def delete(self, request: Request, name: str, invitation_id: UUID) -> Response:
        """Withdraw an invitation."""
        principal = principal_of(request)
        found = selectors.get_organization_for(principal, name, Action.MANAGE_ORGANIZATION)
        invitations.withdraw(organization=found, invitation_id=invitation_id)
        return Response(status=204)


class OwnInvitationListView(APIView):
    @extend_schema(responses={200: page_of(InvitationShape)})
    def get(self, request: Request) -> Response:
        """List the invitations that the account can answer."""
        return Response(_page(request, invitations.invitations_of(_user(request))))


class AcceptInvitationView(APIView):
    @extend_schema(request=None, responses={200: InvitationShape, **refusals(InvitationNotFound)})
    def post(self, request: Request, invitation_id: UUID) -> Response:
        """Accept an invitation: join the organization."""
        row = invitations.accept(user=_user(request), invitation_id=invitation_id)
        return Response(invitation_body(row))


class DeclineInvitationView(APIView):
    @extend_schema(request=None, responses={204: None, **refusals(InvitationNotFound)})
    def post(self, request: Request, invitation_id: UUID) -> Response:
        """Decline an invitation."""
        invitations.decline(user=_user(request), invitation_id=invitation_id)
        return Response(status=204)


def invitation_body(row: Invitation) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "organization": row.organization.account.username,
        "username": row.user.username if row.user is not None else None,
        "email": row.email or None,
        "role": row.role,
        "invited_by": row.invited_by.username,
        "created_at": to_milliseconds(row.created_at),
        "expires_at": to_milliseconds(row.expires_at),
    }


def _page(request: Request, rows: Any) -> dict[str, Any]:
    return newest_first(request, rows, time_field="created_at", render=invitation_body)


def _user(request: Request) -> User:
    """The account that asks, when it may answer for itself."""
    principal = principal_of(request)
    assert principal.user_id is not None
    require(principal, Action.ANSWER_INVITATIONS, AccountResource(principal.user_id))
    return User.objects.get(pk=principal.user_id)
