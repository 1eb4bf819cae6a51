"""Bodies of the algorithm endpoints: what comes in, and what goes out (spec.md 3.1, 3.4)."""

from typing import Any

from rest_framework import serializers

from algoport.api.timestamps import to_milliseconds
from algorithms.constants import (
    BuildState,
    Callability,
    EnvironmentForm,
    License,
    VersionType,
)
from algorithms.models import Algorithm, Build, Environment, Version
from algorithms.services import AlgorithmDetails, AlgorithmSettings, Publication

INTERNAL_SCM = {"id": "internal", "provider": "internal", "default": True, "enabled": True}


class DetailsSerializer(serializers.Serializer[Any]):
    label = serializers.CharField(max_length=200)
    summary = serializers.CharField(required=False, allow_blank=True, default="")
    tagline = serializers.CharField(required=False, allow_blank=True, default="", max_length=300)


class SettingsSerializer(serializers.Serializer[Any]):
    license = serializers.CharField(required=False, default=License.APL)
    network_access = serializers.CharField()
    pipeline_enabled = serializers.BooleanField()
    source_visibility = serializers.CharField()
    algorithm_callability = serializers.CharField(required=False, default=Callability.PRIVATE)
    language = serializers.CharField(required=False, default=None, allow_null=True)
    environment = serializers.CharField(required=False, default=None, allow_null=True)
    package_set = serializers.CharField(required=False, default=None, allow_null=True)
    algorithm_environment = serializers.CharField(required=False, default=None, allow_null=True)

    def to_internal_value(self, data: Any) -> Any:
        # Some clients spell it so (wire.md 5).
        if isinstance(data, dict) and "licence" in data and "license" not in data:
            data = {**data, "license": data["licence"]}
        return super().to_internal_value(data)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not any(attrs[way] for way in ("language", "package_set", "algorithm_environment")):
            raise serializers.ValidationError(
                "name a language with an environment, a package_set or an algorithm_environment."
            )
        if attrs["language"] and not attrs["environment"]:
            raise serializers.ValidationError("with a language, environment is cpu or gpu.")
        return attrs


class SampleSerializer(serializers.Serializer[Any]):
    sample_input = serializers.CharField(required=False, allow_blank=True, default="")


class AlgorithmCreateSerializer(serializers.Serializer[Any]):
    """Body of a creation; members that other hosts of code need are accepted and not used."""

    name = serializers.CharField()
    details = DetailsSerializer()
    settings = SettingsSerializer()
    version_info = SampleSerializer(required=False)

    def details_given(self) -> AlgorithmDetails:
        return AlgorithmDetails(**self.validated_data["details"])

    def settings_given(self) -> AlgorithmSettings:
        given = dict(self.validated_data["settings"])
        given["callability"] = given.pop("algorithm_callability")
        return AlgorithmSettings(**given)


class PublishSettingsSerializer(serializers.Serializer[Any]):
    algorithm_callability = serializers.CharField(required=False, default=Callability.PRIVATE)


class VersionInfoSerializer(serializers.Serializer[Any]):
    version_type = serializers.CharField(required=False)
    type = serializers.CharField(required=False)
    release_notes = serializers.CharField(required=False, allow_blank=True, default="")
    sample_input = serializers.CharField(required=False, allow_blank=True, allow_null=True)
    git_hash = serializers.CharField(required=False, allow_blank=True, allow_null=True)


class VersionPublishSerializer(serializers.Serializer[Any]):
    """Body of a publication; every part of it may be left out (spec.md 3.5)."""

    settings = PublishSettingsSerializer(required=False)
    version_info = VersionInfoSerializer(required=False)

    def publication(self) -> Publication:
        info = self.validated_data.get("version_info", {})
        chosen = self.validated_data.get("settings", {})
        return Publication(
            version_type=info.get("version_type") or info.get("type") or VersionType.DEFAULT,
            callability=chosen.get("algorithm_callability", Callability.PRIVATE),
            release_notes=info.get("release_notes", ""),
            sample_input=info.get("sample_input"),
            git_hash=info.get("git_hash"),
        )


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


def algorithm_body(algorithm: Algorithm) -> dict[str, Any]:
    """An algorithm that is not about one of its versions."""
    details = {"label": algorithm.label}
    details |= {
        key: getattr(algorithm, key) for key in ("summary", "tagline") if getattr(algorithm, key)
    }
    return {
        "id": str(algorithm.id),
        "name": algorithm.name,
        "details": details,
        "settings": _settings_body(algorithm, algorithm),
        "source": {"scm": INTERNAL_SCM},
        "resource_type": "algorithm",
    }


def version_body(algorithm: Algorithm, build: Build, log: str, base_url: str) -> dict[str, Any]:
    """An algorithm at one of its builds, published or not; `log` is the build's."""
    version = version_of(build)
    info: dict[str, Any] = {"git_hash": build.commit_sha}
    if version is not None:
        info["semantic_version"] = version.semantic_version
        info |= {
            key: getattr(version, key)
            for key in ("release_notes", "sample_input")
            if getattr(version, key)
        }
        info["version_uuid"] = str(version.id)
    link = f"{base_url}/v1/algorithms/{algorithm.owner.username}/{algorithm.name}"
    body = algorithm_body(algorithm)
    body["settings"] = _settings_body(algorithm, version or algorithm)
    return {
        "build": build_body(build),
        "compilation": {"output": log, "successful": build.state == BuildState.SUCCEEDED},
        **body,
        "version_info": info,
        "self_link": f"{link}/versions/{build.commit_sha}",
    }


def _settings_body(algorithm: Algorithm, chosen: Algorithm | Version) -> dict[str, Any]:
    """Settings in force; what applies to all at once comes from the algorithm (spec.md 3.3)."""
    body: dict[str, Any] = {
        "algorithm_callability": chosen.callability,
        "source_visibility": algorithm.source_visibility,
    }
    body |= _environment_body(algorithm)
    return body | {
        "license": algorithm.license,
        "network_access": chosen.network_access,
        "pipeline_enabled": chosen.pipeline_enabled,
    }


def _environment_body(algorithm: Algorithm) -> dict[str, str]:
    environment = algorithm.environment
    if algorithm.environment_form == EnvironmentForm.LANGUAGE:
        return {"language": environment.language, "environment": environment.machine_type}
    if algorithm.environment_form == EnvironmentForm.PACKAGE_SET:
        return {"package_set": environment.name}
    return {"package_set": environment.name, "algorithm_environment": str(environment.id)}


def environment_body(environment: Environment) -> dict[str, Any]:
    return {
        "id": str(environment.id),
        "environment_specification_id": str(environment.id),
        "display_name": environment.display_name,
        "description": environment.description,
        "created_at": to_milliseconds(environment.created_at),
        "language": {"name": environment.language},
        "machine_type": environment.machine_type.upper(),
    }
