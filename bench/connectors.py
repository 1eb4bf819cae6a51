"""Files of a connector against the same files by boto3 alone, from one server that speaks S3."""

import http.client
import io
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from boto3.s3.transfer import TransferConfig, create_transfer_manager

from bench.measure import Measure
from tests.acceptance.platform import Account, running_platform
from tests.doubles.seaweed import Seaweed, running_seaweed

SMALL = 1024
LARGE = 256 * 1024 * 1024
GETS = 200
ROUNDS = 3


def connectors() -> list[Measure]:
    """A platform and a storage of their own, ours and boto3 alone in turn."""
    with (
        running_seaweed() as storage,
        running_platform(ALGOPORT_CONNECTOR_HOSTS="127.0.0.1") as platform,
    ):
        demo = platform.account("bench")
        bucket = storage.new_bucket()
        files = _Files(int(platform.url.rpartition(":")[2]), demo, storage)
        return [_small(files, storage, bucket), *_large(files, storage, bucket)]


class _Files:
    """One connection to the platform, whose account has the storage as s3+bench."""

    def __init__(self, port: int, demo: Account, storage: Seaweed) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._headers = {"Authorization": demo.key}
        connector = {
            "username": demo.name,
            "label": "bench",
            "protocol": "s3",
            "cred_type": "iam",
            "cred_data": storage.credentials,
            "writeable": True,
            "options": {"endpoint_url": storage.url, "addressing": "path"},
        }
        body = json.dumps(connector).encode()
        self._ask("POST", f"/v1/users/{demo.name}/connectors", body)

    def put(self, path: str, data: bytes) -> None:
        self._ask("PUT", f"/v1/connector/s3+bench/{path}", data)

    def get(self, path: str) -> int:
        return self._ask("GET", f"/v1/connector/s3+bench/{path}")

    def _ask(self, method: str, target: str, body: bytes | None = None) -> int:
        kind = {"Content-Type": "application/json"} if method == "POST" else {}
        self._connection.request(method, target, body, self._headers | kind)
        answer = self._connection.getresponse()
        buffer, size = bytearray(1024 * 1024), 0
        while read := answer.readinto(buffer):
            size += read
        assert answer.status in (200, 201), (method, target, answer.status)
        return size


def _small(files: _Files, storage: Seaweed, bucket: str) -> Measure:
    storage.put(bucket, "small", os.urandom(SMALL))
    ours, alone = _in_turn(
        GETS,
        lambda: files.get(f"{bucket}/small"),
        lambda: storage.client.get_object(Bucket=bucket, Key="small")["Body"].read(),
    )
    return Measure("1 kB get by a connector, beyond boto3", (ours - alone) * 1000, "ms", 2.0)


def _large(files: _Files, storage: Seaweed, bucket: str) -> list[Measure]:
    data = os.urandom(LARGE)
    config = TransferConfig()
    with tempfile.TemporaryDirectory(prefix="ap-b-") as folder:
        taken = Path(folder) / "taken"

        def put_alone() -> None:
            with create_transfer_manager(storage.client, config) as manager:
                manager.upload(io.BytesIO(data), bucket, "alone").result()

        def get_alone() -> None:
            with create_transfer_manager(storage.client, config) as manager:
                manager.download(bucket, "alone", str(taken)).result()

        puts = _in_turn(ROUNDS, lambda: files.put(f"{bucket}/ours", data), put_alone)
        gets = _in_turn(ROUNDS, lambda: files.get(f"{bucket}/ours"), get_alone)
    size = LARGE / 1024**2
    return [
        Measure(
            f"{name} of 256 MiB by a connector / boto3",
            size / ours,
            "MiB/s",
            size / alone,
            0.9,
            more_is_better=True,
        )
        for name, (ours, alone) in (("put", puts), ("get", gets))
    ]


def _in_turn(
    rounds: int, ours: Callable[[], object], alone: Callable[[], object]
) -> tuple[float, float]:
    """Median seconds of both; the first of each is not counted."""
    took: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 1):
        for work, times in zip((ours, alone), took, strict=True):
            began = time.perf_counter()
            work()
            if number:
                times.append(time.perf_counter() - began)
    return statistics.median(took[0]), statistics.median(took[1])
