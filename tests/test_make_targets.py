"""Every program of the Makefile loads by itself, outside of pytest and its settings."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted(
    set(re.findall(r"python -m ((?:bench|tests)[\w.]*)", (ROOT / "Makefile").read_text()))
)


def test_the_makefile_names_its_programs() -> None:
    assert {"bench.run", "tests.faults.run", "tests.soak.run"} <= set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_a_program_loads(module: str) -> None:
    environ = {
        name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import {module}"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
