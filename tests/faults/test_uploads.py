"""A hosted file is whole or absent, also when the uploader is killed or the disk is full."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from django.db import connection

from dataportal.constants import UNUSED_BLOB_GRACE
from dataportal.models import Collection, HostedFile, HostedUsage
from dataportal.services import remove_unused_blobs
from dataportal.storage import list_blobs
from dataportal.storage_check import Counts, find_disagreements
from dataportal.stores.hosted import HostedStore
from tests.factories.dataportal import make_caller
from tests.faults.uploads import LARGEST, NAMES, body_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]
ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 40


@pytest.fixture
def collection(settings: object, tmp_path: Path) -> Collection:
    settings.ALGOPORT_DATA = tmp_path  # type: ignore[attr-defined]
    options = {"location": str(tmp_path / "hosted")}
    backend = "django.core.files.storage.FileSystemStorage"
    settings.STORAGES = settings.STORAGES | {  # type: ignore[attr-defined]
        "hosted": {"BACKEND": backend, "OPTIONS": options}
    }
    return Collection.objects.create(owner=make_caller("demo").user, name="c")


def environ(data: Path) -> dict[str, str]:
    name, address = connection.settings_dict["NAME"], os.environ["DATABASE_URL"]
    return {
        **os.environ,
        "ALGOPORT_DATA": str(data),
        "ALGOPORT_SECRET_KEY": "x" * 50,
        "DJANGO_SETTINGS_MODULE": "algoport.settings.test",
        "DATABASE_URL": address.replace("/template_algoport", f"/{name}"),
    }


@contextmanager
def uploaders(collection: Collection, data: Path) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.uploads", "kills", str(collection.pk)],
        cwd=ROOT,
        env=environ(data),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


def wait_for_rollback() -> None:
    """Until the database has noticed that the killed process is gone."""
    for _ in range(1000):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            if cursor.fetchone()[0] == 0:
                return
        time.sleep(0.01)
    raise AssertionError("the killed uploader's connection is still there")


def version_of(store: HostedStore, name: str) -> int:
    """The version that is there; what is there must be whole."""
    with closing(store.open(name)) as opened:
        data = opened.read(LARGEST * 2)
    version, size = map(int, data.split(b"\n", 1)[0].split(b":"))
    assert data == body_of(version, size)
    return version


def test_killed_uploader_leaves_files_whole_or_absent(
    collection: Collection, tmp_path: Path
) -> None:
    seed = random.randrange(10**6)
    print("seed", seed)
    chosen = random.Random(seed)
    store, kept = HostedStore(collection), dict.fromkeys((f"f{n}" for n in range(NAMES)), -1)
    said, deleting = 0, set()

    def hear(line: str) -> None:
        """NAME VERSION is kept; NAME delete is about to be deleted, NAME -1 is."""
        nonlocal said
        name, what = line.split()
        said += 1
        if what == "delete":
            deleting.add(name)
        else:
            deleting.discard(name)
            kept[name] = int(what)

    with uploaders(collection, tmp_path) as process:
        assert process.stdin is not None and process.stdout is not None
        for number in range(ROUNDS):
            process.stdin.write("\n")
            process.stdin.flush()
            child = int(process.stdout.readline().removeprefix("pid "))
            for _ in range(chosen.randrange(4)):
                hear(process.stdout.readline())
            time.sleep(chosen.random() * 0.03)
            os.kill(child, signal.SIGKILL)
            while (line := process.stdout.readline()) != "killed\n":
                hear(line)
            wait_for_rollback()
            there = {file.name for file in store.list_page("").files}
            for name, version in kept.items():
                found = version_of(store, name) if name in there else -1
                # Of the last step nobody was told: it is done whole, or not at all.
                done = found >= number * 100_000 or (found == -1 and name in deleting)
                assert found == version or done, name
                kept[name] = found
            deleting.clear()
            assert list(find_disagreements(Counts(), digests=True)) == []
    assert said > ROUNDS
    agree_after_the_sweep(collection, tmp_path)


def agree_after_the_sweep(collection: Collection, data: Path) -> None:
    """Nothing but the files is left when the grace is over."""
    then = time.time() - UNUSED_BLOB_GRACE.total_seconds() * 2
    for path in (data / "incoming").iterdir():
        os.utime(path, (then, then))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE dataportal_hostedfile SET unused_since = unused_since - interval '1 day'"
        )
    remove_unused_blobs()
    assert list((data / "incoming").iterdir()) == []
    names = sorted(file.blob_name for file in HostedFile.objects.all())
    assert [name for name, _ in list_blobs()] == names
    assert len(names) == collection.files.count() == HostedUsage.objects.get().files


@pytest.mark.sandbox
def test_full_disk_takes_nothing_away(collection: Collection, tmp_path: Path) -> None:
    if not shutil.which("unshare"):
        pytest.skip("unshare is missing")
    # As the same user for the database, and where that is not root, with the right to mount.
    as_root = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    data = tmp_path / "small"
    data.mkdir()
    program = f"{sys.executable} -m tests.faults.uploads fill {collection.pk}"
    done = subprocess.run(
        [
            *("unshare", "--mount", *as_root, "sh", "-c"),
            f"mount -t tmpfs -o size=3m tmpfs {data} && exec {program}",
        ],
        cwd=ROOT,
        env=environ(data),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    kept = told.pop("kept")
    assert kept >= 8
    assert told == {
        "replaced_on_a_full_disk": False,
        "listed": True,
        "old_one_is_whole": True,
        "uploads_in_progress": 0,
        "put_again": True,
        "files_counted": kept,
        "disagreements": [],
    }
    assert "No space left on device" in done.stderr
