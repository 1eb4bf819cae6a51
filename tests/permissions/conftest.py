"""The door, and its files."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from algorithms.models import Environment
from tests.factories.dataportal import host_files_in
from tests.permissions.door import Door, open_door


@pytest.fixture
def door(
    db: None,
    python_environment: Environment,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Door]:
    host_files_in(tmp_path, settings)
    settings.DATA_JOURNAL_FOLDER = tmp_path / "journal"
    settings.REPOSITORIES_FOLDER = tmp_path / "repositories"
    with open_door(monkeypatch) as opened:
        yield opened
