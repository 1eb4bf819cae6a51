"""Files that hold what the platform is expected to say; `make golden` writes them anew."""

from pathlib import Path

import pytest


def check_text(path: Path, text: str, config: pytest.Config) -> None:
    """The file says just this; with `--write-golden` it is made to."""
    if config.getoption("--write-golden"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return
    assert path.exists(), f"{path} is missing: run `make golden` and look at what it wrote"
    assert text == path.read_text(), f"{path} is out of date: run `make golden` and look at it"
