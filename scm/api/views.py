"""Repository hosts under /v1/scms and /v1/admin/scms (spec.md 6)."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import MayAdminister, principal_of
from algoport.api.description import refusals
from scm import selectors, services
from scm.api.serializers import ScmCreateSerializer, ScmUpdateSerializer, scm_body
from scm.api.shapes import ScmListShape, ScmShape
from scm.errors import (
    ScmBadCreatePayload,
    ScmBadUpdatePayload,
    ScmConfigurationNotFound,
    ScmConflict,
    ScmDisabled,
    ScmDisallowedOperation,
    ScmEnabled,
    ScmInUse,
    ScmIsDefault,
)


class ScmListView(APIView):
    @extend_schema(
        responses=ScmListShape,
    )
    def get(self, request: Request) -> Response:
        """List the hosts that repositories can be on."""
        rows = selectors.list_scms_for(principal_of(request))
        return Response({"results": [scm_body(row) for row in rows]})


class ScmView(APIView):
    @extend_schema(
        responses={200: ScmShape, **refusals(ScmConfigurationNotFound)},
    )
    def get(self, request: Request, scm_id: str) -> Response:
        """Get a repository host."""
        return Response(scm_body(selectors.get_scm_for(principal_of(request), scm_id)))


class ScmAdminListView(APIView):
    permission_classes = [MayAdminister]

    @extend_schema(
        request=ScmCreateSerializer,
        responses={
            201: ScmShape,
            **refusals(ScmBadCreatePayload, ScmConflict, ScmDisallowedOperation),
        },
    )
    def post(self, request: Request) -> Response:
        """Add a repository host."""
        given = ScmCreateSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(scm_body(services.create_scm(new=given.asked())), status=201)


class ScmAdminView(APIView):
    permission_classes = [MayAdminister]

    @extend_schema(
        request=ScmUpdateSerializer,
        responses={
            200: ScmShape,
            **refusals(
                ScmConfigurationNotFound,
                ScmBadUpdatePayload,
                ScmIsDefault,
                ScmConflict,
                ScmDisallowedOperation,
            ),
        },
    )
    def patch(self, request: Request, scm_id: str) -> Response:
        """Change a repository host."""
        selectors.get_scm(scm_id)
        given = ScmUpdateSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        row = services.update_scm(
            scm_id=scm_id, enabled=given.validated_data.get("enabled"), urls=given.urls_given()
        )
        return Response(scm_body(row))

    @extend_schema(
        responses={
            204: None,
            **refusals(
                ScmConfigurationNotFound, ScmEnabled, ScmIsDefault, ScmInUse, ScmDisallowedOperation
            ),
        },
    )
    def delete(self, request: Request, scm_id: str) -> Response:
        """Delete a repository host that is not used."""
        services.delete_scm(scm_id=scm_id)
        return Response(status=204)


class ScmDefaultView(APIView):
    permission_classes = [MayAdminister]

    @extend_schema(
        request=None,
        responses={204: None, **refusals(ScmConfigurationNotFound, ScmDisabled)},
    )
    def post(self, request: Request, scm_id: str) -> Response:
        """Make a repository host the default."""
        services.make_scm_default(scm_id=scm_id)
        return Response(status=204)
