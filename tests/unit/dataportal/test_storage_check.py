"""manage.py check_storage finds, and repairs, whatever does not agree."""

import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.utils import timezone

from dataportal import storage_check
from dataportal.constants import UNUSED_BLOB_GRACE
from dataportal.models import Collection, HostedFile, HostedUsage
from dataportal.services import remove_unused_blobs, reserve_file
from dataportal.storage import IncomingFile, keep, list_blobs, remove_blob
from tests.factories.dataportal import make_caller, make_file

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def collection(any_storage: str) -> Collection:
    return Collection.objects.create(owner=make_caller("demo").user, name="c")


def check(*options: str) -> str:
    """What it prints when all agrees, or is repaired."""
    output = io.StringIO()
    call_command("check_storage", *options, stdout=output)
    return output.getvalue()


def complaints(*options: str) -> list[str]:
    output = io.StringIO()
    with pytest.raises(CommandError, match="do not agree; --repair"):
        call_command("check_storage", *options, stdout=output)
    return output.getvalue().splitlines()


def put_blob(name: str, data: bytes) -> None:
    incoming = IncomingFile()
    incoming.write(data)
    incoming.flush()
    keep(incoming, name)
    incoming.discard()


def replace_bytes(file: HostedFile, data: bytes) -> None:
    remove_blob(file.blob_name)
    put_blob(file.blob_name, data)


def test_what_agrees_is_counted(collection: Collection) -> None:
    for number in range(20):
        make_file(collection, str(number), b"x" * number)
    make_file(collection, "1", b"replaced")
    reserve_file(name="reserved", size=5, digest="")
    assert check("--digests") == "22 rows and 21 blobs compared, 0 do not agree\n"


def test_empty_storage_agrees(any_storage: str) -> None:
    assert check().startswith("0 rows and 0 blobs")


def lose_bytes(file: HostedFile) -> None:
    remove_blob(file.blob_name)


def shorten_bytes(file: HostedFile) -> None:
    replace_bytes(file, b"dat")


def change_bytes(file: HostedFile) -> None:
    replace_bytes(file, b"DATA")


@pytest.mark.parametrize(
    ("damage", "said", "options"),
    [
        (lose_bytes, "has no bytes in the storage", []),
        (shorten_bytes, "has another size in the storage", []),
        (change_bytes, "has other bytes in the storage", ["--digests"]),
    ],
)
def test_file_whose_bytes_are_not_its_own_is_found_and_taken_away(
    collection: Collection,
    damage: Callable[[HostedFile], None],
    said: str,
    options: list[str],
) -> None:
    files = [make_file(collection, name) for name in ("a", "b", "c")]
    damage(files[1])
    assert complaints(*options) == [f"data://demo/c/b {said}"]
    assert collection.files.count() == 3
    assert f"data://demo/c/b {said}: the file is taken away" in check("--repair", *options)
    assert [file.name for file in collection.files.order_by("name")] == ["a", "c"]
    assert check(*options)
    assert HostedUsage.objects.get().files == 2


def test_digests_are_read_only_when_asked(collection: Collection) -> None:
    change_bytes(make_file(collection, "f"))
    assert "0 do not agree" in check()


def test_bytes_without_a_row_are_found_and_left_to_the_sweep(collection: Collection) -> None:
    kept = make_file(collection, "f")
    name = f"{uuid4().hex}"
    name = f"{name[:2]}/{name}"
    put_blob(name, b"lost")
    assert complaints() == [f"{name} has no row"]
    check("--repair")
    assert "0 do not agree" in check()
    assert len(list(list_blobs())) == 2
    HostedFile.objects.filter(collection=None).update(
        unused_since=timezone.now() - UNUSED_BLOB_GRACE - timedelta(seconds=1)
    )
    assert remove_unused_blobs() == 1
    assert [name for name, _ in list_blobs()] == [kept.blob_name]


def test_wrong_sums_are_found_and_counted_again(collection: Collection) -> None:
    make_file(collection, "f")
    HostedUsage.objects.update(bytes=7, files=9)
    other = make_caller("guest").user
    HostedUsage.objects.create(owner=other, bytes=1, byte_limit=5)
    assert complaints() == ["demo is counted wrongly", "guest is counted wrongly"]
    check("--repair")
    assert [(row.bytes, row.files) for row in HostedUsage.objects.order_by("-bytes")] == [
        (4, 1),
        (0, 0),
    ]
    HostedUsage.objects.all().delete()
    assert complaints() == ["demo is counted wrongly"]
    check("--repair")
    assert "0 do not agree" in check()


def test_what_is_not_the_platforms_is_left_alone(hosted: Path, db: None) -> None:
    storages["hosted"].save("lost+found/note", ContentFile(b"1"))
    storages["hosted"].save(f"00/{'1' * 32}", ContentFile(b"2"))
    assert "2 things in the storage are not the platform's" in check("--repair")
    assert len(list(list_blobs())) == 2


def test_files_that_come_and_go_meanwhile_are_no_faults(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read of the rows is old by the time the storage is listed, and the other way."""
    for name in "abcdef":
        make_file(collection, name)
    list_now = storage_check.list_blobs

    def list_late() -> Iterator[tuple[str, int]]:
        make_file(collection, "new")
        gone = collection.files.get(name="a")
        HostedFile.objects.filter(pk=gone.pk).update(collection=None, unused_since=timezone.now())
        remove_blob(gone.blob_name)
        HostedFile.objects.filter(pk=gone.pk).delete()
        HostedUsage.objects.update(bytes=24, files=6)
        yield from list_now()

    monkeypatch.setattr(storage_check, "list_blobs", list_late)
    assert "0 do not agree" in check()
