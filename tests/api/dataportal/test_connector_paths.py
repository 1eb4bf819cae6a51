"""Fuzzed paths: whatever is asked for, no storage is asked for anything outside a restriction."""

import asyncio
import json
import random
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, quote, unquote, urlsplit
from uuid import uuid4

import pytest
from pytest_django import Settings

from algoport.accounts.models import User
from algoport.accounts.permissions import EVERYTHING, Principal, PrincipalKind
from algoport.http.relay import PRINCIPAL
from algoport.http.tracing import SESSION, Session
from dataportal.api import connector_places
from dataportal.api.connector_places import ConnectorFinder
from dataportal.api.data_plane import DataPlane
from dataportal.connectors.credentials import OAuthCredential, parse_credential
from dataportal.connectors.options import connector_policy
from dataportal.constants import CREDENTIAL_TYPES
from dataportal.models import Connector
from dataportal.paths import DataPath
from dataportal.stores.base import Store
from dataportal.stores.opening import open_store
from tests.asgi_client import call_async
from tests.doubles.google import make_account
from tests.doubles.recorder import Asked, Recorder, recording_storage

METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "PATCH")
RESTRICTION, INSIDE = "bucket/inside/*", "bucket/inside/"
FUZZED = 10_000
# Pieces that programs along the way have been known to take for something else.
PIECES = (
    *("bucket", "inside", "outside", "secret.txt", "BUCKET", "Inside", "bucket2", "insidelong"),
    *(
        "..",
        ".",
        "...",
        "%2e%2e",
        "%2e.",
        ".%2e",
        "%252e%252e",
        "%c0%ae%c0%ae",
        "..;",
        ".. ",
        " ..",
    ),
    *(
        "%2f",
        "%2F",
        "%252f",
        "%5c",
        "\\",
        "%255c",
        "%00",
        "%0a",
        "%0d%0a",
        "%7f",
        "+",
        "%2b",
        "%20",
    ),
    *(
        "\u2024\u2024",
        "\u2025",
        "\uff0e\uff0e",
        "\u2215",
        "\uff0f",
        "\u29f8",
        "\u0131nside",
        "\u212a",
    ),
    *("*", "?", "%3f", "#", "%23", "&", ";", ":", "@", "s3:", "data:", "~", "$", "''", '"', "<x>"),
    *("\u202e", "\u0000", "\ufeff", "e\u0301", "\u00e9", "\U0001f600", "x" * 255, "x" * 2000),
)

USER = uuid4()


@pytest.fixture
def storage(settings: Settings) -> Iterator[Recorder]:
    settings.CONNECTOR_HOSTS = frozenset({("127.0.0.1", None)})
    with recording_storage() as recorder:
        yield recorder


def store_at(protocol: str, address: str) -> Store:
    """As a connector opens it, with a storage at this address."""
    if protocol == "dropbox":
        from dataportal.stores.dropbox import DropboxStore

        return DropboxStore(OAuthCredential("token", ""), {}, connector_policy(), address=address)
    credentials = {
        "s3": {"access_key_id": "demo", "secret_access_key": "demo"},
        "azureblob": {"storage_uri": address, "container_name": "container", "sas_token": "sig=x"},
        "gs": make_account().credential,
    }
    options = {
        "s3": {"endpoint_url": address, "addressing": "path"},
        "azureblob": {},
        "gs": {"endpoint_url": address},
    }
    credential = parse_credential(protocol, CREDENTIAL_TYPES[protocol], credentials[protocol])
    return open_store(protocol, credential, options[protocol])


@pytest.mark.parametrize("protocol", sorted(CREDENTIAL_TYPES))
def test_no_path_reaches_outside(
    protocol: str, plane: DataPlane, storage: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_at(protocol, storage.url)
    owner = User(id=USER, username="demo")
    connector = Connector(
        owner=owner, protocol=protocol, label="in", path=RESTRICTION, writeable=True
    )

    class Stores:
        def get(self, wanted: Connector) -> Store:
            assert wanted is connector
            return store

    async def find(self: ConnectorFinder, principal: Principal, path: DataPath) -> Connector:
        return connector

    monkeypatch.setattr(connector_places, "STORES", Stores())
    monkeypatch.setattr(ConnectorFinder, "find", find)
    principal = Principal(PrincipalKind.KEY, USER, "demo", scopes=EVERYTHING)
    chance = random.Random(5)

    async def main() -> int:
        reached = 0
        for number in range(FUZZED):
            target = fuzzed_target(protocol, chance, number)
            method = METHODS[number % len(METHODS)]
            body = b'{"name":"inside/../x"}' if method == "POST" and number % 4 else b"inside"
            scope = {SESSION: Session(), PRINCIPAL: principal}
            answer = await call_async(plane, method, target, body=body, scope=scope)
            assert answer.status != 500, (method, target, answer.body)
            for each in storage.asked:
                for path in ASKED[protocol](each):
                    assert path.startswith(INSIDE), (method, target, each)
                    assert not {"..", "."} & set(path.split("/")), (method, target, each)
            reached += len(storage.asked)
            storage.asked.clear()
        return reached

    # Else the test would show nothing.
    assert asyncio.run(main()) > FUZZED // 50
    store.close()


def fuzzed_target(protocol: str, chance: random.Random, number: int) -> str:
    """The path of a request; some of them are good ones."""
    head = ["bucket", "inside"] if chance.random() < 0.7 else []
    pieces = head + [chance.choice(PIECES) for _ in range(chance.randint(0, 5))]
    if chance.random() < 0.1:
        chance.shuffle(pieces)
    path = "".join(
        each + chance.choice(("/", "/", "/", "//", "%2f", "", "/./", "/../")) for each in pieces
    )
    form, shouted = number % 4, protocol.upper()
    if form == 0:
        target = f"/v1/connector/{protocol}+in/{path}"
    elif form == 1:
        target = f"/v1/data/{protocol}+in://{path}"
    elif form == 2:
        target = "/v1/data/" + quote(f"{shouted}+in://{path}", safe="%")
    else:
        target = "/v1/data/" + quote(f"{protocol}+in://{path}", safe="")
    return quote(target, safe="/:%+*?#&;@~$'\"<>\\=.,!|^`{}[]() ").replace("?", "%3F")


def asked_of_s3(asked: Asked) -> list[str]:
    """Paths that a request is about; every request is about one."""
    parts = urlsplit(asked.target)
    query = parse_qs(parts.query, keep_blank_values=True)
    path = unquote(parts.path).removeprefix("/")
    return [f"{path}/{query.get('prefix', [''])[0]}" if "list-type" in query else path]


def asked_of_azure(asked: Asked) -> list[str]:
    parts = urlsplit(asked.target)
    query = parse_qs(parts.query, keep_blank_values=True)
    if query.get("comp") == ["list"]:
        return [query.get("prefix", [""])[0]]
    path = unquote(parts.path)
    assert path.startswith("/container/"), asked
    return [path.removeprefix("/container/")]


def asked_of_google(asked: Asked) -> list[str]:
    parts = urlsplit(asked.target)
    query = parse_qs(parts.query, keep_blank_values=True)
    found = re.match(r"(/download|/upload)?/storage/v1/b/([^/]+)/o(?:/([^/]+))?\Z", parts.path)
    assert found is not None, asked
    upload, bucket, key = found[1] == "/upload", unquote(found[2]), found[3]
    if upload:
        name = re.search(rb'"name": ?("(?:[^"\\]|\\.)*")', asked.body)
        assert name is not None, asked
        return [f"{bucket}/{json.loads(name[1])}"]
    if key is None:
        return [f"{bucket}/{query.get('prefix', [''])[0]}"]
    return [f"{bucket}/{unquote(key)}"]


def asked_of_dropbox(asked: Asked) -> list[str]:
    said = json.loads(asked.headers.get("Dropbox-API-Arg") or asked.body)
    assert said["path"].startswith("/"), asked
    # A directory is asked for without a slash at its end.
    return [said["path"][1:] + ("/" if "list_folder" in asked.target else "")]


ASKED = {
    "s3": asked_of_s3,
    "azureblob": asked_of_azure,
    "gs": asked_of_google,
    "dropbox": asked_of_dropbox,
}
