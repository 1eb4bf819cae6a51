"""Admin endpoints: the site's features and reservations (spec.md 3.12, 3.13)."""

from typing import Any

from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import IsSignedIn
from algoport.accounts.permissions import Action, can
from algoport.errors import FeatureNotImplemented
from algorithms.api.views import principal_of
from algorithms.features import features, switch_feature
from algorithms.selectors import refusal


class IsAdministrator(BasePermission):
    """An admin key; the refusal names the rule."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        principal = principal_of(request)
        decision = can(principal, Action.ADMINISTER)
        if not decision:
            raise refusal(principal, decision)
        return True


class AdministrationView(APIView):
    permission_classes = [IsSignedIn, IsAdministrator]


class FeatureSerializer(serializers.Serializer[Any]):
    enabled = serializers.BooleanField()


class FeatureListView(AdministrationView):
    def get(self, request: Request) -> Response:
        _check_site_wide(request)
        return Response([{"name": name, "enabled": on} for name, on in features().items()])


class FeatureView(AdministrationView):
    def put(self, request: Request, name: str) -> Response:
        _check_site_wide(request)
        given = FeatureSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        switch_feature(name=name, enabled=given.validated_data["enabled"])
        return Response(status=204)


def _check_site_wide(request: Request) -> None:
    if "username" in request.query_params:
        raise FeatureNotImplemented("Features are switched for all accounts: leave username out.")
