"""Whatever an operation is sent, it answers as /v1/openapispec says; `make fuzz` tries more."""

from collections.abc import Callable, Iterator

import pytest

from tests.acceptance.platform import running_platform
from tests.doubles.seaweed import running_seaweed
from tests.fuzz.examples import unneeded
from tests.fuzz.hostile import complaints
from tests.fuzz.objects import Objects, make_objects
from tests.fuzz.running import SEED, described, is_for_administrators, run
from tests.fuzz.sampling import Extent

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("fuzz"), pytest.mark.timeout(400)]


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


def test_reasons_are_needed(objects: Objects) -> None:
    assert not unneeded(objects)


def _is_for_users(path: str) -> bool:
    return not is_for_administrators(path)


@pytest.mark.parametrize(
    ("who", "briefly"),
    [("user", is_for_administrators), ("administrator", _is_for_users)],
    ids=["user", "administrator"],
)
def test_operations_do_as_they_are_described(
    objects: Objects, who: str, briefly: Callable[[str], bool]
) -> None:
    key = objects.keeper.key if who == "user" else objects.admin_key
    report = run(objects, key, Extent(examples=1, seed=SEED, alike=1, briefly=briefly))
    assert not report.failures, f"{len(report.failures)} failures\n" + "\n\n".join(
        report.failures[:30]
    )
    described_paths = described(objects.platform.url)["paths"]
    operations = {
        f"{method.upper()} {path}" for path, item in described_paths.items() for method in item
    }
    assert operations - set(report.answers) == set()
