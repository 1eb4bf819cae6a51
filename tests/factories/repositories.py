"""Commits that no page and no client would make."""

import subprocess
from uuid import UUID

from scm.git import git_environ
from scm.repositories import repository_path


def git(repository_id: UUID, *arguments: str, stdin: bytes = b"") -> str:
    environ = git_environ() | {
        "GIT_AUTHOR_NAME": "m",
        "GIT_AUTHOR_EMAIL": "m@m",
        "GIT_COMMITTER_NAME": "m",
        "GIT_COMMITTER_EMAIL": "m@m",
    }
    command = ["git", f"--git-dir={repository_path(repository_id)}", *arguments]
    done = subprocess.run(command, input=stdin, env=environ, capture_output=True, check=True)
    return done.stdout.decode().strip()


def blob(repository_id: UUID, content: bytes = b"x") -> str:
    return git(repository_id, "hash-object", "-w", "--stdin", stdin=content)


def tree(repository_id: UUID, *entries: tuple[bytes, bytes, str]) -> str:
    """A tree of (mode, name, sha), written with none of git's checks."""
    raw = b"".join(b"%s %s\0" % (m, n) + bytes.fromhex(sha) for m, n, sha in entries)
    command = ("hash-object", "-t", "tree", "-w", "--literally", "--stdin")
    return git(repository_id, *command, stdin=raw)
