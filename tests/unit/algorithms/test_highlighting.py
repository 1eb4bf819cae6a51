"""Colouring source: line by line, and not for longer than a moment."""

import re
import secrets
from html import unescape

import pytest

from algorithms.web import highlighting
from algorithms.web.highlighting import lines_of

HOSTILE = 'x = """<script>alert(1)\n</script>"""\r\n\n# & end'


def plain(lines: list[str]) -> list[str]:
    return [unescape(re.sub(r"</?span[^>]*>", "", line)).rstrip("\r") for line in lines]


def lines(name: str, text: str) -> list[str]:
    return [str(line) for line in lines_of(secrets.token_hex(20), name, text)]


@pytest.mark.parametrize("text", [HOSTILE, f"{HOSTILE}\n", "", "\n", "\n\n", "a", "def f(:\n\t'"])
@pytest.mark.parametrize("name", ["a.py", "noone.knows", "-x.md"])
def test_every_line_is_there_and_is_text(name: str, text: str) -> None:
    wanted = text.replace("\r\n", "\n").split("\n")
    found = lines(name, text)
    assert plain(found) == (wanted[:-1] if text.endswith("\n") else wanted)
    assert not any("<script" in line for line in found)
    # No element goes over the end of its line.
    assert all(line.count("<span") == line.count("</span") for line in found)


def test_a_lexer_that_does_not_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(highlighting, "_SECONDS", 0.001)
    assert lines("a.py", "def f(): <b>\n") == ["def f(): &lt;b&gt;"]


def test_large_files_are_not_coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(highlighting, "_BYTES", 10)
    assert lines("a.py", "def f(): pass\n") == ["def f(): pass"]
    assert lines("a.py", "def f()") != ["def f()"]


def test_what_was_coloured_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(highlighting, "_KEPT", 2)
    monkeypatch.setattr(highlighting, "_known", type(highlighting._known)())
    first = lines_of("a" * 40, "a.py", "def f(): pass")
    monkeypatch.setattr(highlighting, "_coloured", lambda name, text: None)
    assert lines_of("a" * 40, "a.py", "def f(): pass") == first
    assert lines_of("a" * 40, "b.txt", "<") == ["&lt;"]
    assert lines_of("b" * 40, "c.py", "<") == ["&lt;"]
    assert len(highlighting._known) <= 2
