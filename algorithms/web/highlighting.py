"""Source as lines with the classes of `code.css`: coloured by Pygments, where that ends in time."""

import json
import logging
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

from django.utils.html import escape
from django.utils.safestring import SafeString

logger = logging.getLogger(__name__)

_BYTES = 64 * 1024
_SECONDS = 1.5
_KEPT = 64
_PROGRAM = Path(__file__).parent / "highlighter.py"
# By the blob's SHA and the name of the file: the same for ever.
_known: OrderedDict[tuple[str, str], list[str]] = OrderedDict()


def lines_of(sha: str, name: str, text: str) -> list[SafeString]:
    """The lines of a blob as HTML; `name` tells its language."""
    found = _known.get((sha, name))
    if found is None:
        found = _coloured(name, text) if len(text) <= _BYTES else None
        if found is None:
            found = [str(escape(line)) for line in _split(text)]
        if len(text) <= _BYTES:
            _keep((sha, name), found)
    return [SafeString(line) for line in found]


def _keep(key: tuple[str, str], lines: list[str]) -> None:
    _known[key] = lines
    while len(_known) > _KEPT:
        _known.popitem(last=False)


def _split(text: str) -> list[str]:
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" and len(lines) > 1 else lines


def _coloured(name: str, text: str) -> list[str] | None:
    # SECURITY: a text can be made to keep a lexer busy for ever, and the whole process with it.
    # In a process of its own it is stopped.
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(_PROGRAM), name],
            input=text.encode(),
            env={},
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as exc:
        logger.warning("a file called %r could not be coloured: %s", name[-40:], exc)
        return None
    lines: list[str] | None = json.loads(done.stdout)
    return lines
