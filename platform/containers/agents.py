"""What every sandbox has beside its algorithm: the agent, its environment, what it is to run."""

import hashlib
import json
import os
import py_compile
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

from algoport.containers.egress import proxy_environ
from algoport.containers.engine import Limits, RunnerSpec

_AGENT = Path(__file__).parent / "agent"
_PATH = "/usr/local/bin:/usr/bin:/bin"


def base_environ(limits: Limits, *, processes: int, data: int) -> dict[str, str]:
    """What every process in a sandbox finds in its environment; nothing of our own gets in.

    The agent lowers its limits, those of all that it starts, to so many processes of its user and
    bytes of data; 0 where the host counts these. Nothing inside can raise them.
    """
    return {
        "PATH": _PATH,
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "ALGOPORT_LIMITS": f"{processes} {limits.open_files} {data}",
    }


def write_start(folder: Path, spec: RunnerSpec) -> None:
    """Say to the agent what it is to run, in its folder; it reads that when it is connected."""
    environ = {
        "ALGORITHMIA_API": "http://127.0.0.1:9000",
        "PYTHONPATH": "/opt/packages:/opt/algorithm",
        **(proxy_environ() if spec.egress is not None else {}),
        **spec.environ,
    }
    (folder / "start.json").write_text(json.dumps({"environ": environ}))


def install_agent(state: Path) -> Path:
    """A copy of the agent that every user can read."""
    return install_copy(state, "agent", {each.name: each for each in _AGENT.glob("*.py")})


def _compile(path: Path) -> None:
    """Byte code beside the source, for sandboxes that cannot write theirs."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(path), doraise=True, invalidation_mode=mode)


def install_copy(state: Path, name: str, files: Mapping[str, Path]) -> Path:
    """A folder with copies of files that is named by their content; made once."""
    digest = hashlib.sha256()
    for file_name, path in sorted(files.items()):
        digest.update(file_name.encode() + b"\0" + path.read_bytes())
    folder = state / f"{name}-{digest.hexdigest()[:12]}"
    if folder.exists():
        return folder
    draft = state / f".{folder.name}-{uuid.uuid4().hex[:8]}"
    draft.mkdir()
    for file_name, path in files.items():
        (draft / file_name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, draft / file_name)
        (draft / file_name).chmod(0o755)
        if file_name.endswith(".py"):
            _compile(draft / file_name)
    for made, _, names in os.walk(draft):
        os.chmod(made, 0o755)
        for name in names:
            os.chmod(os.path.join(made, name), 0o755)
    try:
        draft.rename(folder)
    except OSError:
        shutil.rmtree(draft)  # Another process was quicker.
    return folder
