"""Events of hosts: whether they are the host's own, and what they mean (spec.md 6.2)."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from algorithms.models import RemoteRepository
from algorithms.remotes.selectors import webhook_secret
from scm.constants import Provider
from scm.errors import WebhookMalformed

_BRANCHES = "refs/heads/"
# As GitHub and GitLab say it.
_PUSHES = frozenset({"push", "Push Hook"})
# After these the repository may be called otherwise, or have another default branch.
_MOVES = frozenset({"renamed", "transferred", "edited"})


@dataclass(frozen=True)
class HostEvent:
    """An event as it came: what it is called, how it is signed, and what it says."""

    provider: str
    kind: str
    headers: Mapping[str, str]
    body: bytes
    payload: Mapping[str, Any]

    def is_signed_by(self, remote: RemoteRepository) -> bool:
        """Whether the host knows the secret of the repository's webhook."""
        secret = webhook_secret(remote)
        if secret is None or remote.algorithm.scm.provider != self.provider:
            return False
        return _is_signed(self, secret)

    def reason_to_ignore(self, remote: RemoteRepository) -> str:
        """Why nothing follows from it; "" when the source is to be fetched.

        Raises WebhookMalformed.
        """
        if self.kind in _PUSHES:
            return self._reason_to_ignore_push(remote)
        if self.kind == "repository" and self.payload.get("action") in _MOVES:
            return ""
        return f"Nothing follows from an event of the kind {self.kind[:40]!r}."

    def _reason_to_ignore_push(self, remote: RemoteRepository) -> str:
        ref = self.payload.get("ref")
        if not isinstance(ref, str):
            raise WebhookMalformed(reason="A push says by ref what was pushed to.")
        branch = self._default_branch() or remote.default_branch
        if ref == f"{_BRANCHES}{branch}":
            return ""
        return f"Only pushes to the default branch, {branch[:100]}, are built."

    def _default_branch(self) -> str:
        """As the event has it, which may be newer than what is known here."""
        repository = self.payload.get(
            "project" if self.provider == Provider.GITLAB else "repository"
        )
        branch = repository.get("default_branch") if isinstance(repository, dict) else None
        return branch if isinstance(branch, str) else ""


def _is_signed(event: HostEvent, secret: str) -> bool:
    """SECURITY: compared in constant time; the newer of GitHub's two signatures, if both come."""
    if event.provider == Provider.GITLAB:
        told = event.headers.get("X-Gitlab-Token") or ""
        return hmac.compare_digest(secret.encode(), told.encode())
    if event.provider != Provider.GITHUB:
        return False
    newer = event.headers.get("X-Hub-Signature-256")
    name, digest = ("sha256", newer) if newer else ("sha1", event.headers.get("X-Hub-Signature"))
    expected = f"{name}={hmac.new(secret.encode(), event.body, name).hexdigest()}"
    return hmac.compare_digest(expected.encode(), (digest or "").encode())
