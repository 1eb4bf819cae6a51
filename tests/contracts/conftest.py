"""What contract suites of runtimes share."""

from pathlib import Path

import pytest

from algoport.containers.rootfs import build_environment

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "algorithms/environments/python3/requirements.txt"


@pytest.fixture(scope="session")
def environment(run_folder: Path) -> Path:
    return build_environment(run_folder / "environments", "python3", REQUIREMENTS)
