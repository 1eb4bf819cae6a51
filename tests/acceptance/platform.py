"""A running platform as its users meet it: an address, accounts, git and the PyPI client."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import Algorithmia
import psutil
import requests

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {
    "language": "python3-1",
    "environment": "cpu",
    "license": "apl",
    "network_access": "isolated",
    "pipeline_enabled": True,
    "source_visibility": "closed",
}

# What the key that an account starts with may be used for.
EVERYTHING = {
    "algo_acl": ["algo://*"],
    "allow_algo_management": True,
    "allow_algo": True,
    "allow_web_algo": True,
    "allow_data": True,
    "allow_data_write": True,
}


@dataclass
class Account:
    """An account with its key."""

    platform: "Platform"
    name: str
    key: str

    @property
    def client(self) -> Any:
        return Algorithmia.client(self.key, self.platform.url)

    def repository(self, path: str) -> str:
        """Address of OWNER/NAME's repository, with this account's credentials."""
        scheme, rest = self.platform.url.split("://")
        return f"{scheme}://{self.name}:{quote_plus(self.key)}@{rest}/git/{path}.git"


@dataclass
class Platform:
    """A platform that answers at `url` and keeps its data in `data`."""

    url: str
    data: Path
    environ: dict[str, str]
    process: "subprocess.Popen[bytes] | None" = None
    accounts: dict[str, Account] = field(default_factory=dict)
    workers: set[str] = field(default_factory=set)

    @property
    def first_run(self) -> dict[str, str]:
        value: dict[str, str] = json.loads((self.data / "first-run.json").read_text())
        return value

    @property
    def demo(self) -> Account:
        return Account(self, self.first_run["username"], self.first_run["api_key"])

    def manage(self, *arguments: str) -> str:
        """Output of a management command, run as an administrator would in another shell."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def account(self, name: str, password: str = "") -> Account:
        """The account of this name, made when it is asked for first."""
        if name not in self.accounts:
            key = self._create_person(name, password) if password else self._create_user(name)
            self.accounts[name] = Account(self, name, key)
        return self.accounts[name]

    def _create_user(self, name: str) -> str:
        self._administer("users", {"username": name, "email": f"{name}@example.com"})
        key = {"key_label": "default-key", "permissions": EVERYTHING}
        secret: str = self._administer(f"users/{name}/keys", key)["api_key"]
        return secret

    def _create_person(self, name: str, password: str) -> str:
        """One who can sign in: the API knows no passwords."""
        email = f"{name}@example.com"
        output = self.manage("create_user", name, "--email", email, "--password", password)
        return output.strip().splitlines()[-1]

    def _administer(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": self.first_run["admin_api_key"]}
        answer = requests.post(f"{self.url}/v1/{path}", json=body, headers=headers, timeout=30)
        assert answer.ok, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def processes(self, marker: str) -> list[int]:
        """Processes of this platform whose command line contains `marker`."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                environ = (entry / "environ").read_bytes()
            except OSError:
                continue
            ours = f"ALGOPORT_DATA={self.data}".encode() in environ or str(self.data) in command
            if marker in command and ours:
                found.append(int(entry.name))
        return found

    def sandboxes(self) -> set[int]:
        """The processes that hold sandboxes: two of bubblewrap's for each, or one of Docker's.

        They are known by their workers, of which those that are gone are remembered.
        """
        runners = self.data / "run" / "r"
        self.workers.update(each.name for each in runners.iterdir() if each.is_dir())
        marks = tuple(f"--worker={name}:" for name in self.workers)
        found = set()
        for process in psutil.process_iter(["cmdline"]):
            command = process.info["cmdline"] or [""]
            holds = command[0].endswith(("/bwrap", "/docker-init"))
            if holds and any(part.startswith(marks) for part in command):
                found.add(process.pid)
        return found

    def stop(self, how: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(30)


def free_port() -> int:
    """A port below those that outgoing connections are given, so that none takes it meanwhile."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Return when `condition` holds; it is an error when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.05)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def start_platform(data: Path, port: int, log: Path, **variables: str) -> Platform:
    """Start `manage.py up` on a data folder; it may still be starting on return."""
    kept = {
        name: os.environ[name]
        for name in os.environ
        if not name.startswith(("ALGOPORT_", "DJANGO_"))
    }
    environ = {
        **{k: v for k, v in kept.items() if k not in ("DATABASE_URL", "REDIS_URL")},
        "ALGOPORT_DATA": str(data),
        "ALGOPORT_PORT": str(port),
        # The same on every machine; what an engine is for asks for it.
        "ALGOPORT_RUNTIME": "sandbox",
        **variables,
    }
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env=environ,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    return Platform(f"http://127.0.0.1:{port}", data, environ, process)


def wait_until_ready(platform: Platform, log: Path, seconds: float = 180) -> None:
    """Wait until `up` has said that the platform is ready."""

    def ready() -> bool:
        assert platform.process is not None
        if platform.process.poll() is not None:
            raise AssertionError(f"the platform ended:\n{log.read_text()[-4000:]}")
        return "api key" in log.read_text().lower() and answers(platform.url)

    wait_until(ready, seconds, "the platform is ready")


def end_when_terminated() -> None:
    """Have SIGTERM end this program as Ctrl-C does, and with it the platforms that it runs."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))


@contextmanager
def running_platform(**variables: str) -> Iterator[Platform]:
    """A platform of its own, with a new data folder, for the time of the body."""
    folder = Path(tempfile.mkdtemp(prefix="ap-"))
    folder.chmod(0o755)
    log = folder / "up.log"
    platform = start_platform(folder / "var", free_port(), log, **variables)
    try:
        wait_until_ready(platform, log)
        yield platform
    finally:
        if platform.process is not None and platform.process.poll() is None:
            platform.stop()
        shutil.rmtree(folder)


@dataclass
class Push:
    """What a git push did, as its user saw it."""

    ok: bool
    output: str
    sha: str


class WorkingCopy:
    """A clone of an algorithm's repository."""

    def __init__(self, account: Account, path: str, folder: Path) -> None:
        self.folder = folder
        self._account = account
        self._path = path
        run_git("clone", "--quiet", account.repository(path), str(folder))

    def write(self, path: str, text: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def push(self, message: str = "Change", *arguments: str) -> Push:
        """Commit everything and push it to master."""
        git = ("-C", str(self.folder), "-c", "user.name=demo", "-c", "user.email=demo@example.com")
        run_git(*git, "add", "--all")
        run_git(*git, "commit", "--quiet", "--allow-empty", "--message", message)
        done = run_git(*git, "push", *(arguments or ("origin", "HEAD:master")), check=False)
        sha = run_git(*git, "rev-parse", "HEAD").stdout.strip()
        return Push(done.returncode == 0, done.stderr, sha)


def run_git(*arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    environ = {
        **os.environ,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    done = subprocess.run(
        ["git", *arguments], env=environ, capture_output=True, text=True, timeout=180
    )
    assert not check or done.returncode == 0, done.stderr
    return done


@contextmanager
def working_copy(account: Account, path: str) -> Iterator[WorkingCopy]:
    with tempfile.TemporaryDirectory(prefix="ap-clone-") as folder:
        yield WorkingCopy(account, path, Path(folder) / "copy")


def create(account: Account, name: str, **settings: Any) -> str:
    """A new algorithm of the account; its address without a version."""
    account.client.algo(f"{account.name}/{name}").create(
        details={"label": name}, settings={**SETTINGS, **settings}
    )
    return f"{account.name}/{name}"


def deploy(
    account: Account,
    name: str,
    source: str,
    *,
    requirements: str = "",
    publish: str | None = None,
    **settings: Any,
) -> str:
    """Create, write `source`, push and perhaps publish; the address with the commit."""
    path = create(account, name, **settings)
    with working_copy(account, path) as copy:
        copy.write(f"src/{name}.py", source)
        if requirements:
            copy.write("requirements.txt", requirements)
        push = copy.push()
    assert f"algo://{path}/{push.sha}" in push.output, push.output
    if publish:
        account.client.algo(path).publish(
            settings={"algorithm_callability": publish}, version_info={"version_type": "minor"}
        )
    return f"{path}/{push.sha}"
