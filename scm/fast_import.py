"""Words of `git fast-import`, in which commits are made without a checkout."""

import time
from collections.abc import Mapping

BRANCH = "refs/heads/master"


def identity(author: str) -> str:
    """Who commits, and when, as commits say it."""
    name = "".join(character for character in author if character not in "<>\n\0")
    return f"{name} <{name}@users.noreply> {int(time.time())} +0000"


def first_commit(files: Mapping[str, bytes], message: str, author: str) -> bytes:
    """The first commit of master in the language of fast-import."""
    text = message.encode()
    parts = [
        f"commit {BRANCH}\ncommitter {identity(author)}\n".encode(),
        b"data %d\n%s\n" % (len(text), text),
    ]
    for path, content in sorted(files.items()):
        parts.append(b"M 100644 inline %s\n" % quote_path(path))
        parts.append(b"data %d\n%s\n" % (len(content), content))
    return b"".join(parts) + b"done\n"


def quote_path(path: str) -> bytes:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'.encode()
