"""Repository hosts as they come in and go out (spec.md 6.2)."""

import re
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from algoport.api import strict
from algoport.api.exception_handler import first_message
from algoport.errors import UserError
from algoport.http.addresses import ADDRESS_PATTERN, AddressNotAllowed, parse_destination
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
from scm.models import ScmAuthorization, ScmConfiguration
from scm.services import NewScm, ScmUrls

# Both spellings are in use.
_CLOUD = "bitbucket_cloud"
_BY_OAUTH = [*map(str, (Provider.GITHUB, Provider.GITLAB, Provider.BITBUCKET_CLOUD)), _CLOUD]
_SSH = r"^ssh://([A-Za-z0-9._-]+@)?[A-Za-z0-9._-]+(:[0-9]{1,5})?/*\Z"


class SiteField(strict.PatternField):
    """An http address, without a slash at its end."""

    def __init__(self, **options: Any) -> None:
        super().__init__(ADDRESS_PATTERN, **options)

    def to_internal_value(self, data: Any) -> str:
        url = super().to_internal_value(data).rstrip("/")
        try:
            parse_destination(url)
        except AddressNotAllowed as exc:
            raise serializers.ValidationError(f"{exc}.") from exc
        return url


class SshField(strict.PatternField):
    def __init__(self, **options: Any) -> None:
        super().__init__(_SSH, **options)

    def to_internal_value(self, data: Any) -> str:
        url = super().to_internal_value(data).rstrip("/")
        if not re.match(_SSH, url):
            raise serializers.ValidationError("an address starts with ssh:// and names a host.")
        return url


class UrlsSerializer(serializers.Serializer[Any]):
    web = SiteField(max_length=URL_LENGTH)
    api = SiteField(max_length=URL_LENGTH)
    ssh = SshField(max_length=URL_LENGTH)


class OAuthSerializer(serializers.Serializer[Any]):
    client_id = strict.CharField(max_length=CLIENT_ID_LENGTH)
    client_secret = strict.CharField(max_length=CLIENT_SECRET_LENGTH, write_only=True)


class ProjectSerializer(serializers.Serializer[Any]):
    project_key = strict.RegexField(PROJECT_KEY_PATTERN, max_length=3)


@extend_schema_field({"type": "string", "enum": [*_BY_OAUTH, str(Provider.BITBUCKET)]})
class ProviderField(serializers.ChoiceField):
    """Of the platform's own there is one, and there will be no other."""


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
    together: ClassVar[dict[str, Any]] = {
        "anyOf": [
            {
                "properties": {"provider": {"enum": [str(Provider.BITBUCKET)]}},
                "required": ["urls", "scm"],
            },
            {"properties": {"provider": {"enum": _BY_OAUTH}}, "required": ["urls", "oauth"]},
        ]
    }

    id = strict.RegexField(ID_PATTERN, required=False, allow_null=True, default=None)
    name = strict.CharField(max_length=NAME_LENGTH, required=False, allow_blank=True, default="")
    enabled = strict.BooleanField(default=True)
    provider = ProviderField(choices=[*Provider.values, _CLOUD])
    urls = UrlsSerializer(required=False)
    oauth = OAuthSerializer(required=False)
    scm = ProjectSerializer(required=False)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and data.get("provider") == _CLOUD:
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
    together: ClassVar[dict[str, Any]] = {"minProperties": 1, "additionalProperties": False}

    enabled = strict.BooleanField(required=False)
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


def authorization_body(row: ScmAuthorization | None) -> dict[str, Any]:
    """What an account has authorized at a host; never the token."""
    if row is None:
        return {"authorization_status": "unauthorized"}
    return {
        "authorization_status": "authorized",
        "scm_username": row.login,
        "scm_organizations": [
            {"scm_org_username": name, "access_level": "MEMBER"} for name in row.organizations
        ],
    }
