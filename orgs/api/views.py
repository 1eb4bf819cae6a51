"""/v1/organizations: for administrators, and for members what concerns their own."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import MayAdminister, principal_of
from algoport.accounts.api.keys import key_body, make_key
from algoport.accounts.errors import MissingRequiredFields
from algoport.accounts.permissions import Action
from algoport.accounts.selectors import keys_of
from algoport.api.links import base_url
from algoport.api.pagination import newest_first
from orgs import selectors, services
from orgs.api.serializers import (
    MemberSerializer,
    OrganizationSerializer,
    member_body,
    organization_body,
)
from orgs.models import Organization


class OrganizationListView(APIView):
    permission_classes = [MayAdminister]

    def get(self, request: Request) -> Response:
        base = base_url(request)
        return Response(
            newest_first(
                request,
                selectors.organizations(),
                time_field="created_at",
                render=lambda row: organization_body(row, base),
            )
        )

    def post(self, request: Request) -> Response:
        creator = principal_of(request).user_id
        assert creator is not None
        given = OrganizationSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        name = request.data.get("org_name")
        if not isinstance(name, str) or not name:
            raise MissingRequiredFields
        made = services.create_organization(name=name, profile=given.profile(), creator_id=creator)
        return Response(organization_body(made, base_url(request)))


class OrganizationView(APIView):
    def get(self, request: Request, name: str) -> Response:
        found = selectors.get_organization_for(principal_of(request), name)
        return Response(organization_body(found, base_url(request)))

    def put(self, request: Request, name: str) -> Response:
        found = _managed(request, name)
        given = OrganizationSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        services.update_organization(organization=found, profile=given.profile())
        return Response(status=204)

    def delete(self, request: Request, name: str) -> Response:
        found = _managed(request, name)
        services.delete_organization(organization=found)
        return Response(status=204)


class ExternalOrganizationView(APIView):
    def get(self, request: Request, external_id: str) -> Response:
        found = selectors.get_organization_by_external_id_for(principal_of(request), external_id)
        return Response(organization_body(found, base_url(request)))


class MemberListView(APIView):
    def get(self, request: Request, name: str) -> Response:
        found = selectors.get_organization_for(principal_of(request), name)
        base = base_url(request)
        return Response(
            newest_first(
                request,
                selectors.members_of(found),
                time_field="created_at",
                render=lambda row: member_body(row, base),
            )
        )


class MemberView(APIView):
    def put(self, request: Request, name: str, username: str) -> Response:
        found = _managed(request, name)
        given = MemberSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        is_new = services.put_member(
            organization=found, username=username, role=given.validated_data["role"]
        )
        return Response(status=201 if is_new else 200)

    def delete(self, request: Request, name: str, username: str) -> Response:
        found = _managed(request, name)
        services.remove_member(organization=found, username=username)
        return Response(status=204)


class KeyListView(APIView):
    permission_classes = [MayAdminister]

    def get(self, request: Request, name: str) -> Response:
        account = selectors.get_organization_for(principal_of(request), name).account
        return Response([key_body(key, account) for key in keys_of(account)])

    def post(self, request: Request, name: str) -> Response:
        account = selectors.get_organization_for(principal_of(request), name).account
        return Response(make_key(request, account))


class MemberKeyListView(APIView):
    permission_classes = [MayAdminister]

    def post(self, request: Request, name: str, username: str) -> Response:
        found = selectors.get_organization_for(principal_of(request), name)
        member = selectors.get_member(found, username)
        return Response(make_key(request, member), status=201)


class TypeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)


class TypeListView(APIView):
    def get_permissions(self) -> list[Any]:
        return [MayAdminister()] if self.request.method == "POST" else super().get_permissions()

    def get(self, request: Request) -> Response:
        types = selectors.organization_types()
        return Response([{"id": str(each.pk), "name": each.name} for each in types])

    def post(self, request: Request) -> Response:
        given = TypeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        made = services.create_organization_type(name=given.validated_data["name"])
        return Response({"id": str(made.pk), "name": made.name})


class TypeView(APIView):
    permission_classes = [MayAdminister]

    def delete(self, request: Request, name: str) -> Response:
        services.delete_organization_type(name=name)
        return Response(status=204)


def _managed(request: Request, name: str) -> Organization:
    return selectors.get_organization_for(principal_of(request), name, Action.MANAGE_ORGANIZATION)
