"""Secrets of algorithms, and the providers that keep them (spec.md 10)."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import MayAdminister
from algoport.accounts.permissions import Action
from algoport.api import strict
from algoport.api.description import refusals
from algoport.api.exception_handler import first_message
from algoport.api.timestamps import to_milliseconds
from algoport.errors import FeatureNotImplemented
from algorithms.api.lookup import algorithm_of
from algorithms.api.shapes import SecretListShape, SecretProviderShape, SecretShape
from algorithms.constants import (
    SECRET_DESCRIPTION_LENGTH,
    SECRET_NAME_LENGTH,
    SECRET_VALUE_BYTES,
    SECRET_VARIABLE_LENGTH,
)
from algorithms.errors import (
    CannotModifyInternalSecretProvider,
    CreateRequiresSecretValue,
    EditSecretFailed,
    MalformedSecretRequest,
    SecretConstraintViolation,
    SecretNotFound,
    SecretProviderNotFound,
    SecretVariableTaken,
)
from algorithms.models import AlgorithmSecret
from algorithms.secrets import providers, services
from algorithms.secrets.naming import NAME_PATTERN

_INTERNAL = refusals(CannotModifyInternalSecretProvider, SecretProviderNotFound)
_NOT_HERE = refusals(FeatureNotImplemented)


class SecretRequestSerializer(serializers.Serializer[Any]):
    """What a secret is made or changed by; `secret_value` is never shown again."""

    short_name = strict.CharField(
        required=False,
        allow_blank=True,
        described={"pattern": strict.NOT_BLANK, "maxLength": SECRET_NAME_LENGTH},
    )
    # One client sends a blank where there is no description.
    description = strict.CharField(
        required=False,
        allow_blank=True,
        allow_null=True,
        described={"maxLength": SECRET_DESCRIPTION_LENGTH},
    )
    owner_type = strict.CharField(required=False, described={"enum": [services.OWNER_TYPE]})
    owner_id = strict.CharField(required=False)
    provider_id = strict.CharField(required=False)
    secret_key = strict.PatternField(
        NAME_PATTERN, required=False, described={"maxLength": SECRET_VARIABLE_LENGTH}
    )
    secret_value = strict.CharField(
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        write_only=True,
        described={"minLength": 1, "maxLength": SECRET_VALUE_BYTES},
    )

    def asked(self) -> services.SecretFields:
        """Raises MalformedSecretRequest."""
        if not self.is_valid():
            raise MalformedSecretRequest(reason=first_message(self.errors))
        given = self.validated_data
        return services.SecretFields(
            name=given.get("short_name"),
            description=given.get("description"),
            variable=given.get("secret_key"),
            value=given.get("secret_value"),
            provider_id=given.get("provider_id"),
            owner_type=given.get("owner_type"),
            owner_id=given.get("owner_id"),
        )


class NewSecretSerializer(SecretRequestSerializer):
    together: ClassVar[dict[str, Any]] = {"required": ["short_name", "secret_key", "secret_value"]}


class SecretListView(APIView):
    @extend_schema(responses=SecretListShape)
    def get(self, request: Request, **where: Any) -> Response:
        """List an algorithm's secrets, without their values."""
        algorithm = algorithm_of(request, where, Action.MANAGE_SECRETS)
        bodies = [secret_body(row) for row in services.list_secrets(algorithm)]
        # The API reference has one key, the Python client's tests the other (spec.md 15).
        return Response({"results": bodies, "secrets": bodies})

    @extend_schema(
        request=NewSecretSerializer,
        responses={
            200: SecretShape,
            **refusals(
                MalformedSecretRequest,
                SecretConstraintViolation,
                SecretVariableTaken,
                CreateRequiresSecretValue,
                SecretProviderNotFound,
            ),
        },
    )
    def post(self, request: Request, **where: Any) -> Response:
        """Set a new secret: an environment variable of the algorithm's runs."""
        algorithm = algorithm_of(request, where, Action.MANAGE_SECRETS)
        given = NewSecretSerializer(data=request.data).asked()
        return Response(secret_body(services.create_secret(algorithm=algorithm, given=given)))


class SecretView(APIView):
    @extend_schema(
        request=SecretRequestSerializer,
        responses={
            200: SecretShape,
            **refusals(
                MalformedSecretRequest, SecretConstraintViolation, EditSecretFailed, SecretNotFound
            ),
        },
    )
    def put(self, request: Request, secret_id: UUID, **where: Any) -> Response:
        """Change a secret's name, description or value."""
        algorithm = algorithm_of(request, where, Action.MANAGE_SECRETS)
        given = SecretRequestSerializer(data=request.data).asked()
        secret = services.update_secret(algorithm=algorithm, secret_id=secret_id, given=given)
        return Response(secret_body(secret))

    @extend_schema(responses={204: None, **refusals(SecretNotFound)})
    def delete(self, request: Request, secret_id: UUID, **where: Any) -> Response:
        """Delete a secret; calls that begin from now on run without it."""
        algorithm = algorithm_of(request, where, Action.MANAGE_SECRETS)
        services.delete_secret(algorithm=algorithm, secret_id=secret_id)
        return Response(status=204)


class SecretProviderListView(APIView):
    @extend_schema(responses=SecretProviderShape(many=True))
    def get(self, request: Request) -> Response:
        """List the providers that keep secrets, the default first."""
        return Response([provider_body(each) for each in providers.secret_providers()])


class ProviderAdministrationListView(SecretProviderListView):
    permission_classes = [MayAdminister]

    @extend_schema(request=OpenApiTypes.OBJECT, responses={200: SecretProviderShape, **_NOT_HERE})
    def post(self, request: Request) -> Response:
        """Make a provider of a plugin; always refused."""
        providers.refuse_new_provider()


class ProviderAdministrationView(APIView):
    permission_classes = [MayAdminister]

    @extend_schema(responses={200: SecretProviderShape, **refusals(SecretProviderNotFound)})
    def get(self, request: Request, provider_id: str) -> Response:
        """Show a provider."""
        return Response(provider_body(providers.get_secret_provider(provider_id)))

    @extend_schema(request=OpenApiTypes.OBJECT, responses={200: SecretProviderShape, **_INTERNAL})
    def post(self, request: Request, provider_id: str) -> Response:
        """Change a provider; the internal one stays as it is."""
        providers.refuse_changed_provider(provider_id)

    @extend_schema(responses={204: None, **_INTERNAL})
    def delete(self, request: Request, provider_id: str) -> Response:
        """Delete a provider; the internal one stays."""
        providers.refuse_changed_provider(provider_id)


class ProviderPluginView(APIView):
    """Of the protocol's providers that are plugins, which there are none of."""

    permission_classes = [MayAdminister]

    @extend_schema(responses={200: None, **_NOT_HERE})
    def get(self, request: Request, provider_id: str) -> Response:
        """Ask whether a provider has its plugin; always refused."""
        providers.refuse_new_provider()

    @extend_schema(request=OpenApiTypes.BINARY, responses={200: None, **_NOT_HERE})
    def post(self, request: Request, provider_id: str) -> Response:
        """Upload a plugin, or make its provider the default; always refused."""
        providers.refuse_new_provider()


def secret_body(secret: AlgorithmSecret) -> dict[str, Any]:
    return {
        "id": str(secret.pk),
        "short_name": secret.name,
        "description": secret.description,
        "secret_key": secret.variable,
        "owner_type": "algorithm",
        "owner_id": str(secret.algorithm_id),
        "provider_id": str(providers.INTERNAL.id),
        "created": to_milliseconds(secret.created_at),
        "modified": to_milliseconds(secret.modified_at),
    }


def provider_body(provider: providers.SecretProvider) -> dict[str, Any]:
    return {
        "id": str(provider.id),
        "name": provider.name,
        "description": provider.description,
        "moduleName": provider.module,
        "factoryClassName": provider.factory,
        "interfaceVersion": provider.interface_version,
        "isEnabled": True,
        "isDefault": True,
        "created": to_milliseconds(provider.made_at),
        "modified": to_milliseconds(provider.made_at),
    }
