"""Secrets of algorithms, and the providers that keep them (spec.md 10)."""

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import MayAdminister
from algoport.accounts.permissions import Action
from algoport.api.exception_handler import first_message
from algoport.api.timestamps import to_milliseconds
from algorithms.api.lookup import algorithm_of
from algorithms.errors import MalformedSecretRequest
from algorithms.models import AlgorithmSecret
from algorithms.secrets import providers, services


class SecretRequestSerializer(serializers.Serializer[Any]):
    """What a secret is made or changed by; `secret_value` is never shown again."""

    short_name = serializers.CharField(required=False, allow_blank=True)
    # One client sends a blank where there is no description.
    description = serializers.CharField(required=False, allow_blank=True, allow_null=True)
    owner_type = serializers.CharField(required=False)
    owner_id = serializers.CharField(required=False)
    provider_id = serializers.CharField(required=False)
    secret_key = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)
    secret_value = serializers.CharField(
        required=False, allow_blank=True, trim_whitespace=False, write_only=True
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


class SecretListView(APIView):
    def get(self, request: Request, **where: Any) -> Response:
        algorithm = algorithm_of(request, where, Action.MANAGE_SECRETS)
        bodies = [secret_body(row) for row in services.list_secrets(algorithm)]
        # The API reference has one key, the Python client's tests the other (spec.md 15).
        return Response({"results": bodies, "secrets": bodies})

    def post(self, request: Request, **where: Any) -> Response:
        algorithm = algorithm_of(request, where, Action.MANAGE_SECRETS)
        given = SecretRequestSerializer(data=request.data).asked()
        return Response(secret_body(services.create_secret(algorithm=algorithm, given=given)))


class SecretView(APIView):
    def put(self, request: Request, secret_id: UUID, **where: Any) -> Response:
        algorithm = algorithm_of(request, where, Action.MANAGE_SECRETS)
        given = SecretRequestSerializer(data=request.data).asked()
        secret = services.update_secret(algorithm=algorithm, secret_id=secret_id, given=given)
        return Response(secret_body(secret))

    def delete(self, request: Request, secret_id: UUID, **where: Any) -> Response:
        algorithm = algorithm_of(request, where, Action.MANAGE_SECRETS)
        services.delete_secret(algorithm=algorithm, secret_id=secret_id)
        return Response(status=204)


class SecretProviderListView(APIView):
    def get(self, request: Request) -> Response:
        return Response([provider_body(each) for each in providers.secret_providers()])


class ProviderAdministrationListView(SecretProviderListView):
    permission_classes = [MayAdminister]

    def post(self, request: Request) -> Response:
        providers.refuse_new_provider()


class ProviderAdministrationView(APIView):
    permission_classes = [MayAdminister]

    def get(self, request: Request, provider_id: str) -> Response:
        return Response(provider_body(providers.get_secret_provider(provider_id)))

    def post(self, request: Request, provider_id: str) -> Response:
        providers.refuse_changed_provider(provider_id)

    def delete(self, request: Request, provider_id: str) -> Response:
        providers.refuse_changed_provider(provider_id)


class ProviderPluginView(APIView):
    permission_classes = [MayAdminister]

    def get(self, request: Request, provider_id: str) -> Response:
        providers.refuse_new_provider()

    post = get


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
