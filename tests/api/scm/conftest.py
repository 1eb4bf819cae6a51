"""A real gunicorn that serves the git plane, and people with the real git."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from scm.repositories import create_repository

ROOT = Path(__file__).resolve().parents[3]


class Person:
    """Somebody with git and a clone."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.address = address
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder.parent),
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        for role in ("AUTHOR", "COMMITTER"):
            self.environ |= {f"GIT_{role}_NAME": "p", f"GIT_{role}_EMAIL": "p@p"}

    def git(self, *arguments, check=True, within=True):
        where = ["-C", str(self.folder)] if within else []
        done = subprocess.run(
            ["git", *where, *arguments],
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=90,
        )
        if check:
            assert done.returncode == 0, done.stderr
        return done

    def clone(self, check=True):
        return self.git("clone", "-q", self.address, str(self.folder), check=check, within=False)

    def commit(self, name="file", content=None):
        # Equal commits of one second would have one SHA, and tests take each other's events.
        (self.folder / name).write_bytes(content or uuid.uuid4().bytes)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", f"change {name}")
        return self.git("rev-parse", "HEAD").stdout.strip()

    def remote_head(self, ref="master"):
        return self.git("ls-remote", self.address, f"refs/heads/{ref}").stdout[:40]


GUNICORN_CONF = """
import runpy

post_worker_init = runpy.run_path("{path}/gunicorn.conf.py")["post_worker_init"]
"""


class Plane:
    """The server, and what its paper host knows."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port

    def add(self, owner="demo"):
        name, repository_id = f"thing_{uuid.uuid4().hex[:8]}", uuid.uuid4()
        create_repository(repository_id, {"a.py": b"1\n"}, message="Initial commit", author=owner)
        (self.folder / "names" / f"{owner}.{name}").write_text(str(repository_id))
        return name, repository_id

    def plan(self, repository_id, what):
        path = self.folder / "builds" / str(repository_id)
        path.write_text(what)
        return path

    def url(self, name, owner="demo", login="demo:secret@"):
        return f"http://{login}127.0.0.1:{self.port}/git/{owner}/{name}.git"

    def events(self, **wanted):
        path = self.folder / "events"
        lines = path.read_text().splitlines() if path.exists() else []
        events = [json.loads(line) for line in lines]
        return [event for event in events if wanted.items() <= event.items()]

    def wait_for(self, **wanted):
        return wait_until(lambda: self.events(**wanted))


def wait_until(condition, seconds=15.0):
    """The first true value of `condition`."""
    latest = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < latest, "it did not happen in time"
        time.sleep(0.05)
    return value


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("git")
    for name in ("names", "builds", "repositories"):
        (folder / name).mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="s-", dir="/tmp") as sockets:
        environ = os.environ | {
            "DJANGO_SETTINGS_MODULE": django_settings.SETTINGS_MODULE,
            "SCM_TEST_FOLDER": str(folder),
            "SCM_TEST_SOCKETS": sockets,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent), *sys.path]),
        }
        (folder / "gunicorn.conf.py").write_text(GUNICORN_CONF.format(path=ROOT))
        command = ["-m", "gunicorn", "-k", "asgi", "--asgi-loop", "uvloop", "-w", "1"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *command, "-b", f"127.0.0.1:{port}", "served_plane"],
                # With a gunicorn.conf.py of its own: the plane has no lifespan.
                cwd=folder,
                env=environ,
                stdout=log,
                stderr=log,
            )
            try:
                wait_until(lambda: _listens(port) or process.poll() is not None)
                assert process.poll() is None, (folder / "log").read_text()
                yield Plane(folder, port)
            finally:
                process.terminate()
                process.wait(40)
        assert list(Path(sockets).iterdir()) == []


def _listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def plane(served, settings):
    settings.REPOSITORIES_FOLDER = served.folder / "repositories"
    return served


@pytest.fixture
def person(tmp_path):
    def make(address, name="clone"):
        return Person(tmp_path / name, address)

    return make
