"""Running git: an environment made from nothing, time limits, no shell."""

import logging
import os
import re
import resource
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from scm.errors import CommitNotFound, GitFailed

logger = logging.getLogger(__name__)

DEFAULT_SECONDS = 30.0
_SHA_PATTERN = re.compile(r"[0-9a-f]{40}\Z")
_MOST_OUTPUT = 64 * 1024 * 1024
_STDERR_SHOWN = 2000

# Given by environment, so that nothing in a repository can change them. Only the platform names
# repositories, by id: `safe.directory` would but refuse a data folder that changed its owner.
_CONFIG = (
    ("safe.directory", "*"),
    ("core.fsync", "committed,reference"),
    ("core.bigFileThreshold", "32m"),
    ("pack.windowMemory", "128m"),
    ("fastimport.unpackLimit", "1"),
)
_NO_HOOKS = (("core.hooksPath", "/dev/null"),)


class _EnoughRead(Exception):
    """Leaves the block of a command that has said enough."""


def git_environ(config: Iterable[tuple[str, str]] = _NO_HOOKS) -> dict[str, str]:
    """Environment of a git process: nothing of ours, of the machine's or of a user's."""
    environ = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
    }
    entries = [*_CONFIG, *config]
    environ["GIT_CONFIG_COUNT"] = str(len(entries))
    for index, (key, value) in enumerate(entries):
        environ[f"GIT_CONFIG_KEY_{index}"] = key
        environ[f"GIT_CONFIG_VALUE_{index}"] = value
    return environ


def check_sha(sha: str) -> str:
    """The SHA itself. Raises CommitNotFound for anything else than 40 lower-case hex digits."""
    if not _SHA_PATTERN.match(sha):
        raise CommitNotFound(sha=repr(sha[:60]))
    return sha


def run_git(
    repository: Path,
    *arguments: str,
    stdin: bytes = b"",
    seconds: float = DEFAULT_SECONDS,
    config: Iterable[tuple[str, str]] = _NO_HOOKS,
    most_file_bytes: int | None = None,
) -> bytes:
    """Output of a git command. Raises GitFailed when it fails, takes or says too much."""
    with stream_git(
        repository,
        *arguments,
        stdin=stdin,
        seconds=seconds,
        config=config,
        most_file_bytes=most_file_bytes,
    ) as output:
        data = output.read(_MOST_OUTPUT + 1)
        if len(data) > _MOST_OUTPUT:
            logger.error("git %s gave more than %d bytes", arguments[0], _MOST_OUTPUT)
            raise GitFailed
    return data


def read_git(
    repository: Path,
    *arguments: str,
    stdin: bytes = b"",
    most_bytes: int,
    seconds: float = DEFAULT_SECONDS,
) -> tuple[bytes, bool]:
    """The beginning of a command's output, and whether that is all of it.

    Raises GitFailed as `run_git`, but not for saying more: then the command is stopped.
    """
    try:
        with stream_git(repository, *arguments, stdin=stdin, seconds=seconds) as output:
            data = output.read(most_bytes + 1)
            if len(data) > most_bytes:
                raise _EnoughRead
    except _EnoughRead:
        return data[:most_bytes], False
    return data, True


def git_succeeds(repository: Path, *arguments: str) -> bool:
    """Whether a command that answers a question by its exit code says yes."""
    result = subprocess.run(
        _command(repository, arguments),
        env=git_environ(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=DEFAULT_SECONDS,
        check=False,
    )
    return result.returncode == 0


@contextmanager
def stream_git(
    repository: Path,
    *arguments: str,
    stdin: bytes = b"",
    seconds: float = DEFAULT_SECONDS,
    config: Iterable[tuple[str, str]] = _NO_HOOKS,
    most_file_bytes: int | None = None,
) -> Iterator[IO[bytes]]:
    """Output of a git command while it runs; it is killed when the block is left by an error.

    Raises GitFailed when git fails, takes longer than `seconds` or writes a file of more than
    `most_file_bytes`.
    """
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        process = subprocess.Popen(
            _command(repository, arguments),
            env=git_environ(config),
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        if most_file_bytes is not None:
            # What it starts later has the same limit; nothing is written before it has asked.
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most_file_bytes,) * 2)
        timer = threading.Timer(seconds, _kill, [process])
        timer.daemon = True
        timer.start()
        assert process.stdout is not None
        try:
            yield process.stdout
            process.wait()
        finally:
            timer.cancel()
            _kill(process)
            process.wait()
            process.stdout.close()
        if process.returncode != 0:
            _report(arguments[0], process.returncode, errors)
            raise GitFailed


def _report(command: str, code: int, errors: IO[bytes]) -> None:
    errors.seek(0)
    said = errors.read(_STDERR_SHOWN).decode("utf-8", "replace").strip()
    logger.error("git %s ended with %d: %s", command, code, said)


def _command(repository: Path, arguments: tuple[str, ...]) -> list[str]:
    return ["git", f"--git-dir={repository}", *arguments]


def _kill(process: subprocess.Popen[bytes]) -> None:
    # Until it is waited for, an ended process keeps its id: the group cannot be another's.
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
