"""/v1/organizations: for administrators, and for members what concerns their own."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import MayAdminister, principal_of
from algoport.accounts.api.keys import KeySerializer, key_body, make_key
from algoport.accounts.api.shapes import KeyShape
from algoport.accounts.errors import (
    CanNotReserveUserForOrganization,
    InvalidKeyScope,
    KeyAlreadyExists,
    KeyBeyondItsMaker,
    KeyNotFound,
    MalformedOrganizationJson,
    MissingRequiredFields,
    OrganizationAlreadyExists,
    OrganizationNotFound,
    OrganizationRequiresOwner,
    UserNotFound,
)
from algoport.accounts.models import User
from algoport.accounts.permissions import Action
from algoport.accounts.selectors import get_key_of, keys_of
from algoport.accounts.services import revoke_key
from algoport.api import strict
from algoport.api.description import page_of, refusals
from algoport.api.links import base_url
from algoport.api.pagination import newest_first
from orgs import invitations, selectors, services
from orgs.api.serializers import (
    MemberSerializer,
    OrganizationCreateSerializer,
    OrganizationSerializer,
    member_body,
    organization_body,
)
from orgs.api.shapes import MemberShape, OrganizationShape, OrganizationTypeShape
from orgs.errors import OrganizationTypeExists, OrganizationTypeInUse, UnknownOrganizationType
from orgs.models import Organization


class OrganizationListView(APIView):
    permission_classes = [MayAdminister]

    @extend_schema(
        responses=page_of(OrganizationShape),
    )
    def get(self, request: Request) -> Response:
        """List organizations, newest first."""
        base = base_url(request)
        return Response(
            newest_first(
                request,
                selectors.organizations(),
                time_field="created_at",
                render=lambda row: organization_body(row, base),
            )
        )

    @extend_schema(
        request=OrganizationCreateSerializer,
        responses={
            200: OrganizationShape,
            **refusals(
                MalformedOrganizationJson,
                MissingRequiredFields,
                UnknownOrganizationType,
                OrganizationAlreadyExists,
                CanNotReserveUserForOrganization,
            ),
        },
    )
    def post(self, request: Request) -> Response:
        """Create an organization; its creator becomes an owner."""
        creator = principal_of(request).user_id
        assert creator is not None
        given = OrganizationCreateSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        name = given.validated_data["org_name"]
        made = services.create_organization(name=name, profile=given.profile(), creator_id=creator)
        return Response(organization_body(made, base_url(request)))


class OrganizationView(APIView):
    @extend_schema(
        responses={200: OrganizationShape, **refusals(OrganizationNotFound)},
    )
    def get(self, request: Request, name: str) -> Response:
        """Get an organization."""
        found = selectors.get_organization_for(principal_of(request), name)
        return Response(organization_body(found, base_url(request)))

    @extend_schema(
        request=OrganizationSerializer,
        responses={
            204: None,
            **refusals(
                MalformedOrganizationJson,
                MissingRequiredFields,
                UnknownOrganizationType,
                OrganizationNotFound,
            ),
        },
    )
    def put(self, request: Request, name: str) -> Response:
        """Change an organization."""
        found = _managed(request, name)
        given = OrganizationSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        services.update_organization(organization=found, profile=given.profile())
        return Response(status=204)

    @extend_schema(
        responses={204: None, **refusals(OrganizationNotFound)},
    )
    def delete(self, request: Request, name: str) -> Response:
        """Delete an organization."""
        found = _managed(request, name)
        services.delete_organization(organization=found)
        return Response(status=204)


class ExternalOrganizationView(APIView):
    @extend_schema(
        responses={200: OrganizationShape, **refusals(OrganizationNotFound)},
    )
    def get(self, request: Request, external_id: str) -> Response:
        """Get the organization of an external id."""
        found = selectors.get_organization_by_external_id_for(principal_of(request), external_id)
        return Response(organization_body(found, base_url(request)))


class MemberListView(APIView):
    @extend_schema(
        responses={200: page_of(MemberShape), **refusals(OrganizationNotFound)},
    )
    def get(self, request: Request, name: str) -> Response:
        """List an organization's members, newest first; to owners also those who are invited."""
        principal = principal_of(request)
        found = selectors.get_organization_for(principal, name)
        base = base_url(request)
        return Response(
            newest_first(
                request,
                *invitations.members_and_invited(principal, found),
                time_field="created_at",
                render=lambda row: member_body(row, base),
            )
        )


class MemberView(APIView):
    @extend_schema(
        request=MemberSerializer,
        responses={
            200: None,
            201: None,
            **refusals(OrganizationNotFound, UserNotFound, OrganizationRequiresOwner),
        },
    )
    def put(self, request: Request, name: str, username: str) -> Response:
        """Add a user to an organization, or change their role."""
        found = _managed(request, name)
        given = MemberSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        is_new = services.put_member(
            organization=found, username=username, role=given.validated_data["role"]
        )
        return Response(status=201 if is_new else 200)

    @extend_schema(
        responses={204: None, **refusals(OrganizationNotFound, OrganizationRequiresOwner)},
    )
    def delete(self, request: Request, name: str, username: str) -> Response:
        """Remove a user from an organization."""
        found = _managed(request, name)
        services.remove_member(organization=found, username=username)
        return Response(status=204)


class KeyListView(APIView):
    """An organization's keys, by sessions and keys of its owners; all by administrators."""

    @extend_schema(
        responses={200: KeyShape(many=True), **refusals(OrganizationNotFound)},
    )
    def get(self, request: Request, name: str) -> Response:
        """List an organization's keys."""
        account = _account_of_keys(request, name)
        return Response([key_body(key, account) for key in keys_of(account)])

    @extend_schema(
        request=KeySerializer,
        responses={
            200: KeyShape,
            **refusals(OrganizationNotFound, InvalidKeyScope, KeyAlreadyExists, KeyBeyondItsMaker),
        },
    )
    def post(self, request: Request, name: str) -> Response:
        """Make a key for an organization; it is told this once."""
        return Response(make_key(request, _account_of_keys(request, name)))


class KeyView(APIView):
    @extend_schema(responses={204: None, **refusals(OrganizationNotFound, KeyNotFound)})
    def delete(self, request: Request, name: str, key_id: UUID) -> Response:
        """Revoke a key of an organization; it stops working everywhere within a second."""
        revoke_key(key=get_key_of(_account_of_keys(request, name), key_id))
        return Response(status=204)


class MemberKeyListView(APIView):
    permission_classes = [MayAdminister]

    @extend_schema(
        request=KeySerializer,
        responses={
            201: KeyShape,
            **refusals(OrganizationNotFound, UserNotFound, InvalidKeyScope, KeyAlreadyExists),
        },
    )
    def post(self, request: Request, name: str, username: str) -> Response:
        """Make a key for a member; it is told this once."""
        found = selectors.get_organization_for(principal_of(request), name)
        member = selectors.get_member(found, username)
        return Response(make_key(request, member), status=201)


class TypeSerializer(serializers.Serializer[Any]):
    name = strict.CharField(max_length=100)


class TypeListView(APIView):
    def get_permissions(self) -> list[Any]:
        return [MayAdminister()] if self.request.method == "POST" else super().get_permissions()

    @extend_schema(
        responses=OrganizationTypeShape(many=True),
    )
    def get(self, request: Request) -> Response:
        """List the types of organizations."""
        types = selectors.organization_types()
        return Response([{"id": str(each.pk), "name": each.name} for each in types])

    @extend_schema(
        request=TypeSerializer,
        responses={200: OrganizationTypeShape, **refusals(OrganizationTypeExists)},
    )
    def post(self, request: Request) -> Response:
        """Add a type of organizations."""
        given = TypeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        made = services.create_organization_type(name=given.validated_data["name"])
        return Response({"id": str(made.pk), "name": made.name})


class TypeView(APIView):
    permission_classes = [MayAdminister]

    @extend_schema(
        responses={204: None, **refusals(OrganizationTypeInUse)},
    )
    def delete(self, request: Request, name: str) -> Response:
        """Delete a type of organizations."""
        services.delete_organization_type(name=name)
        return Response(status=204)


def _account_of_keys(request: Request, name: str) -> User:
    principal = principal_of(request)
    found = selectors.get_organization_for(principal, name, Action.MANAGE_ORGANIZATION_KEYS)
    account: User = found.account
    return account


def _managed(request: Request, name: str) -> Organization:
    return selectors.get_organization_for(principal_of(request), name, Action.MANAGE_ORGANIZATION)
