"""git between a repository here and one at another host: one branch, over HTTP, bounded."""

import base64
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from uuid import UUID

from algoport.http.addresses import AddressNotAllowed, Destination, parse_destination
from algoport.http.checked import resolve_now
from scm.errors import GitFailed, HostUnreachable
from scm.fast_import import BRANCH
from scm.git import run_git
from scm.hosts.base import Host
from scm.hosts.http import policy
from scm.repositories import existing_path, remove_stale_locks

SECONDS = 300.0
# As what is pushed to the platform's own repositories (scm/api/git_plane.py).
PACK_BYTES = 512 * 1024**2


@dataclass(frozen=True)
class Remote:
    """Where a repository is at its host, and who asks for it."""

    url: str
    user: str
    token: str = field(repr=False)

    def header(self) -> str:
        pair = f"{self.user}:{self.token}".encode()
        return f"Authorization: Basic {base64.b64encode(pair).decode()}"


def remote_at(host: Host, owner: str, name: str, token: str) -> Remote:
    return Remote(f"{host.scm.web_url}/{owner}/{name}.git", host.git_user, token)


def fetch_branch(repository_id: UUID, remote: Remote, branch: str) -> None:
    """Have master here be what `branch` is at the host, whatever it was before.

    Raises HostUnreachable; master is as it was then.
    """
    path = existing_path(repository_id)
    remove_stale_locks(repository_id)
    options = ("--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--refmap=")
    quiet = ("--quiet", "--no-auto-maintenance", "--no-show-forced-updates")
    refs = f"+refs/heads/{branch}:{BRANCH}"
    try:
        run_git(
            path,
            *("fetch", *options, *quiet, "--", remote.url, refs),
            seconds=SECONDS,
            config=_config(remote),
            most_file_bytes=PACK_BYTES,
        )
    except GitFailed:
        for left in path.glob("objects/pack/tmp_*"):
            left.unlink(missing_ok=True)
        raise HostUnreachable(reason="Its repository cannot be fetched.") from None


def push_first(repository_id: UUID, remote: Remote, branch: str) -> None:
    """Have the host's empty repository begin with master of this one. Raises HostUnreachable."""
    path = existing_path(repository_id)
    refs = f"{BRANCH}:refs/heads/{branch}"
    command = ("push", "--quiet", "--no-verify", "--recurse-submodules=no", "--", remote.url, refs)
    try:
        run_git(path, *command, seconds=60, config=_config(remote))
    except GitFailed:
        raise HostUnreachable(reason="Its new repository does not take the first commit.") from None


def _config(remote: Remote) -> tuple[tuple[str, str], ...]:
    """SECURITY: all of it goes by environment, so the token is in no argument and in no file. git
    connects to the address that was checked, by the one protocol, and follows nothing: neither
    redirects, nor the alternates of a dumb server, nor submodules, nor bundles."""
    try:
        destination = parse_destination(remote.url)
        address = _checked_address(destination)
    except AddressNotAllowed as exc:
        raise HostUnreachable(reason=f"{exc}.") from None
    shown = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
    entries = [
        ("core.hooksPath", "/dev/null"),
        ("credential.helper", ""),
        ("protocol.allow", "never"),
        (f"protocol.{destination.scheme}.allow", "always"),
        ("http.followRedirects", "false"),
        ("http.proxy", ""),
        ("http.lowSpeedLimit", "1000"),
        ("http.lowSpeedTime", "30"),
        ("http.extraHeader", remote.header()),
        ("transfer.fsckObjects", "true"),
        ("transfer.bundleURI", "false"),
        ("fetch.unpackLimit", "1"),
        ("submodule.recurse", "false"),
        ("gc.auto", "0"),
        ("maintenance.auto", "false"),
    ]
    if destination.host != str(address):
        pinned = f"{destination.host}:{destination.port}:{shown}"
        entries.append(("http.curloptResolve", pinned))
    return tuple(entries)


def _checked_address(destination: Destination) -> object:
    """The first address of the host, all of which may be contacted. Raises AddressNotAllowed."""
    allowed = policy()
    allowed.check_host(destination)
    try:
        addresses = resolve_now(destination.host, destination.port)
    except (OSError, UnicodeError):
        raise HostUnreachable(reason="Its name cannot be resolved.") from None
    allowed.check_addresses(destination, addresses)
    return addresses[0]
