"""Which runtime a host gets, where no Docker engine is."""

import gc
import socket
from pathlib import Path
from typing import Any

import pytest

from algoport.containers.choice import choose_runtime
from algoport.containers.errors import RuntimeUnavailable


@pytest.fixture
def left_socket(tmp_path: Path) -> str:
    """The address of an engine that was killed: nothing listens, and the file is there."""
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(path))
    return f"unix://{path}"


@pytest.mark.parametrize("address", ["left", "unix:///no/socket", "tcp://127.0.0.1:1"])
def test_an_engine_that_is_wanted_and_does_not_answer_is_told(
    address: str,
    left_socket: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:
    """And nothing of the attempt stays open: what does is a warning when it is collected."""
    address = left_socket if address == "left" else address
    monkeypatch.setenv("DOCKER_HOST", address)
    settings.DOCKER_ENGINE, settings.RUNTIME = address, "docker"
    with pytest.raises(RuntimeUnavailable, match="no Docker engine answers"):
        choose_runtime(tmp_path / "r")
    gc.collect()


def test_the_sandbox_is_used_where_an_engine_left_its_socket(
    left_socket: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:
    monkeypatch.setenv("DOCKER_HOST", left_socket)
    settings.DOCKER_ENGINE, settings.RUNTIME = left_socket, "auto"
    settings.SERVICE_FOLDER = tmp_path
    made = choose_runtime(tmp_path / "r")
    made.start_watchdog()
    made.stop_watchdog()
    assert made.name == "sandbox"
