"""Connectors of an account below /v1/users/NAME/connectors (spec.md 5.5)."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import principal_of
from algoport.accounts.errors import InconsistentUsername, UserNotFound
from algoport.api import strict
from algoport.api.description import refusals
from algoport.api.fields import OneOf
from algoport.api.timestamps import to_milliseconds
from dataportal.api.shapes import (
    ConnectorListShape,
    ConnectorShape,
    CreatedConnectorShape,
    PreviewShape,
    VerdictShape,
)
from dataportal.connectors.inspection import Match, preview_restriction, probe_connector
from dataportal.connectors.selectors import find_connector_for, list_connectors_for
from dataportal.connectors.services import (
    NewConnector,
    create_connector,
    delete_connector,
    update_connector,
)
from dataportal.constants import CREDENTIAL_TYPES, EVERY_PATH, LABEL_PATTERN
from dataportal.errors import (
    ConnectorAlreadyExists,
    ConnectorNotFound,
    CredentialsNotReadable,
    InvalidConnector,
    NotPossibleHere,
    StorageNotReached,
    StorageRefused,
    TooManyAtOnce,
    TooManyConnectors,
)
from dataportal.models import Connector
from dataportal.selectors import MY

_LABEL = LABEL_PATTERN.pattern


@extend_schema_field({"oneOf": [{"type": "object"}, {"type": "string"}]})
class CredentialsField(serializers.JSONField):
    """JSON text or an object."""


class ConnectorSerializer(serializers.Serializer[Any]):
    """What a connector may be changed in. Credentials come in here and leave nowhere."""

    label = strict.PatternField(_LABEL, required=False)
    path = strict.CharField(required=False)
    writeable = strict.BooleanField(required=False)
    is_default = strict.BooleanField(required=False)
    options = serializers.DictField(required=False)
    cred_type = OneOf(sorted(set(CREDENTIAL_TYPES.values())), required=False)
    cred_data = CredentialsField(required=False, write_only=True)

    def changes(self) -> dict[str, Any]:
        return dict(self.validated_data)


class ConnectorCreateSerializer(ConnectorSerializer):
    username = strict.CharField()
    protocol = strict.CharField()
    label = strict.PatternField(_LABEL, required=False, allow_blank=True, default="")
    path = strict.CharField(required=False, default=EVERY_PATH)
    writeable = strict.BooleanField(required=False, default=False)
    is_default = strict.BooleanField(required=False, default=False)
    options = serializers.DictField(required=False, default=dict)
    cred_type = OneOf(sorted(set(CREDENTIAL_TYPES.values())))
    cred_data = CredentialsField(write_only=True)

    def asked(self) -> NewConnector:
        given = dict(self.validated_data)
        del given["username"]
        # As the data plane takes it: the reference writes protocols in either case.
        return NewConnector(**given | {"protocol": given["protocol"].lower()})


class ConnectorListView(APIView):
    @extend_schema(
        responses={200: ConnectorListShape, **refusals(UserNotFound)},
    )
    def get(self, request: Request, username: str) -> Response:
        """List an account's connectors."""
        rows = list_connectors_for(principal_of(request), username)
        return Response({"connectors": [connector_body(request, row) for row in rows]})

    @extend_schema(
        request=ConnectorCreateSerializer,
        responses={
            200: CreatedConnectorShape,
            **refusals(
                UserNotFound,
                InconsistentUsername,
                InvalidConnector,
                ConnectorAlreadyExists,
                TooManyConnectors,
            ),
        },
    )
    def post(self, request: Request, username: str) -> Response:
        """Connect a storage."""
        given = ConnectorCreateSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        named = principal_of(request).username if username == MY else username
        if given.validated_data["username"].lower() not in (named.lower(), username.lower()):
            raise InconsistentUsername
        connector = create_connector(
            principal=principal_of(request), owner=username, new=given.asked()
        )
        return Response(created_body(request, connector))


class ConnectorView(APIView):
    @extend_schema(
        responses={200: ConnectorShape, **refusals(ConnectorNotFound)},
    )
    def get(self, request: Request, username: str, connector_id: str) -> Response:
        """Get a connector, without its credentials."""
        connector = find_connector_for(principal_of(request), username, connector_id)
        return Response(connector_body(request, connector))

    @extend_schema(
        request=ConnectorSerializer,
        responses={
            200: ConnectorShape,
            **refusals(
                ConnectorNotFound, InvalidConnector, ConnectorAlreadyExists, CredentialsNotReadable
            ),
        },
    )
    def patch(self, request: Request, username: str, connector_id: str) -> Response:
        """Change a connector; what is left out stays."""
        given = ConnectorSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        connector = update_connector(
            principal=principal_of(request),
            owner=username,
            connector_id=connector_id,
            changes=given.changes(),
        )
        return Response(connector_body(request, connector))

    @extend_schema(
        responses={204: None, **refusals(ConnectorNotFound)},
    )
    def delete(self, request: Request, username: str, connector_id: str) -> Response:
        """Delete a connector; the storage keeps what it has."""
        delete_connector(principal=principal_of(request), owner=username, connector_id=connector_id)
        return Response(status=204)


class ConnectorTestView(APIView):
    @extend_schema(
        request=None,
        responses={200: VerdictShape, **refusals(ConnectorNotFound)},
    )
    def post(self, request: Request, username: str, connector_id: str) -> Response:
        """Try whether a connector's storage can be used."""
        verdict = probe_connector(principal_of(request), username, connector_id)
        return Response({"ok": True} if verdict.ok else {"ok": False, "reason": verdict.reason})


class ConnectorPreviewView(APIView):
    @extend_schema(
        parameters=[OpenApiParameter("path", description="A path restriction.")],
        responses={
            200: PreviewShape,
            **refusals(
                ConnectorNotFound,
                InvalidConnector,
                NotPossibleHere,
                StorageRefused,
                StorageNotReached,
                TooManyAtOnce,
                CredentialsNotReadable,
            ),
        },
    )
    def get(self, request: Request, username: str, connector_id: str) -> Response:
        """Show some of the files that a path restriction leaves."""
        pattern = request.query_params.get("path", "")
        preview = preview_restriction(principal_of(request), username, connector_id, pattern)
        return Response(
            {
                "path": preview.pattern,
                "files": [_match_body(each) for each in preview.matches],
                "complete": preview.complete,
            }
        )


def created_body(request: Request, connector: Connector) -> dict[str, Any]:
    """The protocol's members and no others; connectors are seen by their owner only."""
    return {
        "connector_id": connector.name,
        "username": principal_of(request).username,
        "label": connector.label,
        "protocol": connector.protocol,
        "is_default": connector.is_default,
        "permissions": ["read", "write"] if connector.writeable else ["read"],
    }


def connector_body(request: Request, connector: Connector) -> dict[str, Any]:
    return created_body(request, connector) | {
        "path": connector.path,
        "writeable": connector.writeable,
        "options": connector.options,
        "cred_type": CREDENTIAL_TYPES[connector.protocol],
        "created_at": to_milliseconds(connector.created_at),
    }


def _match_body(match: Match) -> dict[str, Any]:
    entry = match.entry
    return {
        "path": match.path,
        "size": entry.size,
        "last_modified": to_milliseconds(entry.modified_at),
    }
