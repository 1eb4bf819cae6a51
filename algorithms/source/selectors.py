"""Reads of an algorithm's source: commits as people name them, and what became of them."""

from dataclasses import dataclass

from algoport.accounts.permissions import Action, Principal, can
from algorithms.constants import BRANCH
from algorithms.errors import VersionDoesNotExist
from algorithms.models import Algorithm, Build
from algorithms.selectors import builds_of, resource_of, visible_versions
from algorithms.version_specs import SpecKind, VersionSpec, parse_version_spec
from scm.browsing import Snapshot, list_branches, open_commit

_MOST_VERSIONS = 50


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit by the name that it was asked for; `at` is what a URL says, "" for master's head."""

    at: str
    label: str
    snapshot: Snapshot
    is_head: bool


@dataclass(frozen=True, slots=True)
class SourceNames:
    """What commits are known by: branches with their heads, and numbers of versions."""

    branches: dict[str, str]
    versions: list[str]


def source_names(principal: Principal, algorithm: Algorithm) -> SourceNames:
    """For who was found to be allowed to read the source."""
    builds = visible_versions(principal, algorithm).published(True)
    newest = ("-version__major", "-version__minor", "-version__patch")
    numbers = [str(build.version) for build in builds.order_by(*newest)[:_MOST_VERSIONS]]
    return SourceNames(list_branches(algorithm.id), numbers)


def open_revision(
    principal: Principal, algorithm: Algorithm, at: str, branches: dict[str, str]
) -> Revision | None:
    """The commit that a branch, a version that `principal` may see, or a SHA means.

    None for the head of a repository without commits. Raises VersionDoesNotExist, CommitNotFound.
    """
    head = branches.get(BRANCH)
    spec = parse_version_spec(at) if at else None
    if at in ("", BRANCH):
        if head is None:
            return None
        at, label, sha = "", BRANCH, head
    elif spec is not None and spec.kind is SpecKind.EXACT:
        label, sha = at, _commit_of_version(principal, algorithm, spec)
    elif at in branches:
        label, sha = at, branches[at]
    else:
        label, sha = at[:8], at
    return Revision(at, label, open_commit(algorithm.id, sha), sha == head)


def may_edit_source(principal: Principal, algorithm: Algorithm) -> bool:
    """Whether the principal is offered to: only what lies here is edited here."""
    resource = resource_of(algorithm, public=algorithm.has_public_version)
    return algorithm.scm.is_internal and bool(can(principal, Action.WRITE_SOURCE, resource))


def newest_build_of(algorithm: Algorithm, sha: str) -> Build | None:
    """The last build of a commit, for who may see builds."""
    return builds_of(algorithm).filter(commit_sha=sha).newest_first().first()


def _commit_of_version(principal: Principal, algorithm: Algorithm, spec: VersionSpec) -> str:
    major, minor, patch = spec.numbers
    rows = visible_versions(principal, algorithm).published(True)
    row = rows.filter(version__major=major, version__minor=minor, version__patch=patch).first()
    if row is None:
        raise VersionDoesNotExist
    sha: str = row.commit_sha
    return sha
