"""`algo`, the command line of the released Python client: every command, with every input."""

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from urllib.parse import quote_plus

import pytest

from tests.acceptance.platform import Account, Platform, deploy
from tests.factories.certificates import certificate

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(240)]

DESCRIBE = """import time


def apply(input):
    if input == "sleep":
        time.sleep(30)
    print("described")
    return {"type": type(input).__name__, "value": str(input)}
"""
MIRROR = "def apply(input):\n    return input\n"
# The name in the certificate, which is in no DNS.
API_NAME = "api.algoport.test"
RESOLVER = f"""import socket

_real = socket.getaddrinfo


def _resolve(host, *args, **named):
    return _real("127.0.0.1" if host == "{API_NAME}" else host, *args, **named)


socket.getaddrinfo = _resolve
"""


@dataclass
class Shell:
    """Somebody with a home folder and the command line."""

    account: Account
    home: Path
    path: str

    def __call__(self, *arguments: str, said: str = "", **environ: str) -> str:
        """What a command printed."""
        done = self.run(*arguments, said=said, **environ)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run(
        self, *arguments: str, said: str = "", **environ: str
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, str(Path(sys.executable).with_name("algo")), *arguments],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.home),
                "GIT_TERMINAL_PROMPT": "0",
                "PYTHONWARNINGS": "ignore",
                **environ,
            },
            cwd=self.home,
            input=said,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def write(self, name: str, content: bytes) -> str:
        (self.home / name).write_bytes(content)
        return str(self.home / name)


def configure(shell: Shell, server: str) -> None:
    """What `algo auth` leaves behind; it takes no address but https://api.NAME itself."""
    folder = shell.home / ".algorithmia"
    folder.mkdir()
    (folder / "config").write_text(
        f"[profiles.default]\napi_key = '{shell.account.key}'\napi_server = '{server}'\n"
        "ca_cert = ''\nbearer_token = ''\n"
    )


@pytest.fixture(scope="module")
def algo(live: Platform, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    account = live.account("cliuser")
    path = deploy(account, "Describe", DESCRIBE)
    shell = Shell(account, tmp_path_factory.mktemp("home"), path)
    configure(shell, live.url)
    return shell


@pytest.fixture
def https(live: Platform, tmp_path: Path) -> Iterator[int]:
    """A port on which the platform is behind TLS, as `certificate` in `tmp_path` proves."""
    context = certificate(tmp_path, API_NAME)
    plain_port = int(live.url.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server, context, plain_port), daemon=True).start()
        yield server.getsockname()[1]
        # Wakes the thread that waits for a connection.
        server.shutdown(socket.SHUT_RDWR)


def _serve(server: socket.socket, context: ssl.SSLContext, plain_port: int) -> None:
    while True:
        try:
            raw, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_relay, args=(raw, context, plain_port), daemon=True).start()


def _relay(raw: socket.socket, context: ssl.SSLContext, plain_port: int) -> None:
    """One request, whose answer is its connection's last."""
    try:
        with (
            context.wrap_socket(raw, server_side=True) as outside,
            socket.create_connection(("127.0.0.1", plain_port)) as inside,
        ):
            asked = outside.recv(65_536).replace(b"Connection: keep-alive", b"Connection: close")
            inside.sendall(asked)
            while piece := inside.recv(65_536):
                outside.sendall(piece)
    except OSError:
        return


@pytest.mark.parametrize(
    ("flag", "given", "kind", "value"),
    [
        ("-d", "you", "str", "you"),
        ("-t", '{"not": "parsed"}', "str", '{"not": "parsed"}'),
        ("-j", '{"a": 1}', "dict", "{'a': 1}"),
        ("-D", b"from a file", "str", "from a file"),
        ("-T", b"from a file", "str", "from a file"),
        # The client sends the file's text as one JSON string.
        ("-J", b'{"a": 1}', "str", '{"a": 1}'),
        ("-B", b"\x00\xff", "bytes", "b'\\x00\\xff'"),
        ("--data", "you", "str", "you"),
        ("--text", "you", "str", "you"),
        ("--json", "[1, 2]", "list", "[1, 2]"),
        ("--data-file", b"x", "str", "x"),
        ("--text-file", b"x", "str", "x"),
        ("--json-file", b"1", "str", "1"),
        ("--binary-file", b"x", "bytes", "b'x'"),
    ],
)
def test_every_kind_of_input(
    algo: Shell, flag: str, given: str | bytes, kind: str, value: str
) -> None:
    argument = given if isinstance(given, str) else algo.write("input", given)
    printed = algo("run", algo.path, flag, argument)
    assert printed.strip() == str({"type": kind, "value": value})


def test_output_and_options(algo: Shell) -> None:
    mirror = deploy(algo.account, "Mirror", MIRROR)
    target = str(algo.home / "output")
    assert algo("run", mirror, "-t", "kept", "-o", target).strip() == ""
    assert Path(target).read_text() == "kept"
    binary = algo.write("input", bytes(range(256)))
    algo("run", mirror, "-B", binary, "-o", target)
    assert Path(target).read_bytes() == bytes(range(256))
    assert "described" not in algo("run", algo.path, "-d", "x", "--debug")
    late = algo.run("run", algo.path, "-d", "sleep", "--timeout", "1")
    assert late.returncode != 0 and "timed-out" in late.stderr


def test_files_and_directories(algo: Shell) -> None:
    assert algo("ls").split() == ["cliuser/"]
    algo("mkdir", "data://.my/clidir")
    assert "cliuser/clidir/" in algo("ls", "data://cliuser/").split()
    one, two = algo.write("one.txt", b"one\n"), algo.write("two.txt", b"two\n")
    algo("cp", one, two, "data://cliuser/clidir")
    assert algo("ls", "data://cliuser/clidir/").split() == [
        "cliuser/clidir/one.txt",
        "cliuser/clidir/two.txt",
    ]
    (line, _) = algo("ls", "-l", "data://cliuser/clidir/").strip().splitlines()
    assert line.split()[2:] == ["4", "cliuser/clidir/one.txt"]
    assert algo("ls", "data://cliuser/clidir/one.txt").strip() == "cliuser/clidir/one.txt"
    both = algo("cat", "data://cliuser/clidir/one.txt", "data://cliuser/clidir/two.txt")
    assert both == "one\ntwo\n\n"
    assert algo("cat", "data://cliuser/clidir/*") == "one\ntwo\n\n"
    assert "does not exist" in algo("cat", "data://cliuser/clidir/none")


def test_copies_in_every_direction(algo: Shell) -> None:
    algo("mkdir", "data://.my/copies")
    source = algo.write("up.bin", bytes(range(256)) * 100)
    algo("cp", source, "data://cliuser/copies/up.bin")
    algo("cp", "data://cliuser/copies/up.bin", "data://cliuser/copies/again.bin")
    back = algo.home / "down.bin"
    algo("cp", "data://cliuser/copies/again.bin", str(back))
    assert back.read_bytes() == bytes(range(256)) * 100
    algo("rm", "data://cliuser/copies/up.bin")
    assert algo("ls", "data://cliuser/copies/").split() == ["cliuser/copies/again.bin"]
    # A directory that is not empty stays, unless that is asked for.
    algo.run("rmdir", "data://cliuser/copies")
    assert "cliuser/copies/" in algo("ls", "data://cliuser/").split()
    algo("rmdir", "-f", "data://cliuser/copies")
    assert "cliuser/copies/" not in algo("ls", "data://cliuser/").split()


def test_languages_environments_and_a_template(algo: Shell) -> None:
    assert "python3-1" in algo("languages")
    (environment,) = json.loads(algo("environment", "python3-1"))
    algo("template", environment["environment_specification_id"], "template")
    assert (algo.home / "template/src/__ALGO__.py").exists()


def test_builds(algo: Shell) -> None:
    (build,) = json.loads(algo("builds", "cliuser", "Describe"))
    assert build["commit_sha"] == algo.path.rpartition("/")[2]
    assert build["status"] == "succeeded"


def test_freeze(algo: Shell) -> None:
    algo("mkdir", "data://.my/frozen")
    algo("cp", algo.write("model.bin", b"weights"), "data://cliuser/frozen/model.bin")
    named = {"name": "model", "source_uri": "data://cliuser/frozen/model.bin"}
    manifest = {"required_files": [named], "optional_files": []}
    algo.write("model_manifest.json", json.dumps(manifest).encode())
    algo("freeze")
    frozen = json.loads((algo.home / "model_manifest.json.freeze").read_text())
    assert frozen["required_files"][0]["md5_checksum"] == md5(b"weights").hexdigest()


def test_clone(algo: Shell, live: Platform) -> None:
    # It names no credentials: git finds them where its user keeps them.
    algo.write(".gitconfig", b"[credential]\n\thelper = store\n")
    scheme, host = live.url.split("://")
    login = f"{scheme}://cliuser:{quote_plus(algo.account.key)}@{host}\n"
    algo.write(".git-credentials", login.encode())
    algo("clone", "cliuser/Describe")
    assert (algo.home / "Describe/src/Describe.py").read_text() == DESCRIBE


def test_auth(algo: Shell, https: int, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(RESOLVER)
    home = tmp_path / "home"
    home.mkdir()
    shell = Shell(algo.account, home, algo.path)
    address = f"https://{API_NAME}:{https}"
    said = f"{address}\n{algo.account.key}\n{tmp_path / API_NAME}.pem\n"
    shell("auth", said=said, PYTHONPATH=str(tmp_path))
    config = (home / ".algorithmia/config").read_text()
    assert address in config and algo.account.key in config
    assert shell("ls", PYTHONPATH=str(tmp_path)).split() == ["cliuser/"]


def test_help(algo: Shell) -> None:
    assert "run" in algo("help")
