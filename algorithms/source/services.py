"""Writes of an algorithm's source: what is pushed, and what is saved on a page."""

from collections.abc import Sequence
from dataclasses import asdict

from django.db import transaction

from algoport.audit.recording import act
from algorithms.models import Algorithm, Build
from algorithms.services import start_build
from scm.commits import CommitRequest, commit_files, tidy_repository
from scm.fast_import import BRANCH
from scm.host import RefUpdate
from scm.selectors import check_internal


@transaction.atomic
def record_push(*, algorithm: Algorithm, updates: Sequence[RefUpdate]) -> None:
    """Tell of branches and tags that have moved."""
    with act("algorithm.push", algorithm) as done:
        done.note(refs=[asdict(update) for update in updates])


def save_source(*, algorithm: Algorithm, request: CommitRequest) -> Build:
    """Commit to master and build that, as a push does.

    Raises NotOnInternalScm, and what `commit_files` raises; nothing has changed then.
    """
    check_internal(algorithm.scm)
    sha = commit_files(algorithm.id, request)
    with transaction.atomic():
        record_push(algorithm=algorithm, updates=[RefUpdate(request.parent, sha, BRANCH)])
        build = start_build(algorithm=algorithm, commit_sha=sha)
    tidy_repository(algorithm.id)
    return build
