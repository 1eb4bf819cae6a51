"""A real server that speaks as S3 does: SeaweedFS, from its wheel."""

import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import botocore.session

from tests.acceptance.platform import free_port

WEED = Path(sys.executable).parent / "weed"
_START_SECONDS = 60
_PORTS = ("s3", "master", "filer", "volume", "admin")
# Services that are not used; two servers that start at once would choose the same ports.
_UNUSED = ("s3.port.iceberg", "s3.port.lance")


@dataclass
class Seaweed:
    """Where it listens, and the one key that it takes."""

    port: int
    access_key_id: str = field(default_factory=lambda: f"AKIA{secrets.token_hex(8)}")
    secret_access_key: str = field(default_factory=lambda: secrets.token_hex(20))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def credentials(self) -> dict[str, str]:
        return {
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret_access_key,
        }

    @cached_property
    def client(self) -> Any:
        """The SDK's own client, which knows nothing of connectors."""
        return botocore.session.get_session().create_client(
            "s3",
            region_name="us-east-1",
            endpoint_url=self.url,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
        )

    def new_bucket(self) -> str:
        name = f"test-{secrets.token_hex(6)}"
        self.client.create_bucket(Bucket=name)
        return name

    def put(self, bucket: str, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=bucket, Key=key, Body=data)


@contextmanager
def running_seaweed() -> Iterator[Seaweed]:
    ports = _different_ports(2 * len(_PORTS))
    seaweed = Seaweed(ports[0])
    flags = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-admin.ui=false", "-webdav=false"]
    flags += ["-volume.preStopSeconds=0", "-master.telemetry=false"]
    # As with Amazon, what is put into a bucket that is not there is refused.
    flags += ["-s3.autoCreateBucket=false"]
    flags += [f"-{name}=0" for name in _UNUSED]
    for index, name in enumerate(_PORTS):
        flags += [f"-{name}.port={ports[2 * index]}", f"-{name}.port.grpc={ports[2 * index + 1]}"]
    keys = {
        "AWS_ACCESS_KEY_ID": seaweed.access_key_id,
        "AWS_SECRET_ACCESS_KEY": seaweed.secret_access_key,
    }
    with tempfile.TemporaryDirectory(prefix="ap-weed-") as folder:
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(
                [WEED, "mini", f"-dir={folder}", *flags],
                env=os.environ | keys,
                cwd=folder,
                stdout=log,
                stderr=log,
            )
        try:
            _wait(seaweed, process, Path(folder) / "log")
            yield seaweed
        finally:
            process.kill()
            process.wait()
            for port in ports:
                for left in Path(tempfile.gettempdir()).glob(f"seaweedfs-*-{port}.sock"):
                    left.unlink()


def _different_ports(count: int) -> list[int]:
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return list(ports)


def _wait(seaweed: Seaweed, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Until it answers and knows its key: before, everything is allowed."""
    until = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            urlopen(seaweed.url, timeout=1).close()
        except HTTPError as exc:
            if exc.code == 403:
                seaweed.client.list_buckets()
                return
        except (URLError, OSError):
            pass
        time.sleep(0.05)
    raise RuntimeError(log.read_text(errors="replace")[-4000:])
