"""GET /v1/explain: why a request of the caller would be allowed or refused."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.permissions import Principal
from algoport.api import strict
from algoport.api.description import Shape, refusals
from algoport.errors import InputValidationError, MethodNotAllowed, RouteNotFound
from algorithms.api.explaining.answers import METHODS, Explanation, explain


class ExplainQuestionSerializer(serializers.Serializer[Any]):
    """The request asked about; further parameters are what of its query and body matters."""

    method = serializers.ChoiceField(choices=METHODS, default="GET")
    path = strict.PatternField("^/v1/", max_length=4096)


class ExplanationShape(Shape):
    method = serializers.ChoiceField(METHODS)
    path = serializers.CharField()
    allowed = serializers.BooleanField()
    rule = serializers.CharField()
    action = serializers.CharField(required=False)
    status = serializers.IntegerField(required=False)
    code = serializers.IntegerField(required=False)
    message = serializers.CharField(required=False)


class ExplainView(APIView):
    """Who has not signed in may ask as well, and is told that they would have to."""

    permission_classes: list[type[BasePermission]] = []

    @extend_schema(
        parameters=[ExplainQuestionSerializer],
        responses={
            200: ExplanationShape,
            **refusals(InputValidationError, RouteNotFound, MethodNotAllowed),
        },
    )
    def get(self, request: Request) -> Response:
        """Tell by which rule a request of the caller would be allowed or refused."""
        given = ExplainQuestionSerializer(data=request.query_params)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        principal = request.user if isinstance(request.user, Principal) else None
        found = explain(principal, asked["method"], asked["path"], request.query_params.dict())
        return Response({**asked, **explanation_body(found)})


def explanation_body(explanation: Explanation) -> dict[str, Any]:
    """`status`, `code` and `message` are those of the error that the request would be answered."""
    body: dict[str, Any] = {"allowed": explanation.allowed, "rule": explanation.rule}
    if explanation.action is not None:
        body["action"] = explanation.action.value
    if explanation.error is not None:
        error = explanation.error
        body |= {"status": error.status, "code": error.code, "message": error.text}
    return body
