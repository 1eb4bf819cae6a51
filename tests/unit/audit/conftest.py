"""A trail with entries in it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import transaction

from algoport.audit.recording import act


@pytest.fixture(autouse=True)
def audit_folder(settings: LazySettings, tmp_path: Path) -> Path:
    settings.AUDIT_FOLDER = tmp_path / "audit"
    return tmp_path / "audit"


@pytest.fixture
def trail(db: None) -> Callable[[int], None]:
    """Makes so many entries."""

    def make(count: int) -> None:
        for index in range(count):
            with transaction.atomic(), act("test.act") as done:
                done.note(index=index)

    return make
