"""Bodies of the algorithm endpoints: what comes in, and what goes out (spec.md 3.1, 3.4)."""

from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from algoport.api import strict
from algoport.api.description import MOMENT
from algoport.api.fields import OneOf
from algoport.api.timestamps import to_milliseconds
from algoport.errors import FeatureNotImplemented
from algorithms.constants import (
    MOST_ROYALTY,
    MOST_SAMPLE_CHARACTERS,
    NAME_LENGTH,
    NAME_PATTERN,
    ApprovalState,
    BuildState,
    Callability,
    EnvironmentForm,
    License,
    NetworkAccess,
    VersionType,
    Visibility,
)
from algorithms.models import Algorithm, Build, Environment, Sample, Version
from algorithms.remotes.making import SourceChoice
from algorithms.remotes.selectors import remote_of
from algorithms.services import AlgorithmDetails, AlgorithmSettings, Publication
from algorithms.updates import AlgorithmChanges
from scm.api.serializers import scm_body
from scm.constants import LOGIN_LENGTH, REPOSITORY_NAME_LENGTH

_SCM = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}


@extend_schema_field(MOMENT)
class MomentField(serializers.Field[datetime, str, str, Any]):
    """A moment in ISO 8601, or a day, which begins or ends it; UTC unless it says otherwise."""

    def __init__(self, *, end_of_day: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self._time = time(23, 59, 59) if end_of_day else time()

    def to_internal_value(self, data: str) -> datetime:
        try:
            # A plus sign in a query is a space to whoever reads it.
            moment = datetime.fromisoformat(data.replace(" ", "+") if "T" in data else data)
            if ":" not in data:
                moment = datetime.combine(moment.date(), self._time)
            aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return aware.astimezone(UTC)
        except (ValueError, OverflowError) as exc:
            raise serializers.ValidationError(
                "a moment like 2026-01-31T12:00:00Z or a day like 2026-01-31."
            ) from exc


class DetailsSerializer(serializers.Serializer[Any]):
    label = strict.CharField(max_length=200)
    summary = strict.CharField(required=False, allow_blank=True, default="")
    tagline = strict.CharField(required=False, allow_blank=True, default="", max_length=300)


class SettingsSerializer(serializers.Serializer[Any]):
    license = OneOf(License.choices, required=False, default=License.APL)
    network_access = OneOf(NetworkAccess.choices)
    pipeline_enabled = strict.BooleanField()
    source_visibility = OneOf(Visibility.choices)
    algorithm_callability = OneOf(Callability.choices, required=False, default=Callability.PRIVATE)
    language = strict.CharField(required=False, default=None, allow_null=True)
    environment = strict.CharField(required=False, default=None, allow_null=True)
    package_set = strict.CharField(required=False, default=None, allow_null=True)
    algorithm_environment = strict.CharField(required=False, default=None, allow_null=True)
    royalty_microcredits = strict.IntegerField(
        required=False, default=None, allow_null=True, min_value=0, max_value=MOST_ROYALTY
    )
    insights_enabled = strict.BooleanField(required=False, default=None, allow_null=True)

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(_with_license(data))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not any(attrs[way] for way in ("language", "package_set", "algorithm_environment")):
            raise serializers.ValidationError(
                "name a language with an environment, a package_set or an algorithm_environment."
            )
        if attrs["language"] and not attrs["environment"]:
            raise serializers.ValidationError("with a language, environment is cpu or gpu.")
        return attrs


class SampleSerializer(serializers.Serializer[Any]):
    sample_input = strict.CharField(
        required=False, allow_blank=True, default="", max_length=MOST_SAMPLE_CHARACTERS
    )


@extend_schema_field({"oneOf": [{"type": "string"}, _SCM]})
class ScmField(strict.CharField):
    """The id of a host, or the host as bodies show it: some send back what they were told."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if not isinstance(data, dict):
            return super().run_validation(data)
        if not isinstance(data.get("id"), str):
            self.fail("invalid")
        return super().run_validation(data["id"])


class SourceSerializer(serializers.Serializer[Any]):
    """The rest belongs to repositories at other hosts."""

    scm = ScmField(required=False, allow_blank=True, allow_null=True, default=None)
    repository_owner = strict.CharField(
        required=False, allow_blank=True, allow_null=True, max_length=LOGIN_LENGTH
    )
    repository_name = strict.CharField(
        required=False, allow_blank=True, allow_null=True, max_length=REPOSITORY_NAME_LENGTH
    )

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and data.get("existing_repository_name"):
            raise FeatureNotImplemented(
                "A repository that exists already cannot be used: each algorithm gets a new one."
            )
        return super().to_internal_value(data)


class AlgorithmCreateSerializer(serializers.Serializer[Any]):
    """Body of a creation; members that other hosts of code need are accepted and not used."""

    name = strict.PatternField(NAME_PATTERN, max_length=NAME_LENGTH)
    details = DetailsSerializer()
    settings = SettingsSerializer()
    version_info = SampleSerializer(required=False)
    source = SourceSerializer(required=False)

    def details_given(self) -> AlgorithmDetails:
        return AlgorithmDetails(**self.validated_data["details"])

    def source_given(self, maker: UUID | None) -> SourceChoice:
        source = self.validated_data.get("source", {})
        return SourceChoice(
            source.get("scm"),
            source.get("repository_owner") or "",
            source.get("repository_name") or "",
            maker,
        )

    def settings_given(self) -> AlgorithmSettings:
        given = dict(self.validated_data["settings"])
        given["callability"] = given.pop("algorithm_callability")
        return AlgorithmSettings(**given)


class ChangedDetailsSerializer(serializers.Serializer[Any]):
    label = strict.CharField(required=False, allow_null=True, max_length=200)
    summary = strict.CharField(required=False, allow_null=True, allow_blank=True)
    tagline = strict.CharField(required=False, allow_null=True, allow_blank=True, max_length=300)


class ChangedSettingsSerializer(serializers.Serializer[Any]):
    license = OneOf(License.choices, required=False, allow_null=True)
    network_access = OneOf(NetworkAccess.choices, required=False, allow_null=True)
    pipeline_enabled = strict.BooleanField(required=False, allow_null=True)
    source_visibility = OneOf(Visibility.choices, required=False, allow_null=True)
    algorithm_callability = OneOf(Callability.choices, required=False, allow_null=True)
    language = strict.CharField(required=False, allow_null=True)
    environment = strict.CharField(required=False, allow_null=True)
    package_set = strict.CharField(required=False, allow_null=True)
    algorithm_environment = strict.CharField(required=False, allow_null=True)
    royalty_microcredits = strict.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=MOST_ROYALTY
    )
    insights_enabled = strict.BooleanField(required=False, allow_null=True)

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(_with_license(data))


class ChangedSampleSerializer(serializers.Serializer[Any]):
    sample_input = strict.CharField(
        required=False, allow_null=True, allow_blank=True, max_length=MOST_SAMPLE_CHARACTERS
    )


class AlgorithmUpdateSerializer(serializers.Serializer[Any]):
    """Body of an update; every part of it may be left out, or be null (spec.md 3.3)."""

    details = ChangedDetailsSerializer(required=False, allow_null=True)
    settings = ChangedSettingsSerializer(required=False, allow_null=True)
    version_info = ChangedSampleSerializer(required=False, allow_null=True)

    def changes(self) -> AlgorithmChanges:
        return changes_given(self.validated_data)


class VersionInfoSerializer(ChangedSampleSerializer):
    version_type = OneOf(VersionType.choices, required=False, allow_null=True, allow_blank=True)
    type = OneOf(VersionType.choices, required=False, allow_null=True, allow_blank=True)
    release_notes = strict.CharField(required=False, allow_null=True, allow_blank=True)
    sample_output = strict.CharField(
        required=False, allow_null=True, allow_blank=True, max_length=MOST_SAMPLE_CHARACTERS
    )
    insights_enabled = strict.BooleanField(required=False, allow_null=True)
    git_hash = strict.CharField(required=False, allow_blank=True, allow_null=True)


class VersionPublishSerializer(serializers.Serializer[Any]):
    """Body of a publication; every part of it may be left out (spec.md 3.5)."""

    details = ChangedDetailsSerializer(required=False, allow_null=True)
    settings = ChangedSettingsSerializer(required=False, allow_null=True)
    version_info = VersionInfoSerializer(required=False, allow_null=True)

    def publication(self) -> Publication:
        info = self.validated_data.get("version_info") or {}
        return Publication(
            version_type=info.get("version_type") or info.get("type") or VersionType.DEFAULT,
            release_notes=info.get("release_notes") or "",
            git_hash=info.get("git_hash"),
            sample_output=info.get("sample_output"),
            changes=changes_given(self.validated_data),
        )


def changes_given(body: dict[str, Any]) -> AlgorithmChanges:
    """The changes that a body of an update or a publication asks for."""
    info, chosen = body.get("version_info") or {}, dict(body.get("settings") or {})
    chosen["callability"] = chosen.pop("algorithm_callability", None)
    # The original's documents have it in either place.
    if info.get("insights_enabled") is not None:
        chosen["insights_enabled"] = info["insights_enabled"]
    details = body.get("details") or {}
    return AlgorithmChanges(**details, **chosen, sample_input=info.get("sample_input"))


def _with_license(settings: Any) -> Any:
    # Some clients spell it otherwise (wire.md 5).
    if isinstance(settings, dict) and "licence" in settings and "license" not in settings:
        return {**settings, "license": settings["licence"]}
    return settings


class CommitRangeSerializer(serializers.Serializer[Any]):
    """Query of a commit log: ISO 8601; a time without a zone is UTC, a day is all of it."""

    since = MomentField(required=False, default=None)
    until = MomentField(required=False, default=None, end_of_day=True)


def version_of(build: Build) -> Version | None:
    """The version that a build was published as."""
    version: Version | None = getattr(build, "version", None)
    return version


def build_body(build: Build) -> dict[str, Any]:
    body: dict[str, Any] = {"build_id": str(build.id), "commit_sha": build.commit_sha}
    if build.finished_at is not None:
        body["finished_at"] = to_milliseconds(build.finished_at)
    body |= {
        "resource_type": "algorithm_build",
        "started_at": to_milliseconds(build.started_at),
        "status": build.state,
    }
    version = version_of(build)
    if version is not None:
        body["version_info"] = {"semantic_version": version.semantic_version}
    return body


def algorithm_body(algorithm: Algorithm, base_url: str) -> dict[str, Any]:
    """An algorithm that is not about one of its versions."""
    details = {"label": algorithm.label}
    details |= {
        key: getattr(algorithm, key) for key in ("summary", "tagline") if getattr(algorithm, key)
    }
    return {
        "id": str(algorithm.id),
        "name": algorithm.name,
        "details": details,
        "settings": _settings_body(algorithm, algorithm, algorithm.environment),
        "source": _source_body(algorithm),
        "self_link": link_of(algorithm, base_url),
        "resource_type": "algorithm",
    }


def _source_body(algorithm: Algorithm) -> dict[str, Any]:
    body: dict[str, Any] = {"scm": scm_body(algorithm.scm)}
    remote = remote_of(algorithm)
    if remote is None:
        return body
    return {
        "repository_https_url": remote.https_url,
        "repository_name": remote.name,
        "repository_owner": remote.owner,
        "repository_ssh_url": remote.ssh_url,
        **body,
    }


def version_body(algorithm: Algorithm, build: Build, log: str, base_url: str) -> dict[str, Any]:
    """An algorithm at one of its builds, published or not; `log` is the build's."""
    version = version_of(build)
    body = algorithm_body(algorithm, base_url)
    body["settings"] = _settings_body(algorithm, version or algorithm, build.environment)
    return {
        "build": build_body(build),
        "compilation": {"output": log, "successful": build.state == BuildState.SUCCEEDED},
        **body,
        "version_info": _version_info(build, version),
        "self_link": f"{body['self_link']}/versions/{build.commit_sha}",
    }


def _version_info(build: Build, version: Version | None) -> dict[str, Any]:
    info: dict[str, Any] = {"git_hash": build.commit_sha} | _sample_of(build, version)
    if version is None:
        return info
    info["semantic_version"] = version.semantic_version
    if version.release_notes:
        info["release_notes"] = version.release_notes
    if version.insights_enabled is not None:
        info["insights_enabled"] = version.insights_enabled
    if version.approval_state in (ApprovalState.HELD, ApprovalState.REFUSED):
        info["approval"] = version.approval_state
    return info | {"version_uuid": str(version.id)}


def _sample_of(build: Build, version: Version | None) -> dict[str, str]:
    """The sample input with the output that belongs to it, where there is one already."""
    sample: Sample | None = getattr(build, "sample", None)
    published = "" if version is None else version.sample_input
    text, output = (published, "") if sample is None else (sample.input, sample.output)
    shown = {"sample_input": text, "sample_output": output}
    return {key: value for key, value in shown.items() if value}


def link_of(algorithm: Algorithm, base_url: str) -> str:
    return f"{base_url}/v1/algorithms/{algorithm.owner.username}/{algorithm.name}"


def _settings_body(
    algorithm: Algorithm, chosen: Algorithm | Version, environment: Environment
) -> dict[str, Any]:
    """Settings in force; what applies to all at once comes from the algorithm (spec.md 3.3)."""
    body: dict[str, Any] = {
        "algorithm_callability": _callability_of(chosen),
        "source_visibility": algorithm.source_visibility,
    }
    body |= _environment_body(algorithm, environment)
    body |= {
        "license": algorithm.license,
        "network_access": chosen.network_access,
        "pipeline_enabled": chosen.pipeline_enabled,
    }
    for name in ("royalty_microcredits", "insights_enabled"):
        if getattr(chosen, name) is not None:
            body[name] = getattr(chosen, name)
    return body


def _callability_of(chosen: Algorithm | Version) -> str:
    return chosen.callability if isinstance(chosen, Algorithm) else chosen.effective_callability


def _environment_body(algorithm: Algorithm, environment: Environment) -> dict[str, str]:
    if algorithm.environment_form == EnvironmentForm.LANGUAGE:
        return {"language": environment.language, "environment": environment.machine_type}
    if algorithm.environment_form == EnvironmentForm.PACKAGE_SET:
        return {"package_set": environment.name}
    return {"package_set": environment.name, "algorithm_environment": str(environment.id)}
