"""What the end of a build brings with it: news, the text of its README, the run of its sample."""

import hashlib
import logging
from dataclasses import dataclass

from django.db import transaction

from algoport.audit.recording import act
from algoport.errors import ApiError
from algoport.markdown import render_markdown
from algorithms.building.leases import LeaseLost, finish
from algorithms.constants import BuildState
from algorithms.models import Algorithm, Build
from algorithms.news import tell_of_failure
from algorithms.samples.runs import run_sample
from scm.repositories import read_file

logger = logging.getLogger(__name__)

README = "README.md"
# What is made to be slow to read takes seconds at this size.
README_BYTES = 128 * 1024


@dataclass(frozen=True)
class Readme:
    """A README as a page shows it, and what tells it from another."""

    digest: str
    html: str


def digest_readme(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def read_readme(build: Build) -> Readme | None:
    """The README of a build's commit, if it is another than the last one that was taken.

    None, too, where there is none, or one that cannot be shown: no build fails for that.
    """
    try:
        content = read_file(build.algorithm_id, build.commit_sha, README, most_bytes=README_BYTES)
        if content is None or digest_readme(content) == build.algorithm.readme_digest:
            return None
        html = render_markdown(content.decode("utf-8", "replace"))
        return Readme(digest_readme(content), html)
    except (ApiError, RecursionError) as exc:
        logger.warning("the README of build %s cannot be shown: %s", build.id, exc)
        return None


@transaction.atomic
def fail(build: Build, error: str) -> None:
    """Settle a build that did not come to its end, and tell who did not ask for it.

    Raises LeaseLost.
    """
    finish(build, BuildState.FAILED, error=error)
    tell_of_failure(build, error)


@transaction.atomic
def succeed(build: Build, readme: Readme | None) -> None:
    """Settle a build that came to its end, with what follows from it. Raises LeaseLost."""
    # In the order in which it is deleted: first the algorithm, then its builds.
    algorithm = Algorithm.objects.select_for_update().filter(pk=build.algorithm_id).first()
    if algorithm is None:
        raise LeaseLost
    finish(build, BuildState.SUCCEEDED)
    newer = Build.objects.filter(algorithm=algorithm, started_at__gt=build.started_at).succeeded()
    if readme is not None and not newer.exists():
        # The API reference: an updated README takes the place of the summary.
        with act("algorithm.document", algorithm) as done:
            algorithm.summary, algorithm.readme_digest = readme.html, readme.digest
            algorithm.save(update_fields=["summary", "readme_digest"])
            done.note(commit=build.commit_sha)
    if algorithm.sample_input:
        run_sample(build=build, text=algorithm.sample_input)
