"""The algorithms of an account by name alone, whole and in one array (spec.md 3.17)."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import principal_of
from algorithms.models import Algorithm
from algorithms.selectors import find_account, list_algorithms_of
from orgs.selectors import get_organization_for


class AccountAlgorithmListView(APIView):
    def get(self, request: Request, username: str) -> Response:
        found = list_algorithms_of(principal_of(request), find_account(username))
        return Response([named_body(algorithm) for algorithm in found])


class OrganizationAlgorithmListView(APIView):
    def get(self, request: Request, organization: str) -> Response:
        principal = principal_of(request)
        account = get_organization_for(principal, organization).account
        return Response([named_body(each) for each in list_algorithms_of(principal, account)])


def named_body(algorithm: Algorithm) -> dict[str, str]:
    return {
        "id": str(algorithm.id),
        "algoname": algorithm.name,
        "username": algorithm.owner.username,
    }
