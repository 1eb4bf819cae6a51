"""Repository hosts as they come in and go out (spec.md 6.2)."""

import re
from typing import Any

from rest_framework import serializers

from algoport.api.exception_handler import first_message
from algoport.errors import UserError
from algoport.http.addresses import AddressNotAllowed, parse_destination
from scm.constants import (
    CLIENT_ID_LENGTH,
    CLIENT_SECRET_LENGTH,
    ID_PATTERN,
    NAME_LENGTH,
    PROJECT_KEY_PATTERN,
    URL_LENGTH,
    Provider,
)
from scm.errors import ScmBadCreatePayload, ScmBadUpdatePayload
from scm.models import ScmConfiguration
from scm.services import NewScm, ScmUrls

_SSH = re.compile(r"ssh://([A-Za-z0-9._-]+@)?[A-Za-z0-9._-]+(:[0-9]{1,5})?", re.ASCII)


class SiteField(serializers.CharField):
    """An http address, without a slash at its end."""

    def to_internal_value(self, data: Any) -> str:
        url = super().to_internal_value(data).rstrip("/")
        try:
            parse_destination(url)
        except AddressNotAllowed as exc:
            raise serializers.ValidationError(f"{exc}.") from exc
        return url


class SshField(serializers.CharField):
    def to_internal_value(self, data: Any) -> str:
        url = super().to_internal_value(data).rstrip("/")
        if not _SSH.fullmatch(url):
            raise serializers.ValidationError("an address starts with ssh:// and names a host.")
        return url


class UrlsSerializer(serializers.Serializer[Any]):
    web = SiteField(max_length=URL_LENGTH)
    api = SiteField(max_length=URL_LENGTH)
    ssh = SshField(max_length=URL_LENGTH)


class OAuthSerializer(serializers.Serializer[Any]):
    client_id = serializers.CharField(max_length=CLIENT_ID_LENGTH)
    client_secret = serializers.CharField(max_length=CLIENT_SECRET_LENGTH, write_only=True)


class ProjectSerializer(serializers.Serializer[Any]):
    project_key = serializers.RegexField(PROJECT_KEY_PATTERN, max_length=3)


class _Payload(serializers.Serializer[Any]):
    """What is wrong with it is told by an error of its own."""

    refusal: type[UserError]

    def run_validation(self, data: Any = serializers.empty) -> Any:
        try:
            return super().run_validation(data)
        except serializers.ValidationError as exc:
            raise self.refusal(reason=first_message(exc.detail)) from exc


class ScmCreateSerializer(_Payload):
    """A new host: `oauth` with most providers, `scm.project_key` with a Bitbucket Server."""

    refusal = ScmBadCreatePayload

    id = serializers.RegexField(ID_PATTERN, required=False, allow_null=True, default=None)
    name = serializers.CharField(max_length=NAME_LENGTH, required=False, default="")
    enabled = serializers.BooleanField(default=True)
    provider = serializers.ChoiceField(choices=Provider.choices)
    urls = UrlsSerializer(required=False)
    oauth = OAuthSerializer(required=False)
    scm = ProjectSerializer(required=False)

    def to_internal_value(self, data: Any) -> Any:
        # Both spellings are in use.
        if isinstance(data, dict) and data.get("provider") == "bitbucket_cloud":
            data = {**data, "provider": str(Provider.BITBUCKET_CLOUD)}
        return super().to_internal_value(data)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        provider = attrs["provider"]
        if provider == Provider.INTERNAL:
            return attrs
        needed = "scm" if provider == Provider.BITBUCKET else "oauth"
        for name in ("urls", needed):
            if name not in attrs:
                raise serializers.ValidationError({name: ["This field is required."]})
        return attrs

    def asked(self) -> NewScm:
        given = self.validated_data
        oauth = given.get("oauth", {})
        urls = given.get("urls", {"web": "", "api": "", "ssh": ""})
        return NewScm(
            provider=given["provider"],
            urls=ScmUrls(**urls),
            id=given["id"],
            name=given["name"],
            enabled=given["enabled"],
            client_id=oauth.get("client_id", ""),
            client_secret=oauth.get("client_secret", ""),
            project_key=given.get("scm", {}).get("project_key", ""),
        )


class ScmUpdateSerializer(_Payload):
    """What a host can be changed in; of the addresses all at once."""

    refusal = ScmBadUpdatePayload

    enabled = serializers.BooleanField(required=False)
    urls = UrlsSerializer(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs or set(self.initial_data) - {"enabled", "urls"}:
            raise serializers.ValidationError("Of an SCM enabled and urls can be changed.")
        return attrs

    def urls_given(self) -> ScmUrls | None:
        urls = self.validated_data.get("urls")
        return None if urls is None else ScmUrls(**urls)


def scm_body(scm: ScmConfiguration) -> dict[str, Any]:
    """A host; `oauth` and `scm` say the same, because clients read either (spec.md 15 row 20)."""
    if scm.is_internal:
        return {
            "id": scm.id,
            "provider": scm.provider,
            "default": scm.is_default,
            "enabled": scm.enabled,
        }
    body: dict[str, Any] = {
        "default": scm.is_default,
        "enabled": scm.enabled,
        "id": scm.id,
        "provider": scm.provider,
        "urls": {"api": scm.api_url, "ssh": scm.ssh_url, "web": scm.web_url},
    }
    if scm.name:
        body["name"] = scm.name
    if scm.provider == Provider.BITBUCKET:
        return body | {"scm": {"project_key": scm.project_key}}
    client = {"client_id": scm.client_id}
    return body | {"oauth": client, "scm": client}
