"""The algorithms of an account by name alone, whole and in one array (spec.md 3.17)."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import principal_of
from algoport.accounts.errors import OrganizationNotFound, UserNotFound
from algoport.accounts.selectors import get_account
from algoport.api.description import refusals
from algorithms.api.shapes import NamedAlgorithmShape
from algorithms.models import Algorithm
from algorithms.selectors import list_algorithms_of
from orgs.selectors import get_organization_for


class AccountAlgorithmListView(APIView):
    @extend_schema(
        responses={200: NamedAlgorithmShape(many=True), **refusals(UserNotFound)},
    )
    def get(self, request: Request, username: str) -> Response:
        """List the algorithms of an account by name."""
        found = list_algorithms_of(principal_of(request), get_account(username))
        return Response([named_body(algorithm) for algorithm in found])


class OrganizationAlgorithmListView(APIView):
    @extend_schema(
        responses={200: NamedAlgorithmShape(many=True), **refusals(OrganizationNotFound)},
    )
    def get(self, request: Request, organization: str) -> Response:
        """List the algorithms of an organization by name."""
        principal = principal_of(request)
        account = get_organization_for(principal, organization).account
        return Response([named_body(each) for each in list_algorithms_of(principal, account)])


def named_body(algorithm: Algorithm) -> dict[str, str]:
    return {
        "id": str(algorithm.id),
        "algoname": algorithm.name,
        "username": algorithm.owner.username,
    }
