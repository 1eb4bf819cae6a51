"""A program that puts files into a hosted collection, to be killed or to fill its disk.

`kills COLLECTION` starts an uploader for each line on its input and prints its process id; an
uploader prints NAME VERSION after each file that it was told is kept, and NAME `delete` before it
deletes one. `fill COLLECTION` puts files
until the disk is full, deletes one, puts it again and tells what it found, as JSON.
"""

import json
import os
import random
import sys
from contextlib import closing
from pathlib import Path
from uuid import UUID

import django

NAMES = 4
LARGEST = 300_000


def body_of(version: int, size: int) -> bytes:
    """Bytes that tell which version they are, and that they are whole."""
    line = f"{version}:{size}\n".encode()
    return (line * (size // len(line) + 1))[:size] if size > len(line) else line


def main() -> None:
    mode, collection_id = sys.argv[1], UUID(sys.argv[2])
    django.setup()
    if mode == "fill":
        json.dump(_fill(collection_id), sys.stdout)
        return
    for number, _ in enumerate(sys.stdin):
        child = os.fork()
        if not child:
            _upload(collection_id, number)
        print(f"pid {child}", flush=True)
        os.waitpid(child, 0)
        print("killed", flush=True)


def _upload(collection_id: UUID, number: int) -> None:
    """Until it is killed."""
    from dataportal.models import Collection
    from dataportal.stores.base import NotFound
    from dataportal.stores.hosted import HostedStore

    store = HostedStore(Collection.objects.get(pk=collection_id))
    chosen = random.Random(number)
    for version in range(number * 100_000, sys.maxsize):
        name = f"f{chosen.randrange(NAMES)}"
        if chosen.random() < 0.1:
            print(f"{name} delete", flush=True)
            try:
                store.delete(name)
            except NotFound:
                continue
            print(f"{name} -1", flush=True)
            continue
        data = body_of(version, chosen.randrange(LARGEST))
        with store.write(name, "", {}) as upload:
            for start in range(0, len(data), 65_536):
                upload.write(data[start : start + 65_536])
            upload.finish()
        print(f"{name} {version}", flush=True)


def _fill(collection_id: UUID) -> dict[str, object]:
    from django.conf import settings

    from dataportal.errors import StorageUnavailable
    from dataportal.models import Collection, HostedFile, HostedUsage
    from dataportal.services import drop_reserved
    from dataportal.storage_check import Counts, find_disagreements
    from dataportal.stores.hosted import HostedStore

    def put(name: str, data: bytes) -> bool:
        try:
            with store.write(name, "", {}) as upload:
                for start in range(0, len(data), 65_536):
                    upload.write(data[start : start + 65_536])
                upload.finish()
        except StorageUnavailable:
            return False
        return True

    store, kept = HostedStore(Collection.objects.get(pk=collection_id)), []
    for size in (300_000, 5_000):
        while put(name := f"f{len(kept)}", body_of(len(kept), size)):
            kept.append(name)
    replaced = put("f0", b"x" * 300_000)
    listed = [file.name for file in store.list_page("").files]
    with closing(store.open("f0")) as old:
        whole = old.read(LARGEST * 2) == body_of(0, 300_000)
    found = [str(finding) for finding in find_disagreements(Counts(), digests=True)]
    # What a sweep an hour later would do.
    store.delete("f0")
    for file in HostedFile.objects.filter(collection=None):
        drop_reserved(file)
    again = put("f0", b"y" * 200_000)
    found += [str(finding) for finding in find_disagreements(Counts(), digests=True)]
    return {
        "kept": len(kept),
        "replaced_on_a_full_disk": replaced,
        "listed": listed == sorted(kept),
        "old_one_is_whole": whole,
        "uploads_in_progress": len(list((Path(settings.ALGOPORT_DATA) / "incoming").iterdir())),
        "put_again": again,
        "files_counted": HostedUsage.objects.get().files,
        "disagreements": found,
    }


if __name__ == "__main__":
    main()
