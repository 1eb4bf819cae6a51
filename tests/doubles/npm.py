"""Packages of npm that tests need, each in a folder beside the packages of Python."""

import shutil
import subprocess
import sys
from pathlib import Path

_SECONDS = 300


class NpmMissing(Exception):
    """There is no npm, or no way to install; the text says what to do."""


def npm_package(name: str, version: str) -> Path:
    """The folder of a package, installed where it is not yet; removed with `.venv`.

    Raises NpmMissing.
    """
    place = Path(sys.prefix) / name
    package = place / "node_modules" / name
    if (package / "package.json").exists():
        return package
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise NpmMissing(f"{name} is missing: install node and npm (Debian: nodejs, npm).")
    command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(place)]
    try:
        place.mkdir(exist_ok=True)
        subprocess.run(
            [*command, f"{name}@{version}"], check=True, capture_output=True, timeout=_SECONDS
        )
    except (subprocess.SubprocessError, OSError) as exc:
        raise NpmMissing(f"{name} cannot be installed by npm: {exc}") from exc
    return package
