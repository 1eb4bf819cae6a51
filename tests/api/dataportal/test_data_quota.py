"""PUT by an account that has all it may have."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataportal.models import Collection, HostedFile
from dataportal.stores import hosted as hosted_store
from dataportal.usage import change_limits
from tests.asgi_client import Answer
from tests.factories.dataportal import Caller

RequestAs = Callable[..., Answer]
FILE = "/v1/data/demo/c/f.txt"


@pytest.fixture(autouse=True)
def collection(demo: Caller) -> Collection:
    change_limits(owner_id=demo.user.id, byte_limit=100, file_limit=1)
    return Collection.objects.create(owner=demo.user, name="c")


def stored(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


def test_too_large_file_is_refused_by_its_declared_length(
    demo: Caller, request_as: RequestAs, hosted: Path
) -> None:
    assert request_as(demo, "PUT", FILE, body=b"x" * 100).status == 200

    def body() -> Iterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    refused = request_as(demo, "PUT", FILE, body=body(), headers={"Content-Length": str(10**12)})
    assert refused.status == 413
    assert refused.json()["error"]["code"] == 6001
    assert "100 bytes" in refused.json()["error"]["message"]
    assert request_as(demo, "GET", FILE).body == b"x" * 100
    assert stored(hosted) == [b"x" * 100]


def test_too_large_file_is_refused_while_it_comes(
    demo: Caller, request_as: RequestAs, hosted: Path
) -> None:
    piece = b"y" * 400_000
    refused = request_as(demo, "PUT", FILE, body=[piece] * 3)
    assert (refused.status, stored(hosted)) == (413, [])
    assert not HostedFile.objects.exists()


def test_one_file_too_many_is_refused_and_the_others_stay(
    demo: Caller, request_as: RequestAs, hosted: Path
) -> None:
    assert request_as(demo, "PUT", FILE, body=b"one").status == 200
    refused = request_as(demo, "PUT", "/v1/data/demo/c/g.txt", body=b"two")
    assert (refused.status, refused.json()["error"]["code"]) == (409, 6001)
    assert request_as(demo, "PUT", FILE, body=b"anew").status == 200
    assert request_as(demo, "DELETE", FILE).status == 200
    assert request_as(demo, "PUT", "/v1/data/demo/c/g.txt", body=b"two").status == 200


def test_file_that_no_longer_fits_when_it_has_come_leaves_no_bytes(
    demo: Caller, request_as: RequestAs, hosted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve = hosted_store.reserve_file

    def reserve_late(**options: object) -> HostedFile:
        change_limits(owner_id=demo.user.id, byte_limit=2, file_limit=None)
        return reserve(**options)  # type: ignore[arg-type]

    monkeypatch.setattr(hosted_store, "reserve_file", reserve_late)
    assert request_as(demo, "PUT", FILE, body=b"three").status == 413
    assert stored(hosted) == []
    assert not HostedFile.objects.exists()
