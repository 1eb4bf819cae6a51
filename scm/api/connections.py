"""Authorizing the platform at a repository host, under /v1/scms/ID (spec.md 6.2)."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import principal_of
from algoport.accounts.permissions import PrincipalKind
from algoport.api.description import refusals
from algoport.errors import ApiError, FeatureNotImplemented, NotAuthorized
from scm import connections, selectors
from scm.api.serializers import authorization_body
from scm.api.shapes import AuthorizationStatusShape
from scm.errors import (
    HostUnreachable,
    ScmConfigurationNotFound,
    ScmConnectionNotFound,
    ScmOAuthDeclined,
    ScmOAuthInvalidAuthorizationCode,
    ScmOAuthMissingParameters,
    ScmOAuthUnsupported,
)
from scm.models import ScmAuthorization, ScmConfiguration

_LONGEST = 2000


class AuthorizationStatusView(APIView):
    @extend_schema(
        responses={200: AuthorizationStatusShape, **refusals(ScmConfigurationNotFound)},
    )
    def get(self, request: Request, scm_id: str) -> Response:
        """Tell whether the caller has authorized the platform at a host."""
        scm = selectors.get_scm_for(principal_of(request), scm_id)
        row = connections.find_authorization(user_id=principal_of(request).user_id, scm=scm)
        return Response(authorization_body(row))


class TokenStatusView(AuthorizationStatusView):
    @extend_schema(
        request=None,
        responses={200: AuthorizationStatusShape, **refusals(ScmConfigurationNotFound)},
    )
    def post(self, request: Request, scm_id: str) -> Response:
        """Tell whether the caller has authorized the platform at a host."""
        # One of the two documented methods (spec.md 15 row 12).
        return self.get(request, scm_id)


class RevokeView(APIView):
    @extend_schema(
        request=None,
        responses={204: None, **refusals(ScmConfigurationNotFound, ScmConnectionNotFound)},
    )
    def post(self, request: Request, scm_id: str) -> Response:
        """Take back an authorization."""
        scm = selectors.get_connection_for(principal_of(request), scm_id)
        connections.revoke_authorization(user_id=_account(request), scm=scm)
        return Response(status=204)

    @extend_schema(
        responses={204: None, **refusals(ScmConfigurationNotFound, ScmConnectionNotFound)},
    )
    def get(self, request: Request, scm_id: str) -> Response:
        """Take back an authorization."""
        # The Ruby client revokes so (wire.md 6). SECURITY: a link must not do it.
        if principal_of(request).kind is PrincipalKind.PASSWORD:
            raise NotAuthorized("A browser's session revokes by POST only.")
        return self.post(request, scm_id)


class ConnectView(APIView):
    @extend_schema(
        responses={
            303: OpenApiResponse(description="Location is the host's page to agree on."),
            **refusals(ScmConfigurationNotFound, ScmOAuthUnsupported),
        },
    )
    def get(self, request: Request, scm_id: str) -> HttpResponse:
        """Begin to authorize the platform at a host."""
        scm = selectors.get_scm_to_connect_for(principal_of(request), scm_id)
        address = connections.begin_authorization(user_id=_account(request), scm=scm)
        return HttpResponse(status=303, headers={"Location": address, "Cache-Control": "no-store"})


class TokenConnectView(APIView):
    @extend_schema(
        request=None,
        responses=refusals(ScmConfigurationNotFound, ScmOAuthUnsupported, FeatureNotImplemented),
    )
    def post(self, request: Request, scm_id: str) -> Response:
        """Authorize the platform by a token of the host."""
        scm = selectors.get_scm_to_connect_for(principal_of(request), scm_id)
        if scm.is_internal or scm.is_connectable:
            reason = "needs no authorization" if scm.is_internal else "is authorized by OAuth"
            raise ScmOAuthUnsupported(reason=f"The SCM {scm.pk} {reason}.")
        raise FeatureNotImplemented("Connecting accounts of this SCM is not available yet.")


class FinishView(APIView):
    waits_for_others = True

    @extend_schema(
        parameters=[
            OpenApiParameter("code", {"type": "string", "minLength": 1}, required=True),
            OpenApiParameter("state", {"type": "string"}),
            OpenApiParameter(
                "error",
                {"type": "string"},
                description="In place of a code: access_denied when the person has not agreed.",
            ),
        ],
        responses={
            200: AuthorizationStatusShape,
            303: OpenApiResponse(description="For a browser: back to its page."),
            **refusals(
                ScmConfigurationNotFound,
                ScmOAuthMissingParameters,
                ScmOAuthInvalidAuthorizationCode,
                HostUnreachable,
            ),
        },
    )
    def get(self, request: Request, scm_id: str) -> HttpResponseBase:
        """End an authorization that was begun."""
        scm = selectors.get_scm_to_connect_for(principal_of(request), scm_id)
        if "text/html" not in request.headers.get("Accept", ""):
            return Response(authorization_body(self._finish(request, scm)))
        try:
            row = self._finish(request, scm)
            messages.success(request._request, f"Connected with {row.login} at {scm}.")
        except ApiError as exc:
            messages.error(request._request, exc.text)
        back = redirect("source-hosts")
        back.status_code = 303
        return back

    def _finish(self, request: Request, scm: ScmConfiguration) -> ScmAuthorization:
        code, state = (request.query_params.get(name, "") for name in ("code", "state"))
        if not code:
            declined = request.query_params.get("error") == "access_denied"
            raise ScmOAuthDeclined if declined else ScmOAuthMissingParameters
        if len(code) > _LONGEST or len(state) > _LONGEST:
            raise ScmOAuthInvalidAuthorizationCode
        return connections.finish_authorization(
            user_id=_account(request), scm=scm, code=code, state=state
        )


def _account(request: Request) -> UUID:
    identifier = principal_of(request).user_id
    assert identifier is not None, "everybody who may connect has an account"
    return identifier
