"""/v1/users/NAME/sessions: where a user has signed in; the platform's own endpoint."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import principal_of
from algoport.accounts.api.shapes import SessionShape
from algoport.accounts.errors import SessionNotFound, UserNotFound
from algoport.accounts.models import SignedInSession, User
from algoport.accounts.permissions import Action
from algoport.accounts.selectors import get_account_for
from algoport.accounts.sessions import end_session, end_sessions, list_sessions
from algoport.api.description import refusals
from algoport.api.timestamps import to_milliseconds


class SessionListView(APIView):
    @extend_schema(responses={200: SessionShape(many=True), **refusals(UserNotFound)})
    def get(self, request: Request, username: str) -> Response:
        """List where a user has signed in."""
        user = _account(request, username)
        current = request._request.session.session_key
        return Response([session_body(each, current) for each in list_sessions(user)])

    @extend_schema(responses={204: None, **refusals(UserNotFound)})
    def delete(self, request: Request, username: str) -> Response:
        """Sign a user out everywhere."""
        end_sessions(user=_account(request, username))
        return Response(status=204)


class SessionView(APIView):
    @extend_schema(responses={204: None, **refusals(UserNotFound, SessionNotFound)})
    def delete(self, request: Request, username: str, session_id: UUID) -> Response:
        """End one session."""
        end_session(user=_account(request, username), session_id=session_id)
        return Response(status=204)


def session_body(row: SignedInSession, current: str | None) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "address": row.address,
        "agent": row.agent,
        "created_at": to_milliseconds(row.created_at),
        "last_seen_at": to_milliseconds(row.last_seen_at),
        "current": row.session_id == current,
    }


def _account(request: Request, username: str) -> User:
    return get_account_for(principal_of(request), username, Action.MANAGE_SESSIONS)
