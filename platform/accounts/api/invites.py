"""/v1/admin/invites: invite codes, for administrators (spec.md 2.1)."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import MayAdminister, principal_of
from algoport.accounts.api.shapes import InviteCodeShape
from algoport.accounts.errors import InviteCodeExists, InviteCodeNotFound
from algoport.accounts.invite_codes import (
    CODE_PATTERN,
    LONGEST_CODE,
    Listed,
    create_code,
    delete_code,
    list_codes,
)
from algoport.accounts.models import User
from algoport.api import strict
from algoport.api.description import refusals
from algoport.api.timestamps import to_milliseconds


class NewInviteCodeSerializer(serializers.Serializer[Any]):
    """`maxUses` is the platform's own; without it a code works until it expires."""

    inviteCode = strict.PatternField(CODE_PATTERN, max_length=LONGEST_CODE)
    signupCredits = strict.IntegerField(
        min_value=0, max_value=2**31 - 1, required=False, allow_null=True, default=0
    )
    comments = strict.CharField(
        max_length=1000, required=False, allow_blank=True, allow_null=True, default=""
    )
    expiresAt = serializers.DateTimeField(required=False, allow_null=True, default=None)
    maxUses = strict.IntegerField(
        min_value=1, max_value=2**31 - 1, required=False, allow_null=True, default=None
    )


class InviteListView(APIView):
    permission_classes = [MayAdminister]

    @extend_schema(responses={200: InviteCodeShape(many=True)})
    def get(self, request: Request) -> Response:
        """List invite codes."""
        return Response([invite_body(each) for each in list_codes()])

    @extend_schema(
        request=NewInviteCodeSerializer,
        responses={200: InviteCodeShape, **refusals(InviteCodeExists)},
    )
    def post(self, request: Request) -> Response:
        """Make an invite code."""
        given = NewInviteCodeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        code = given.validated_data["inviteCode"]
        row = create_code(
            code=code,
            creator=User.objects.get(pk=principal_of(request).user_id),
            comments=given.validated_data["comments"] or "",
            signup_credits=given.validated_data["signupCredits"] or 0,
            expires_at=given.validated_data["expiresAt"],
            max_uses=given.validated_data["maxUses"],
        )
        return Response(invite_body(Listed(row, code)))


class InviteView(APIView):
    permission_classes = [MayAdminister]

    @extend_schema(responses={200: None, **refusals(InviteCodeNotFound)})
    def delete(self, request: Request, code: str) -> Response:
        """Delete an invite code; nobody signs up by it any more."""
        delete_code(code=code)
        return Response(status=200)


def invite_body(listed: Listed) -> dict[str, Any]:
    row = listed.row
    return {
        "inviteCode": listed.code,
        "signupCredits": row.signup_credits,
        "comments": row.comments,
        "expiresAt": row.expires_at and to_milliseconds(row.expires_at),
        "createdAt": to_milliseconds(row.created_at),
        "createdBy": row.created_by.username,
        "maxUses": row.max_uses,
        "uses": row.uses,
    }
