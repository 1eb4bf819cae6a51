"""The first algorithm, demo/Hello, made the way its user would: by the API and by git."""

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

NAME = "Hello"
_SECONDS = 180
_SETTINGS = {
    "language": "python3-1",
    "environment": "cpu",
    "license": "apl",
    "network_access": "isolated",
    "pipeline_enabled": True,
    "source_visibility": "closed",
}


class DemoFailed(Exception):
    """What the platform or git has answered instead."""


def publish_demo(url: str, owner: str, key: str, folder: Path) -> None:
    """Make, push and publish OWNER/Hello, as far as that has not been done. Raises DemoFailed.

    `folder` holds the clone meanwhile; it must not be used for anything else.
    """
    versions = _request(url, key, "GET", f"/v1/algorithms/{owner}/{NAME}/versions?published=true")
    if versions is not None and versions["results"]:
        return
    if versions is None:
        body = {"name": NAME, "details": {"label": NAME}, "settings": _SETTINGS}
        _request(url, key, "POST", f"/v1/algorithms/{owner}", body)
    try:
        said = _push(url, owner, key, folder)
    finally:
        shutil.rmtree(folder)
    body = {
        "settings": {"algorithm_callability": "public"},
        "version_info": {"version_type": "minor", "sample_input": '"you"'},
    }
    try:
        _request(url, key, "POST", f"/v1/algorithms/{owner}/{NAME}/versions", body)
    except DemoFailed as exc:
        # A push succeeds even when the build does not; why is in what it said.
        raise DemoFailed(f"{exc}; the push said: {said}") from exc


def _push(url: str, owner: str, key: str, folder: Path) -> str:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    scheme, address = url.split("://")
    # SECURITY: the key is in the clone's configuration, so the clone does not stay.
    remote = f"{scheme}://{owner}:{quote(key, safe='')}@{address}/git/{owner}/{NAME}.git"
    clone = folder / NAME
    _git(folder, "clone", "--quiet", remote, str(clone))
    readme = clone / "README.md"
    text = readme.read_text() if readme.exists() else f"# {NAME}\n"
    readme.write_text(f"{text}\nMade by the first start of this platform.\n")
    _git(clone, "add", "README.md")
    _git(clone, "commit", "--quiet", "--message", "Say where this comes from")
    return _git(clone, "push", "origin", "HEAD:master")


def _git(folder: Path, *arguments: str) -> str:
    """What git wrote for people to read."""
    author = ("-c", "user.name=demo", "-c", "user.email=demo@example.com")
    settings = (*author, "-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null")
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "LC_ALL": "C",
        # The platform is on this machine.
        "no_proxy": "*",
    }
    try:
        done = subprocess.run(
            ["git", *settings, *arguments],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
    except FileNotFoundError as exc:
        raise DemoFailed("git is not installed") from exc
    except subprocess.TimeoutExpired as exc:
        raise DemoFailed(f"git {arguments[0]} took more than {_SECONDS} s") from exc
    if done.returncode != 0:
        raise DemoFailed(f"git {arguments[0]}: {done.stderr.strip()[-2000:]}")
    return done.stderr.strip()[-2000:]


def _request(
    url: str, key: str, method: str, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any] | None:
    """The JSON that the platform answers; None when a GET finds nothing."""
    request = urllib.request.Request(  # noqa: S310 (our own address)
        url + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Simple {key}", "Content-Type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_SECONDS) as answer:
            content: dict[str, Any] = json.load(answer)
            return content
    except urllib.error.HTTPError as exc:
        if exc.code == 404 and method == "GET":
            return None
        raise DemoFailed(f"{method} {path}: {exc.code} {exc.read(2000).decode()}") from exc
    except OSError as exc:
        raise DemoFailed(f"{method} {path}: {exc}") from exc
