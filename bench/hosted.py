"""Hosted collections: 1,000,000 files in one beside 1000, and large files beside `cp`."""

import argparse
import hashlib
import os
import random
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from algoport.api.pagination import encode_marker
from bench.load import Connection
from bench.measure import Measure
from tests.acceptance.platform import ROOT, Account, Platform, running_platform

FEW, MANY = 1000, 1_000_000
PAGE = 1000
OPERATIONS = 150
SIZE = 1024**3
TRANSFERS = 8
ROUNDS = 3
_PIECE = 1024 * 1024
_FILL = """
WITH made AS (
    INSERT INTO dataportal_collection
        (id, created_at, kind, owner_id, name, read_acl)
    SELECT gen_random_uuid(), now(), 'user', id, %s, 'private'
    FROM accounts_user WHERE username = %s RETURNING id
)
INSERT INTO dataportal_hostedfile (id, created_at, collection_id, name, size, digest, modified_at)
SELECT
    gen_random_uuid(), now(), made.id, 'file-' || lpad(n::text, 7, '0'),
    0, repeat('0', 32), now()
FROM made, generate_series(0, %s - 1) AS n
"""


def hosted_files(platform: Platform, account: Account) -> list[Measure]:
    """Everything of hosted files; fills the account with rows without bytes."""
    large = hosted_transfers(platform, account)
    return [*large, *full_collection(platform, account)]


# -- many files -----------------------------------------------------------------------------


def full_collection(platform: Platform, account: Account) -> list[Measure]:
    """p50 of a page, a put and a delete, in turn in the full collection and the other."""
    command = [sys.executable, "-m", "bench.hosted", "--fill", account.name]
    environ = {**platform.environ, "DJANGO_SETTINGS_MODULE": "algoport.settings"}
    subprocess.run(command, cwd=ROOT, env=environ, check=True)
    sizes = {"few": FEW, "many": MANY}
    took: dict[tuple[str, str], list[float]] = {}
    connection = Connection(_port(platform))
    chosen = random.Random(1)
    for turn in range(OPERATIONS):
        for name, size in sizes.items():
            first = chosen.randrange(size - PAGE + 1)
            marker = "" if first == 0 else encode_marker({"name": f"file-{first - 1:07}"})
            new = f"{name}/file-{chosen.randrange(size):07}x"
            for step, method, path in (
                ("page", "GET", f"{name}?marker={marker}"),
                ("put", "PUT", new),
                ("delete", "DELETE", new),
            ):
                seconds = connection.exchange(_request(account, method, path, b"x" * 100))
                assert connection.status == 200, (path, bytes(connection.body))
                if step == "page":
                    assert connection.body.count(b"filename") == PAGE
                # The first ones warm the database's connections.
                if turn >= OPERATIONS // 10:
                    took.setdefault((step, name), []).append(seconds * 1000)
    connection.socket.close()
    return [
        Measure(
            f"{what}, 1,000,000 files / 1000",
            statistics.median(took[step, "many"]),
            "ms",
            statistics.median(took[step, "few"]),
            1.5,
        )
        for step, what in (("page", "page of 1000"), ("put", "put a file"), ("delete", "delete"))
    ]


def _fill(owner: str) -> None:
    import django

    django.setup()
    from django.db import connection

    with connection.cursor() as cursor:
        for name, size in (("few", FEW), ("many", MANY)):
            cursor.execute(_FILL, [name, owner, size])
        cursor.execute("VACUUM ANALYZE")


# -- large files ----------------------------------------------------------------------------


def hosted_transfers(platform: Platform, account: Account, size: int = SIZE) -> list[Measure]:
    """An upload and a download of one large file, in turn with `cp`; memory with 8 at once."""
    account.client.dir("data://.my/large").create()
    source, copy = platform.data / "bench-source", platform.data / "bench-copy"
    with source.open("wb") as file:
        for _ in range(size // _PIECE):
            file.write(os.urandom(_PIECE))
    digest = hashlib.md5(source.read_bytes()[:_PIECE]).hexdigest()
    took: dict[str, list[float]] = {}

    def measure(what: str, work: Callable[[], object]) -> None:
        os.sync()
        # What each reads comes from the disk: an upload leaves nothing in memory.
        _forget(source)
        began = time.perf_counter()
        work()
        took.setdefault(what, []).append(size / 1024**2 / (time.perf_counter() - began))

    try:
        for _ in range(ROUNDS):
            measure("cp", lambda: _copy(source, copy))
            measure("upload", lambda: _upload(platform, account, "f", source))
            measure("download", lambda: _download(platform, account, "f", size, digest))
        growth = _memory_growth(platform, account, source, digest)
    finally:
        source.unlink()
        copy.unlink(missing_ok=True)
    reference = statistics.median(took["cp"])
    return [
        *(
            Measure(
                f"{what} of {size / 1024**3:g} GiB / cp and sync",
                statistics.median(took[what]),
                "MiB/s",
                reference,
                0.8,
                more_is_better=True,
            )
            for what in ("upload", "download")
        ),
        Measure(f"memory of {TRANSFERS} transfers at once", growth, "MiB", 64),
    ]


def _forget(source: Path) -> None:
    """Have nothing of a file in the page cache."""
    with source.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _copy(source: Path, copy: Path) -> None:
    """As durable as an upload that was answered."""
    subprocess.run(["cp", source, copy], check=True)
    subprocess.run(["sync", copy], check=True)


def _upload(platform: Platform, account: Account, name: str, source: Path) -> None:
    connection = socket.create_connection(("127.0.0.1", _port(platform)))
    with connection, source.open("rb") as file:
        connection.sendall(_request(account, "PUT", f"large/{name}", size=source.stat().st_size))
        connection.sendfile(file)
        answer = connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 200"), answer


def _download(platform: Platform, account: Account, name: str, size: int, digest: str) -> None:
    """Throw away all but the first piece."""
    first, buffer = bytearray(), bytearray(_PIECE)
    with socket.create_connection(("127.0.0.1", _port(platform))) as connection:
        connection.sendall(_request(account, "GET", f"large/{name}"))
        while b"\r\n\r\n" not in first:
            first += connection.recv(65_536)
        head, _, body = bytes(first).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        first, left = bytearray(body), size - len(body)
        while left:
            count = connection.recv_into(buffer)
            assert count, "the answer ended early"
            first += buffer[: min(count, _PIECE - len(first))]
            left -= count
    assert hashlib.md5(first[:_PIECE]).hexdigest() == digest


def _memory_growth(platform: Platform, account: Account, source: Path, digest: str) -> float:
    """By how many MiB the web processes grow at most while so many go on."""
    size = source.stat().st_size
    before = peak = _web_memory(platform)
    threads = [
        threading.Thread(target=_upload, args=(platform, account, f"m{number}", source))
        if number % 2
        else threading.Thread(target=_download, args=(platform, account, "f", size, digest))
        for number in range(TRANSFERS)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        peak = max(peak, _web_memory(platform))
        time.sleep(0.05)
    return (peak - before) / 1024**2


def _web_memory(platform: Platform) -> int:
    return sum(psutil.Process(pid).memory_info().rss for pid in platform.processes("algoport.asgi"))


def _request(
    account: Account, method: str, path: str, body: bytes = b"", size: int | None = None
) -> bytes:
    length = (size or len(body)) if method == "PUT" else 0
    lines = (
        f"{method} /v1/data/.my/{path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Simple {account.key}",
        f"Content-Length: {length}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body if method == "PUT" else b"")


def _port(platform: Platform) -> int:
    return int(platform.url.rsplit(":", 1)[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fill", metavar="OWNER", help="make rows; with a platform's environment")
    parser.add_argument("--mebibytes", type=int, default=SIZE // 1024**2, help="of a large file")
    options = parser.parse_args()
    if options.fill:
        _fill(options.fill)
        return
    with running_platform() as platform:
        account = platform.account("bench")
        for measure in hosted_transfers(platform, account, options.mebibytes * 1024**2):
            print(measure.line(), flush=True)
        for measure in full_collection(platform, account):
            print(measure.line(), flush=True)


if __name__ == "__main__":
    main()
