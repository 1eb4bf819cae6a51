"""Approving what members published for everybody: endpoints of our own (docs/adr/0020)."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import principal_of
from algoport.accounts.errors import OrganizationNotFound
from algoport.accounts.models import User
from algoport.accounts.permissions import Action
from algoport.api.description import page_of, refusals
from algoport.api.links import base_url
from algoport.api.pagination import newest_first
from algoport.api.timestamps import to_milliseconds
from algoport.errors import InputValidationError
from algorithms.api.lookup import algorithm_of
from algorithms.api.serializers import link_of
from algorithms.api.shapes import ApprovalShape
from algorithms.approvals import approvals_of, approve_version, refuse_version
from algorithms.constants import ApprovalState
from algorithms.errors import (
    AlgorithmIdDoesNotExist,
    AlgorithmNotFound,
    NothingToApprove,
    VersionDoesNotExist,
)
from algorithms.models import Approval
from algorithms.selectors import get_published_version
from orgs.selectors import get_organization_for

_DECIDED: dict[int, Any] = {
    200: ApprovalShape,
    **refusals(AlgorithmNotFound, AlgorithmIdDoesNotExist, VersionDoesNotExist, NothingToApprove),
}


class ApprovalListView(APIView):
    @extend_schema(
        parameters=[OpenApiParameter("state", enum=ApprovalState.values)],
        responses={
            200: page_of(ApprovalShape),
            **refusals(OrganizationNotFound, InputValidationError),
        },
    )
    def get(self, request: Request, organization: str) -> Response:
        """List what is held, or with `state` what was decided, newest first."""
        found = get_organization_for(
            principal_of(request), organization, Action.MANAGE_ORGANIZATION
        )
        state = request.query_params.get("state", ApprovalState.HELD)
        if state not in ApprovalState.values:
            raise InputValidationError(f"state is one of {', '.join(ApprovalState.values)}.")
        rows, url = approvals_of(found.account, state), base_url(request)
        return Response(
            newest_first(
                request, rows, time_field="created_at", render=lambda row: approval_body(row, url)
            )
        )


class ApproveView(APIView):
    @extend_schema(request=None, responses=_DECIDED)
    def post(self, request: Request, number: str, **where: Any) -> Response:
        """Let everybody call a version."""
        return _decide(request, number, where, approve_version)


class RefuseView(APIView):
    @extend_schema(request=None, responses=_DECIDED)
    def post(self, request: Request, number: str, **where: Any) -> Response:
        """Keep a version to the organization."""
        return _decide(request, number, where, refuse_version)


def _decide(
    request: Request, number: str, where: dict[str, Any], decide: Callable[..., Approval]
) -> Response:
    algorithm = algorithm_of(request, where, Action.PUBLISH_PUBLICLY)
    version = get_published_version(algorithm, number)
    approval = decide(version=version, decider=principal_of(request))
    return Response(approval_body(approval, base_url(request)))


def approval_body(approval: Approval, base_url: str) -> dict[str, Any]:
    """What an owner needs to decide, and what was decided."""
    version = approval.version
    algorithm = version.algorithm
    return {
        "state": approval.state,
        "username": algorithm.owner.username,
        "algoname": algorithm.name,
        "algorithm_id": str(algorithm.id),
        "version_uuid": str(version.id),
        "semantic_version": version.semantic_version,
        "git_hash": version.build.commit_sha,
        "release_notes": version.release_notes,
        "requested_by": version.published_by.username,
        "requested_at": to_milliseconds(approval.created_at),
        "decided_by": _name_of(approval.decided_by),
        "decided_at": None if approval.decided_at is None else to_milliseconds(approval.decided_at),
        "self_link": f"{link_of(algorithm, base_url)}/versions/{version.build.commit_sha}",
    }


def _name_of(user: User | None) -> str | None:
    return None if user is None else user.username
