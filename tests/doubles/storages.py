"""Storages of every kind, on this machine: real servers, emulators, and a double of Dropbox.

Each is a context that gives what a connector to it is made from.
"""

import base64
import contextlib
import os
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests

from tests.acceptance.platform import free_port
from tests.doubles.npm import NpmMissing, npm_package
from tests.doubles.seaweed import WEED, running_seaweed

ROOT = Path(__file__).resolve().parents[2]
AZURITE_VERSION = "3.35.0"
_START_SECONDS = 40


class StorageMissing(Exception):
    """This machine lacks what the storage is made of; the text says what to do."""


@dataclass(frozen=True)
class Storage:
    """A storage that runs; `root` is the directory in it that is there to be used.

    `unfinished` tells how many uploads were begun and neither finished nor given up.
    """

    protocol: str
    address: str
    credential: dict[str, str]
    wrong_credential: dict[str, str]
    options: dict[str, str]
    root: str
    unfinished: Callable[[], int] | None = None

    @property
    def host(self) -> tuple[str, int]:
        name, _, port = self.address.removeprefix("http://").partition("/")[0].partition(":")
        return name, int(port)


@contextlib.contextmanager
def _process(
    command: list[str], environment: dict[str, str], address: str, folder: Path
) -> Iterator[None]:
    """A server that ends with this process, from when it answers."""
    # Nothing that it prints may fill a pipe.
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        ends = time.monotonic() + _START_SECONDS
        while not _answers(address):
            if process.poll() is not None or time.monotonic() > ends:
                text = (folder / "output").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{command[0]} did not start: {text}")
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


def _answers(address: str) -> bool:
    try:
        requests.get(address, timeout=2).close()
    except requests.RequestException:
        return False
    return True


@contextlib.contextmanager
def seaweed(folder: Path) -> Iterator[Storage]:
    """SeaweedFS, which speaks S3."""
    if not WEED.exists():
        raise StorageMissing("SeaweedFS is missing: run `make setup`.")
    with running_seaweed() as server:
        bucket = server.new_bucket()
        yield Storage(
            "s3",
            server.url,
            server.credentials,
            {**server.credentials, "secret_access_key": "not-the-secret"},
            {"endpoint_url": server.url, "addressing": "path"},
            bucket,
            lambda: len(server.client.list_multipart_uploads(Bucket=bucket).get("Uploads", ())),
        )


def install_azurite() -> Path:
    """Its main module. Raises StorageMissing."""
    try:
        return npm_package("azurite", AZURITE_VERSION) / "dist/src/blob/main.js"
    except NpmMissing as exc:
        raise StorageMissing(str(exc)) from exc


@contextlib.contextmanager
def azurite(folder: Path) -> Iterator[Storage]:
    """Azurite, Azure's own emulator of its Blob Storage."""
    from azure.storage.blob import BlobServiceClient, ContainerSasPermissions
    from azure.storage.blob import generate_container_sas as generate_sas

    main = install_azurite()
    account, key = "demo", base64.b64encode(secrets.token_bytes(64)).decode()
    port = free_port()
    address = f"http://127.0.0.1:{port}/{account}"
    command = ["node", str(main), "--blobPort", str(port), "--location", str(folder)]
    command += ["--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "AZURITE_ACCOUNTS": f"{account}:{key}",
    }
    with _process(command, environment, address, folder):
        with BlobServiceClient(address, {"account_name": account, "account_key": key}) as client:
            client.create_container("container")
        permission = ContainerSasPermissions.from_string("racwdl")
        expiry = datetime.now(UTC) + timedelta(days=30)
        sas, other = (
            generate_sas(account, "container", each, permission=permission, expiry=expiry)
            for each in (key, base64.b64encode(b"another key").decode())
        )
        said = {"storage_uri": address, "container_name": "container"}
        yield Storage(
            "azureblob",
            address,
            {**said, "sas_token": sas},
            {**said, "sas_token": other},
            {},
            "",
        )


@contextlib.contextmanager
def google(folder: Path) -> Iterator[Storage]:
    """An emulator of Google Cloud Storage."""
    from tests.doubles.google import PROJECT, GoogleEmulator, make_account

    account = make_account()
    with GoogleEmulator(account) as server:
        server.make_bucket("bucket")
        yield Storage(
            "gs",
            server.address,
            account.credential,
            make_account().credential,
            {"endpoint_url": server.address, "project": PROJECT},
            "bucket",
            server.unfinished,
        )


@contextlib.contextmanager
def dropbox(folder: Path) -> Iterator[Storage]:
    """A double of Dropbox; connectors cannot lead to it, stores can."""
    from tests.doubles.dropbox import DropboxDouble

    with DropboxDouble() as server:
        yield Storage(
            "dropbox",
            server.address,
            {"access_token": server.token, "refresh_token": server.refresh_token},
            {"access_token": "sl.not-the-token", "refresh_token": ""},
            {},
            "",
        )


STORAGES: dict[str, Callable[[Path], contextlib.AbstractContextManager[Storage]]] = {
    "s3": seaweed,
    "azureblob": azurite,
    "gs": google,
    "dropbox": dropbox,
}
