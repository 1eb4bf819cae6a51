"""A sandbox that cannot be limited is never let go."""

import errno
import os
import select
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from algoport.containers import cgroups
from algoport.containers.cgroups import ControlGroup
from algoport.containers.engine import BuildStep, Limits
from algoport.containers.processes import Sandbox
from algoport.containers.sandbox import SandboxRuntime

SMALL = Limits(memory_bytes=256 * 1024**2, pids=40, tmp_bytes=32 * 1024**2, open_files=128)


@pytest.fixture
def folder() -> Iterator[Path]:
    # Sockets need a short path, sandboxes one that other users can walk.
    made = Path(tempfile.mkdtemp(prefix="ap-pl-"))
    made.chmod(0o755)
    for name in ("r", "work"):
        (made / name).mkdir()
    yield made
    shutil.rmtree(made)


@pytest.mark.sandbox
@pytest.mark.xdist_group("sandbox")
def test_what_cannot_be_limited_is_ended(
    folder: Path, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = Sandbox.hold
    held: list[int] = []

    def fail(sandbox: Sandbox, first: int | None, lifeline: int) -> None:
        hold(sandbox, first, lifeline)
        assert first is not None
        held.append(os.pidfd_open(first))
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(Sandbox, "hold", fail)
    runtime = SandboxRuntime(folder / "s", folder / "r")
    code = "open('/work/ran', 'w'); import time; time.sleep(60)"
    argv = ("python3", "-c", code)
    work = {"/work": folder / "work"}
    step = BuildStep("test", argv, environment, work, {}, {}, SMALL, 20)
    with pytest.raises(OSError, match="Invalid argument"):
        runtime.run_step(step, lambda output: None)
    # Readable is one that has ended, whether or not anybody has asked how.
    assert select.select(held, [], [], 0)[0] == held != []
    os.close(held[0])
    assert not (folder / "work" / "ran").exists()
    monkeypatch.undo()
    again = runtime.run_step(replace(step, argv=("true",)), lambda output: None)
    assert again.exit_code == 0
    runtime.stop_watchdog()
    assert list((folder / "r").iterdir()) == []


@pytest.fixture
def group(tmp_path: Path) -> ControlGroup:
    """One of version 1, of plain files."""
    for name in ("cpu.cfs_period_us", "cpu.cfs_quota_us", "pids.max", "memory.limit_in_bytes"):
        (tmp_path / name).write_text("")
    return ControlGroup([tmp_path], unified=False)


def refuse(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    """Have the kernel not take what is written to this file."""
    write = Path.write_text

    def write_or_fail(path: Path, text: str) -> int:
        if path.name == name:
            raise OSError(number, os.strerror(number))
        return write(path, text)

    monkeypatch.setattr(cgroups.Path, "write_text", write_or_fail)


def test_a_group_above_may_be_limited_to_less(
    group: ControlGroup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, "cpu.cfs_quota_us", errno.EINVAL)
    group.limit(2**20, 40, 1.5)
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert written == {
        "cpu.cfs_period_us": "100000",
        "cpu.cfs_quota_us": "",
        "pids.max": "40",
        "memory.limit_in_bytes": str(2**20),
    }


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("cpu.cfs_quota_us", errno.EACCES),
        ("pids.max", errno.EINVAL),
        ("memory.limit_in_bytes", errno.EINVAL),
    ],
)
def test_other_limits_are_put_or_told(
    group: ControlGroup, monkeypatch: pytest.MonkeyPatch, name: str, number: int
) -> None:
    refuse(monkeypatch, name, number)
    with pytest.raises(OSError, match=os.strerror(number)):
        group.limit(2**20, 40, 1.5)
