"""Fixtures shared by the tests of hosted data."""

from pathlib import Path

import pytest
from pytest_django import Settings


@pytest.fixture
def hosted(settings: Settings, tmp_path: Path) -> Path:
    """The folder of the hosted storage, empty."""
    folder = tmp_path / "hosted"
    settings.ALGOPORT_DATA = tmp_path
    settings.STORAGES = settings.STORAGES | {
        "hosted": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(folder)},
        }
    }
    return folder


@pytest.fixture
def incoming(hosted: Path) -> Path:
    """The folder of uploads in progress."""
    return hosted.parent / "incoming"
