"""Repository hosts under /v1/scms and /v1/admin/scms (spec.md 6)."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import MayAdminister, principal_of
from algoport.errors import FeatureNotImplemented
from scm import selectors, services
from scm.api.serializers import ScmCreateSerializer, ScmUpdateSerializer, scm_body
from scm.errors import (
    ScmConnectionNotFound,
    ScmOAuthInvalidAuthorizationCode,
    ScmOAuthMissingParameters,
    ScmOAuthUnsupported,
)


class ScmListView(APIView):
    def get(self, request: Request) -> Response:
        rows = selectors.list_scms_for(principal_of(request))
        return Response({"results": [scm_body(row) for row in rows]})


class ScmView(APIView):
    def get(self, request: Request, scm_id: str) -> Response:
        return Response(scm_body(selectors.get_scm_for(principal_of(request), scm_id)))


class ScmAdminListView(APIView):
    permission_classes = [MayAdminister]

    def post(self, request: Request) -> Response:
        given = ScmCreateSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(scm_body(services.create_scm(new=given.asked())), status=201)


class ScmAdminView(APIView):
    permission_classes = [MayAdminister]

    def patch(self, request: Request, scm_id: str) -> Response:
        selectors.get_scm(scm_id)
        given = ScmUpdateSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        row = services.update_scm(
            scm_id=scm_id, enabled=given.validated_data.get("enabled"), urls=given.urls_given()
        )
        return Response(scm_body(row))

    def delete(self, request: Request, scm_id: str) -> Response:
        services.delete_scm(scm_id=scm_id)
        return Response(status=204)


class ScmDefaultView(APIView):
    permission_classes = [MayAdminister]

    def post(self, request: Request, scm_id: str) -> Response:
        services.make_scm_default(scm_id=scm_id)
        return Response(status=204)


class AuthorizationStatusView(APIView):
    """Nobody has authorized the platform anywhere: it does not talk to other hosts yet."""

    def get(self, request: Request, scm_id: str) -> Response:
        selectors.get_scm_for(principal_of(request), scm_id)
        return Response({"authorization_status": "unauthorized"})


class TokenStatusView(AuthorizationStatusView):
    def post(self, request: Request, scm_id: str) -> Response:
        # One of the two documented methods (spec.md 15 row 12).
        return self.get(request, scm_id)


class RevokeView(APIView):
    def post(self, request: Request, scm_id: str) -> Response:
        selectors.get_scm_to_connect_for(principal_of(request), scm_id)
        raise ScmConnectionNotFound

    # The Ruby client revokes so (wire.md 6).
    get = post


class ConnectView(APIView):
    """The beginning of an authorization, by OAuth or by a token."""

    http_method_names = ["get", "options"]

    def get(self, request: Request, scm_id: str) -> Response:
        scm = selectors.get_scm_to_connect_for(principal_of(request), scm_id)
        if scm.is_internal:
            raise ScmOAuthUnsupported(reason="The internal SCM needs no authorization.")
        raise FeatureNotImplemented("Connecting accounts of other SCMs is not available yet.")

    post = get


class FinishView(APIView):
    def get(self, request: Request, scm_id: str) -> Response:
        selectors.get_scm_to_connect_for(principal_of(request), scm_id)
        if not request.query_params.get("code"):
            raise ScmOAuthMissingParameters
        raise ScmOAuthInvalidAuthorizationCode
