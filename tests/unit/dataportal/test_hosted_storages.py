"""The bytes of hosted files, in a folder and in a bucket."""

import hashlib
import resource
from pathlib import Path

import psutil
import pytest
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import storages
from pytest_django import Settings

from algoport.settings import env
from dataportal.errors import BlobMissing, StorageUnavailable
from dataportal.storage import (
    IncomingFile,
    blob_size,
    keep,
    list_blobs,
    open_blob,
    remove_blob,
)
from tests.doubles.seaweed import Seaweed

NAMES = ["00/" + "00" * 16, "00/" + "00" * 15 + "01", "7f/" + "7f" * 16, "ff/" + "ff" * 16]


def put(name: str, data: bytes) -> None:
    incoming = IncomingFile()
    incoming.write(data)
    incoming.flush()
    keep(incoming, name)
    incoming.discard()


@pytest.mark.parametrize("size", [0, 1, 1000, 40 * 1024 * 1024 + 1])
def test_bytes_come_back_as_they_were(any_storage: str, tmp_path: Path, size: int) -> None:
    data = (hashlib.sha256(b"seed").digest() * (size // 32 + 1))[:size]
    put(NAMES[0], data)
    assert blob_size(NAMES[0]) == size
    with open_blob(NAMES[0], 0, size) as blob:
        pieces = list(iter(lambda: blob.read(65_536), b""))
    assert b"".join(pieces) == data
    assert max([len(piece) for piece in pieces], default=0) <= 65_536
    assert not list((tmp_path / "incoming").iterdir())


@pytest.mark.parametrize(("start", "length"), [(0, 3), (3, 4), (9, 1), (5, 5), (2, None)])
def test_part_begins_where_it_is_asked_to(any_storage: str, start: int, length: int | None) -> None:
    put(NAMES[0], b"0123456789")
    with open_blob(NAMES[0], start, length) as blob:
        data = blob.read(10 if length is None else length)
    assert data == b"0123456789"[start : None if length is None else start + length]


def test_what_is_not_there_is_missing(any_storage: str) -> None:
    assert blob_size(NAMES[0]) is None
    with pytest.raises(BlobMissing):
        open_blob(NAMES[0])
    remove_blob(NAMES[0])
    assert list(list_blobs()) == []


def test_removed_bytes_are_gone(any_storage: str) -> None:
    put(NAMES[0], b"1")
    remove_blob(NAMES[0])
    assert blob_size(NAMES[0]) is None


def test_listing_is_in_order(any_storage: str) -> None:
    for size, name in enumerate(reversed(NAMES)):
        put(name, b"x" * size)
    assert list(list_blobs()) == [(name, 3 - at) for at, name in enumerate(NAMES)]


def test_bucket_holds_them_below_its_prefix(bucket: str, seaweed: Seaweed) -> None:
    put(NAMES[0], b"1")
    seaweed.put(bucket, "some/whereelse/00", b"of somebody else")
    keys = [each["Key"] for each in seaweed.client.list_objects_v2(Bucket=bucket)["Contents"]]
    assert f"some/where/{NAMES[0]}" in keys
    assert [name for name, _ in list_blobs()] == [NAMES[0]]


def test_reading_from_a_bucket_spools_nothing(bucket: str) -> None:
    size = 256 * 1024 * 1024
    incoming = IncomingFile()
    for _ in range(size // 2**20):
        incoming.write(b"\0" * 2**20)
    incoming.flush()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    keep(incoming, NAMES[0])
    incoming.discard()
    written = psutil.Process().io_counters().write_bytes
    with open_blob(NAMES[0]) as blob:
        while blob.read(2**18):
            continue
    assert psutil.Process().io_counters().write_bytes - written < 2**20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_bucket_that_does_not_answer_is_said(bucket: str, settings: Settings) -> None:
    options = settings.STORAGES["hosted"]["OPTIONS"] | {"endpoint_url": "http://127.0.0.1:9"}
    settings.STORAGES = settings.STORAGES | {
        "hosted": {"BACKEND": settings.STORAGES["hosted"]["BACKEND"], "OPTIONS": options}
    }
    for ask in (
        lambda: put(NAMES[0], b"1"),
        lambda: open_blob(NAMES[0]),
        lambda: list(list_blobs()),
    ):
        with pytest.raises(StorageUnavailable):
            ask()


def test_address_of_a_bucket_is_read() -> None:
    assert env.bucket("file") == {}
    assert env.bucket("s3://b.c") == {"bucket_name": "b.c", "location": ""}
    assert env.bucket("s3://b/a%20b/c/?endpoint_url=https://s3.example.com:9000&region=eu-1") == {
        "bucket_name": "b",
        "location": "a b/c",
        "endpoint_url": "https://s3.example.com:9000",
        "region_name": "eu-1",
    }
    assert "location" in django_settings.STORAGES["hosted"]["OPTIONS"]
    assert storages["hosted"] is not None


@pytest.mark.parametrize("raw", ["", "s3://", "gs://b", "s3://key:secret@b", "s3://b?regio=x"])
def test_address_that_is_none_is_refused(raw: str) -> None:
    with pytest.raises(ValueError):
        env.bucket(raw)


def test_one_key_without_the_other_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALGOPORT_HOSTED_ACCESS_KEY_ID", "id")
    with pytest.raises(ImproperlyConfigured, match="go together"):
        env.keys_of_bucket()
    monkeypatch.setenv("ALGOPORT_HOSTED_SECRET_ACCESS_KEY", "secret")
    assert env.keys_of_bucket() == {"access_key": "id", "secret_key": "secret"}
