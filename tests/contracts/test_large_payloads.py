"""Payloads that go past the agent: whole, and whatever the algorithm makes of their socket."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvloop

from algorithms.running.invocation import Outcome
from tests.factories.runners import LocalStarter, local_starter, run_once

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("sandbox"), pytest.mark.timeout(120)]

# Its own end of the channel is descriptor 3, that of the socket for large payloads the next.
SOURCE = """
import os
import socket
import subprocess
import sys

APART = 1 << 31


def say(length):
    os.write(3, length.to_bytes(4, "big"))


def apply(input):
    if isinstance(input, bytes):
        return input
    if input == "no result":
        say(APART)
    elif input == "too large":
        say(APART | (16 * 1024 * 1024 + 1))
    elif input == "half":
        say(APART | 200_000)
        os.write(4, b"t" + b"x" * 100_000)
        os._exit(3)
    elif input == "half, and somebody else has it":
        subprocess.Popen(["sleep", "60"], pass_fds=[4])
        say(APART | 200_000)
        os.write(4, b"t" + b"x" * 100_000)
        os._exit(3)
    elif input == "outside":
        say(APART | 5)
        os.write(4, b"zzzzz")
    elif input == "print":
        print("said before")
        return "x" * 100_000
    return "y"
"""


@pytest.fixture
def starter(run_folder: Path) -> Iterator[LocalStarter]:
    with local_starter(run_folder, SOURCE) as made:
        yield made


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop])
def run(
    starter: LocalStarter, request: pytest.FixtureRequest
) -> Iterator[Callable[[bytes], Outcome]]:
    loop = request.param()
    yield lambda data: loop.run_until_complete(run_once(starter, data, 20))
    loop.close()


@pytest.mark.parametrize("size", [65_534, 65_535, 65_536, 1_000_000, 9_999_999])
def test_every_byte_comes_back(run: Callable[[bytes], Outcome], size: int) -> None:
    body = os.urandom(size)
    outcome = run(b"b" + body)
    assert outcome.failure is None and outcome.content_type == "binary"
    assert bytes(outcome.result) == body  # type: ignore[arg-type]


def test_what_was_printed_comes_with_it(run: Callable[[bytes], Outcome]) -> None:
    outcome = run(b"tprint")
    assert outcome.result == "x" * 100_000 and outcome.stdout == b"said before\n"


@pytest.mark.parametrize(
    ("given", "error_type"),
    [
        ("no result", "TooLargeError"),
        ("too large", "TooLargeError"),
        ("half", "SystemExit"),
        ("half, and somebody else has it", "SystemExit"),
        ("outside", "ParsingError"),
    ],
)
def test_what_is_no_result(run: Callable[[bytes], Outcome], given: str, error_type: str) -> None:
    outcome = run(b"t" + given.encode())
    assert outcome.failure is not None and outcome.failure.error_type == error_type
