"""The error log: failures of an algorithm's calls, and of an account's calls (spec.md 3.12)."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import principal_of
from algoport.accounts.errors import OrganizationNotFound, UserNotFound
from algoport.accounts.permissions import Action
from algoport.api.description import refusals
from algorithms.api.lookup import algorithm_of
from algorithms.api.shapes import LoggedErrorShape
from algorithms.errors import AlgorithmIdDoesNotExist, AlgorithmNotFound
from algorithms.metering.error_log import (
    LoggedError,
    errors_of_account,
    errors_of_algorithm,
    errors_of_organization,
)
from orgs.selectors import get_organization_for


class AlgorithmErrorListView(APIView):
    @extend_schema(
        responses={
            200: LoggedErrorShape(many=True),
            **refusals(AlgorithmNotFound, AlgorithmIdDoesNotExist),
        },
    )
    def get(self, request: Request, **where: Any) -> Response:
        """List recent failures of an algorithm's calls."""
        algorithm = algorithm_of(request, where, Action.SEE_ALGORITHM_ERRORS)
        logged = errors_of_algorithm(principal_of(request), algorithm)
        return Response([error_body(each) for each in logged])


class AccountErrorListView(APIView):
    @extend_schema(
        responses={200: LoggedErrorShape(many=True), **refusals(UserNotFound)},
    )
    def get(self, request: Request, user_id: str) -> Response:
        """List recent failures of an account's calls."""
        logged = errors_of_account(principal_of(request), user_id)
        return Response([error_body(each) for each in logged])


class OrganizationErrorListView(APIView):
    @extend_schema(
        responses={200: LoggedErrorShape(many=True), **refusals(OrganizationNotFound)},
    )
    def get(self, request: Request, organization: str) -> Response:
        """List recent failures of an organization's calls."""
        principal = principal_of(request)
        found = get_organization_for(principal, organization)
        logged = errors_of_organization(principal, found.account_id)
        return Response([error_body(each) for each in logged])


def error_body(logged: LoggedError) -> dict[str, Any]:
    """`username/algoname` is the algorithm; `billable_to` is the account that called it."""
    entry, algorithm = logged.entry, logged.algorithm
    trace = "None" if logged.stacktrace is None else f"Some({logged.stacktrace})"
    return {
        "created_at": int(entry.created_at.timestamp() * 1000),
        "request_id": f"req-{entry.request_id}",
        "username": algorithm.owner.username,
        "algoname": algorithm.name,
        "algoversion": entry.version,
        "input": entry.input,
        "error": f"error:\n{entry.message}\nstacktrace:\n{trace}",
        "error_type": entry.error_type,
        "billable_to": logged.caller,
        "worker": entry.worker,
    }
