"""Algorithms, builds and versions as services leave them."""

import secrets
import uuid
from datetime import timedelta
from typing import Any

from django.utils import timezone

from algoport.accounts.authentication import principal_of_user
from algoport.accounts.models import User
from algorithms.constants import BuildState
from algorithms.models import Algorithm, AlgorithmError, Build, BuildLogLine, Version
from algorithms.running.program import Program
from algorithms.services import (
    AlgorithmDetails,
    AlgorithmSettings,
    Publication,
    create_algorithm,
    publish_version,
)
from algorithms.updates import AlgorithmChanges

SETTINGS: dict[str, Any] = {
    "license": "apl",
    "network_access": "isolated",
    "pipeline_enabled": True,
    "source_visibility": "closed",
    "language": "python3-1",
    "environment": "cpu",
}


def make_algorithm(owner: User, name: str = "Hello", **settings: Any) -> Algorithm:
    return create_algorithm(
        owner=owner,
        name=name,
        details=AlgorithmDetails(label=name),
        chosen=AlgorithmSettings(**{**SETTINGS, **settings}),
    )


def make_build(
    algorithm: Algorithm,
    state: BuildState = BuildState.SUCCEEDED,
    sha: str | None = None,
    log: str = "Beginning container customization\n",
    packages: str = "",
) -> Build:
    ended = state != BuildState.IN_PROGRESS
    build = Build.objects.create(
        algorithm=algorithm,
        environment=algorithm.environment,
        commit_sha=sha or secrets.token_hex(20),
        state=state,
        packages=packages,
        finished_at=timezone.now() + timedelta(seconds=1) if ended else None,
    )
    BuildLogLine.objects.create(build=build, text=log)
    return build


def make_version(
    algorithm: Algorithm, callability: str = "public", version_type: str = "default"
) -> Version:
    """The next version, of a build of its own; another callability makes a major one."""
    make_build(algorithm)
    return publish_version(
        algorithm=algorithm,
        publisher=principal_of_user(algorithm.owner),
        publication=Publication(version_type, changes=AlgorithmChanges(callability=callability)),
    )


def make_program(
    name: str = "Hello", build_id: uuid.UUID | None = None, algorithm_id: uuid.UUID | None = None
) -> Program:
    """What a pool keeps runners of, in an image that is nowhere; ids that matter to nobody."""
    return Program(
        build_id or uuid.uuid4(),
        algorithm_id or uuid.uuid4(),
        name,
        "root",
        "",
        "isolated",
        "",
        "cpu",
        "",
    )


def make_error(
    algorithm: Algorithm, caller: User, age: float = 0.0, **fields: Any
) -> AlgorithmError:
    """An entry of the error log, `age` seconds old."""
    values = {"message": "bad input", "stacktrace": "Traceback", "error_type": "InputError"}
    values["input"] = '"x"'
    return AlgorithmError.objects.create(
        id=uuid.uuid4(),
        request_id=uuid.uuid4(),
        algorithm_id=algorithm.pk,
        version="1.2.3",
        caller_id=caller.pk,
        created_at=timezone.now() - timedelta(seconds=age),
        worker="host",
        **(values | fields),
    )
