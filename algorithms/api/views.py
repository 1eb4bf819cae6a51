"""Algorithms, builds and versions under /v1/algorithms."""

import time
from dataclasses import asdict
from typing import Any

from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import principal_of
from algoport.accounts.errors import UserNotFound
from algoport.accounts.permissions import Action
from algoport.api.description import page_of, refusals
from algoport.api.links import base_url
from algoport.api.pagination import newest_first
from algoport.errors import FeatureNotImplemented, ServiceUnavailable
from algoport.http.asgi import parse_boolean
from algorithms import selectors, services
from algorithms.api.lookup import algorithm_of
from algorithms.api.serializers import (
    AlgorithmCreateSerializer,
    AlgorithmUpdateSerializer,
    CommitRangeSerializer,
    VersionPublishSerializer,
    algorithm_body,
    build_body,
    version_body,
)
from algorithms.api.shapes import (
    AlgorithmShape,
    BuildLogShape,
    BuildShape,
    CommitLogShape,
    CreatedAlgorithmShape,
    MissingAlgorithmShape,
    VersionShape,
)
from algorithms.constants import MOST_COMMITS, BuildState
from algorithms.errors import (
    AlgorithmBuildLogsNotFound,
    AlgorithmBuildNotFound,
    AlgorithmIdDoesNotExist,
    AlgorithmNameHasBeenTaken,
    AlgorithmNotFound,
    BuildFailed,
    EnvironmentNotFound,
    LanguageCannotChange,
    LargerVersionNeeded,
    NoSuchAlgorithm,
    PackageSetNotFound,
    PublicVersionsExist,
    SourceNotFetched,
    UnknownAlgorithmLanguage,
    UnsupportedAlgorithmLanguage,
    UnsupportedMachineType,
    VersionAlreadyPublished,
    VersionDoesNotExist,
)
from algorithms.models import Algorithm, Build
from algorithms.remotes.services import fetch_now
from algorithms.updates import update_algorithm
from scm.errors import (
    HostUnreachable,
    RepositoryRefused,
    ScmConfigurationNotFound,
    ScmDisabled,
    ScmNotAuthenticated,
    ScmNotAuthorized,
)
from scm.repositories import list_commits

_POLL_SECONDS = 0.04
_COMPILE_SECONDS = 1800


def _pause() -> None:
    time.sleep(_POLL_SECONDS)


class AlgorithmListView(APIView):
    # For a repository at another host.
    waits_for_others = True

    @extend_schema(
        request=AlgorithmCreateSerializer,
        responses={
            201: CreatedAlgorithmShape,
            **refusals(
                UserNotFound,
                AlgorithmNameHasBeenTaken,
                ScmConfigurationNotFound,
                ScmDisabled,
                ScmNotAuthorized,
                ScmNotAuthenticated,
                RepositoryRefused,
                HostUnreachable,
                FeatureNotImplemented,
                PackageSetNotFound,
                EnvironmentNotFound,
                UnknownAlgorithmLanguage,
                UnsupportedAlgorithmLanguage,
                UnsupportedMachineType,
            ),
        },
    )
    def post(self, request: Request, owner: str) -> Response:
        """Create an algorithm."""
        account = selectors.get_owner_for(principal_of(request), owner)
        given = AlgorithmCreateSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        sample = given.validated_data.get("version_info", {}).get("sample_input", "")
        algorithm = services.create_algorithm(
            owner=account,
            name=given.validated_data["name"],
            details=given.details_given(),
            chosen=given.settings_given(),
            sample_input=sample,
            source=given.source_given(principal_of(request).user_id),
        )
        return Response(algorithm_body(algorithm, base_url(request)), status=201)


class AlgorithmView(APIView):
    @extend_schema(
        responses={200: AlgorithmShape, 404: MissingAlgorithmShape},
    )
    def get(self, request: Request, **where: Any) -> Response:
        """Get an algorithm at its newest version."""
        try:
            algorithm = algorithm_of(request, where)
        except AlgorithmNotFound as exc:
            raise NoSuchAlgorithm from exc
        return Response(self._newest(request, algorithm))

    @extend_schema(
        request=AlgorithmUpdateSerializer,
        responses={
            200: CreatedAlgorithmShape,
            **refusals(
                AlgorithmNotFound,
                AlgorithmIdDoesNotExist,
                LanguageCannotChange,
                PackageSetNotFound,
                EnvironmentNotFound,
                UnknownAlgorithmLanguage,
                UnsupportedAlgorithmLanguage,
                UnsupportedMachineType,
            ),
        },
    )
    def put(self, request: Request, **where: Any) -> Response:
        """Change an algorithm; what is left out stays."""
        algorithm = algorithm_of(request, where, Action.MANAGE_ALGORITHM)
        # The PyPI client sends its objects as a form, which keeps nothing but their keys: nothing
        # can be understood of that, and it wants to be told that all is well (wire.md 5).
        given = AlgorithmUpdateSerializer(
            data={} if isinstance(request.data, QueryDict) else request.data
        )
        given.is_valid(raise_exception=True)
        changed = update_algorithm(algorithm=algorithm, changes=given.changes())
        return Response(algorithm_body(changed, base_url(request)))

    @extend_schema(
        responses={
            204: None,
            **refusals(AlgorithmNotFound, AlgorithmIdDoesNotExist, PublicVersionsExist),
        },
    )
    def delete(self, request: Request, **where: Any) -> Response:
        """Delete an algorithm."""
        algorithm = algorithm_of(request, where, Action.MANAGE_ALGORITHM)
        services.delete_algorithm(algorithm=algorithm)
        return Response(status=204)

    def _newest(self, request: Request, algorithm: Algorithm) -> dict[str, Any]:
        """With its newest version that the caller may see, if there is one."""
        builds = selectors.visible_versions(principal_of(request), algorithm)
        build = builds.newest_first().first()
        if build is None:
            return algorithm_body(algorithm, base_url(request))
        return version_body(algorithm, build, selectors.read_log(build), base_url(request))


class CompileView(APIView):
    waits_for_others = True

    @extend_schema(
        request=None,
        responses={
            200: VersionShape,
            **refusals(AlgorithmNotFound, AlgorithmIdDoesNotExist, BuildFailed, SourceNotFetched),
        },
    )
    def post(self, request: Request, **where: Any) -> Response:
        """Build the newest commit, wherever it is, and wait until that has ended."""
        algorithm = algorithm_of(request, where, Action.MANAGE_ALGORITHM)
        if not algorithm.scm.is_internal:
            asker_id = principal_of(request).user_id
            fetch_now(algorithm_id=algorithm.id, asker_id=asker_id, pause=_pause)
        ended = self._wait(services.request_build_of_head(algorithm=algorithm))
        log = selectors.read_log(ended)
        if ended.state == BuildState.FAILED:
            raise BuildFailed(reason=ended.error)
        return Response(version_body(algorithm, ended, log, base_url(request)))

    def _wait(self, build: Build) -> Build:
        deadline = time.monotonic() + _COMPILE_SECONDS
        for current in services.watch_build(build, pause=_pause):
            if current.state != BuildState.IN_PROGRESS:
                return current
            if time.monotonic() > deadline:
                break
        raise ServiceUnavailable("The build has not ended in time; look at it in the builds list.")


class BuildListView(APIView):
    @extend_schema(
        responses={
            200: page_of(BuildShape),
            **refusals(AlgorithmNotFound, AlgorithmIdDoesNotExist),
        },
    )
    def get(self, request: Request, **where: Any) -> Response:
        """List an algorithm's builds, newest first."""
        algorithm = algorithm_of(request, where, Action.SEE_BUILDS)
        rows = selectors.builds_of(algorithm)
        return Response(newest_first(request, rows, time_field="started_at", render=build_body))


class BuildView(APIView):
    @extend_schema(
        responses={
            200: BuildShape,
            **refusals(AlgorithmNotFound, AlgorithmIdDoesNotExist, AlgorithmBuildNotFound),
        },
    )
    def get(self, request: Request, build_id: str, **where: Any) -> Response:
        """Get a build."""
        algorithm = algorithm_of(request, where, Action.SEE_BUILDS)
        return Response(build_body(selectors.get_build(algorithm, build_id)))


class BuildLogView(APIView):
    @extend_schema(
        responses={
            200: BuildLogShape,
            **refusals(
                AlgorithmNotFound,
                AlgorithmIdDoesNotExist,
                AlgorithmBuildNotFound,
                AlgorithmBuildLogsNotFound,
            ),
        },
    )
    def get(self, request: Request, build_id: str, **where: Any) -> Response:
        """Get what a build that has ended printed."""
        algorithm = algorithm_of(request, where, Action.SEE_BUILDS)
        build = selectors.get_build(algorithm, build_id)
        return Response({"logs": selectors.get_build_log(build)})


class VersionListView(APIView):
    # For the runners of what is published.
    waits_for_others = True

    @extend_schema(
        parameters=[OpenApiParameter("published", bool), OpenApiParameter("callable", bool)],
        responses={
            200: page_of(VersionShape),
            **refusals(AlgorithmNotFound, AlgorithmIdDoesNotExist),
        },
    )
    def get(self, request: Request, **where: Any) -> Response:
        """List an algorithm's versions and unpublished builds, newest first."""
        principal = principal_of(request)
        algorithm = algorithm_of(request, where)
        rows = selectors.visible_versions(principal, algorithm)
        if "published" in request.query_params:
            rows = rows.published(parse_boolean([request.query_params["published"]]))
        if "callable" in request.query_params:
            rows = rows.callable_by_all(parse_boolean([request.query_params["callable"]]))
        url = base_url(request)
        page = newest_first(request, rows, time_field="started_at", render=lambda build: build)
        logs = selectors.read_logs(page["results"])
        page["results"] = [
            version_body(algorithm, build, logs[build.id], url) for build in page["results"]
        ]
        return Response(page)

    @extend_schema(
        request=VersionPublishSerializer,
        responses={
            200: VersionShape,
            **refusals(
                AlgorithmNotFound,
                AlgorithmIdDoesNotExist,
                LargerVersionNeeded,
                VersionAlreadyPublished,
            ),
        },
    )
    def post(self, request: Request, **where: Any) -> Response:
        """Publish the newest successful build, or the one of `git_hash`."""
        principal = principal_of(request)
        algorithm = algorithm_of(request, where, Action.MANAGE_ALGORITHM)
        given = VersionPublishSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        version = services.publish_version(
            algorithm=algorithm, publisher=principal, publication=given.publication()
        )
        build = selectors.get_build(algorithm, str(version.build_id))
        log = selectors.read_log(build)
        return Response(version_body(version.algorithm, build, log, base_url(request)))


class VersionView(APIView):
    @extend_schema(
        responses={
            200: VersionShape,
            **refusals(AlgorithmNotFound, AlgorithmIdDoesNotExist, VersionDoesNotExist),
        },
    )
    def get(self, request: Request, git_hash: str, **where: Any) -> Response:
        """Get the version of a commit."""
        principal = principal_of(request)
        algorithm = algorithm_of(request, where)
        build = selectors.get_version(principal, algorithm, git_hash)
        log = selectors.read_log(build)
        return Response(version_body(algorithm, build, log, base_url(request)))


class CommitListView(APIView):
    @extend_schema(
        parameters=[CommitRangeSerializer],
        responses={200: CommitLogShape, **refusals(AlgorithmNotFound, AlgorithmIdDoesNotExist)},
    )
    def get(self, request: Request, **where: Any) -> Response:
        """List the newest commits of master, from `since` until `until`."""
        algorithm = algorithm_of(request, where, Action.READ_SOURCE)
        given = CommitRangeSerializer(data=request.query_params)
        given.is_valid(raise_exception=True)
        commits = list_commits(algorithm.id, **given.validated_data, limit=MOST_COMMITS)
        return Response({"commits": [asdict(commit) for commit in commits]})
