"""Whatever an operation is sent, it answers as /v1/openapispec says; `make fuzz` tries more."""

from collections.abc import Iterator

import pytest

from tests.acceptance.platform import running_platform
from tests.doubles.seaweed import running_seaweed
from tests.fuzz.hostile import complaints
from tests.fuzz.objects import Objects, make_objects
from tests.fuzz.running import described

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def objects() -> Iterator[Objects]:
    with (
        running_seaweed() as storage,
        running_platform(ALGOPORT_CONNECTOR_HOSTS=f"127.0.0.1:{storage.port}") as platform,
    ):
        yield make_objects(platform, storage)


def test_hostile_values_are_refused(objects: Objects) -> None:
    found = list(complaints(objects, described(objects.platform.url)))
    assert not found, f"{len(found)} complaints\n" + "\n".join(found[:60])
