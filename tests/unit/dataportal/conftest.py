"""Fixtures shared by the tests of hosted data."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from algoport.settings import env
from tests.doubles.seaweed import Seaweed, running_seaweed
from tests.factories.dataportal import host_files_in


@pytest.fixture
def hosted(settings: Settings, tmp_path: Path) -> Path:
    """The folder of the hosted storage, empty."""
    host_files_in(tmp_path, settings)
    return tmp_path / "hosted"


@pytest.fixture
def incoming(hosted: Path) -> Path:
    """The folder of uploads in progress."""
    return hosted.parent / "incoming"


@pytest.fixture(scope="session")
def seaweed() -> Iterator[Seaweed]:
    with running_seaweed() as server:
        yield server


@pytest.fixture
def bucket(settings: Settings, tmp_path: Path, seaweed: Seaweed) -> str:
    """The name of an empty bucket, which is the hosted storage now."""
    name = seaweed.new_bucket()
    settings.ALGOPORT_DATA = tmp_path
    options = env.bucket(f"s3://{name}/some/where?endpoint_url={seaweed.url}&region=us-east-1")
    keys = {"access_key": seaweed.access_key_id, "secret_key": seaweed.secret_access_key}
    settings.STORAGES = settings.STORAGES | {
        "hosted": {
            "BACKEND": "dataportal.bucket_storage.BucketStorage",
            "OPTIONS": options | keys,
        }
    }
    return name


@pytest.fixture(params=["hosted", "bucket"])
def any_storage(request: pytest.FixtureRequest) -> str:
    """Every kind of storage that hosted bytes may be in, empty."""
    request.getfixturevalue(request.param)
    return str(request.param)
