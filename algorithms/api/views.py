"""Algorithms, builds and versions under /v1/algorithms."""

import time
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import principal_of
from algoport.accounts.permissions import Action
from algoport.api.links import base_url
from algoport.api.pagination import newest_first
from algoport.errors import FeatureNotImplemented, ServiceUnavailable
from algoport.http.asgi import parse_boolean
from algorithms import selectors, services
from algorithms.api.serializers import (
    AlgorithmCreateSerializer,
    VersionPublishSerializer,
    algorithm_body,
    build_body,
    version_body,
)
from algorithms.constants import BuildState, Callability
from algorithms.errors import AlgorithmNotFound, BuildFailed, NoSuchAlgorithm
from algorithms.models import Algorithm, Build
from scm.repositories import head_commit

_POLL_SECONDS = 0.04
_COMPILE_SECONDS = 1800


class AlgorithmListView(APIView):
    def post(self, request: Request, owner: str) -> Response:
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
        )
        return Response(algorithm_body(algorithm), status=201)


class AlgorithmView(APIView):
    def get(self, request: Request, owner: str, name: str) -> Response:
        try:
            algorithm = selectors.get_algorithm_for(principal_of(request), owner, name)
        except AlgorithmNotFound as exc:
            raise NoSuchAlgorithm from exc
        return Response(self._newest(request, algorithm))

    def put(self, request: Request, owner: str, name: str) -> Response:
        raise FeatureNotImplemented("Changing an algorithm's settings is not available yet.")

    def delete(self, request: Request, owner: str, name: str) -> Response:
        algorithm = selectors.get_algorithm_for(
            principal_of(request), owner, name, Action.MANAGE_ALGORITHM
        )
        services.delete_algorithm(algorithm=algorithm)
        return Response(status=204)

    def _newest(self, request: Request, algorithm: Algorithm) -> dict[str, Any]:
        """With its newest version that the caller may see, if there is one."""
        builds = selectors.visible_versions(principal_of(request), algorithm)
        build = builds.newest_first().first()
        if build is None:
            return algorithm_body(algorithm)
        return version_body(algorithm, build, selectors.read_log(build), base_url(request))


class CompileView(APIView):
    def post(self, request: Request, owner: str, name: str) -> Response:
        algorithm = selectors.get_algorithm_for(
            principal_of(request), owner, name, Action.MANAGE_ALGORITHM
        )
        build = services.request_build(algorithm=algorithm, commit_sha=head_commit(algorithm.id))
        ended = self._wait(build)
        log = selectors.read_log(ended)
        if ended.state == BuildState.FAILED:
            raise BuildFailed(reason=ended.error)
        return Response(version_body(algorithm, ended, log, base_url(request)))

    def _wait(self, build: Build) -> Build:
        deadline = time.monotonic() + _COMPILE_SECONDS
        for current in services.watch_build(build, pause=lambda: time.sleep(_POLL_SECONDS)):
            if current.state != BuildState.IN_PROGRESS:
                return current
            if time.monotonic() > deadline:
                break
        raise ServiceUnavailable("The build has not ended in time; look at it in the builds list.")


class BuildListView(APIView):
    def get(self, request: Request, owner: str, name: str) -> Response:
        algorithm = selectors.get_algorithm_for(
            principal_of(request), owner, name, Action.SEE_BUILDS
        )
        rows = selectors.builds_of(algorithm)
        return Response(newest_first(request, rows, time_field="started_at", render=build_body))


class BuildView(APIView):
    def get(self, request: Request, owner: str, name: str, build_id: str) -> Response:
        algorithm = selectors.get_algorithm_for(
            principal_of(request), owner, name, Action.SEE_BUILDS
        )
        return Response(build_body(selectors.get_build(algorithm, build_id)))


class BuildLogView(APIView):
    def get(self, request: Request, owner: str, name: str, build_id: str) -> Response:
        algorithm = selectors.get_algorithm_for(
            principal_of(request), owner, name, Action.SEE_BUILDS
        )
        build = selectors.get_build(algorithm, build_id)
        return Response({"logs": selectors.get_build_log(build)})


class VersionListView(APIView):
    def get(self, request: Request, owner: str, name: str) -> Response:
        principal = principal_of(request)
        algorithm = selectors.get_algorithm_for(principal, owner, name)
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

    def post(self, request: Request, owner: str, name: str) -> Response:
        principal = principal_of(request)
        algorithm = selectors.get_algorithm_for(principal, owner, name, Action.MANAGE_ALGORITHM)
        given = VersionPublishSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        publication = given.publication()
        if publication.callability == Callability.PUBLIC:
            selectors.check_algorithm(principal, algorithm, Action.PUBLISH_PUBLICLY)
        version = services.publish_version(
            algorithm=algorithm, publisher=principal, publication=publication
        )
        build = selectors.get_build(algorithm, str(version.build_id))
        log = selectors.read_log(build)
        return Response(version_body(algorithm, build, log, base_url(request)))


class VersionView(APIView):
    def get(self, request: Request, owner: str, name: str, git_hash: str) -> Response:
        principal = principal_of(request)
        algorithm = selectors.get_algorithm_for(principal, owner, name)
        build = selectors.get_version(principal, algorithm, git_hash)
        log = selectors.read_log(build)
        return Response(version_body(algorithm, build, log, base_url(request)))


class ScmStatusView(APIView):
    def get(self, request: Request, owner: str, name: str) -> Response:
        selectors.get_algorithm_for(principal_of(request), owner, name, Action.SEE_BUILDS)
        return Response({"scm_connection_status": "active"})
