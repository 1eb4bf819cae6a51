"""Who reaches what by a connector: a storage that remembers everything is the witness."""

import random
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest
from pytest_django import Settings

from algoport.accounts.path_patterns import may_hold
from algoport.accounts.permissions import Scopes
from algoport.http.relay import PRINCIPAL
from algoport.http.tracing import SESSION, Session
from dataportal.api.data_plane import DataPlane
from tests.asgi_client import Answer, call
from tests.doubles.recorder import Asked, Recorder, recording_storage
from tests.factories.connectors import make_connector
from tests.factories.dataportal import Caller, make_caller, make_run

RequestAs = Callable[..., Answer]

RESTRICTION = "bucket/inside/*"
METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "PATCH")
MUTATING = frozenset({"PUT", "POST", "DELETE", "PATCH"})
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


@pytest.fixture
def storage(settings: Settings) -> Iterator[Recorder]:
    settings.CONNECTOR_HOSTS = frozenset({("127.0.0.1", None)})
    with recording_storage() as recorder:
        yield recorder


def test_no_path_reaches_outside(
    plane: DataPlane, demo: Caller, request_as: RequestAs, storage: Recorder
) -> None:
    make_connector(demo, "in", endpoint=storage.url, path=RESTRICTION, writeable=True)
    chance = random.Random(5)
    reached = 0
    for number in range(FUZZED):
        target = fuzzed_target(chance, number)
        method = METHODS[number % len(METHODS)]
        body = b'{"name":"inside/../x"}' if method == "POST" and number % 4 else b"inside"
        answer = request_as(demo, method, target, body=body)
        assert answer.status < 500, (method, target, answer.body)
        for each in storage.asked:
            check_inside(each, RESTRICTION)
        reached += len(storage.asked)
        storage.asked.clear()
    # Else the test would show nothing.
    assert reached > FUZZED // 50


def fuzzed_target(chance: random.Random, number: int) -> str:
    """The path of a request; some of them are good ones."""
    head = ["bucket", "inside"] if chance.random() < 0.7 else []
    pieces = head + [chance.choice(PIECES) for _ in range(chance.randint(0, 5))]
    if chance.random() < 0.1:
        chance.shuffle(pieces)
    path = "".join(
        each + chance.choice(("/", "/", "/", "//", "%2f", "", "/./", "/../")) for each in pieces
    )
    form = number % 4
    if form == 0:
        target = f"/v1/connector/s3+in/{path}"
    elif form == 1:
        target = f"/v1/data/s3+in://{path}"
    elif form == 2:
        target = "/v1/data/" + quote(f"S3+in://{path}", safe="%")
    else:
        target = "/v1/data/" + quote(f"s3+in://{path}", safe="")
    return quote(target, safe="/:%+*?#&;@~$'\"<>\\=.,!|^`{}[]() ").replace("?", "%3F")


def check_inside(asked: Asked, restriction: str) -> None:
    """A request names a key, or lists a prefix; both have to be inside."""
    parts = urlsplit(asked.target)
    query = parse_qs(parts.query, keep_blank_values=True)
    path = unquote(parts.path).removeprefix("/")
    if "list-type" in query:
        prefix = f"{path}/{query.get('prefix', [''])[0]}"
        assert prefix.startswith("bucket/inside/"), asked
        return
    assert path.startswith("bucket/inside/"), asked
    assert not {"..", "."} & set(path.split("/")), asked
    assert may_hold(restriction, path.rpartition("/")[0] + "/")


def test_nothing_is_changed_by_a_connector_that_only_reads(
    plane: DataPlane, demo: Caller, request_as: RequestAs, storage: Recorder
) -> None:
    make_connector(demo, "ro", endpoint=storage.url, path=RESTRICTION)
    for method in METHODS:
        for path in ("bucket/inside/x", "bucket/inside/x/", "bucket/inside", "bucket", ""):
            for query in ("", "?force=true"):
                target = f"/v1/connector/s3+ro/{path}{query}"
                answer = request_as(demo, method, target, body=b'{"name":"new"}')
                if method in MUTATING:
                    assert answer.status in (400, 403, 404, 405), (method, path, answer.body)
    assert {each.method for each in storage.asked} <= {"GET", "HEAD"}


@pytest.fixture
def readerless(demo: Caller) -> Caller:
    """A key of the owner that may do everything but touch data."""
    return make_caller(
        "", Scopes(("algo://*",), True, True, True, "", False, False), user=demo.user
    )


def test_a_connector_does_not_exist_for_others(
    plane: DataPlane,
    demo: Caller,
    guest: Caller,
    request_as: RequestAs,
    storage: Recorder,
) -> None:
    make_connector(demo, "mine", endpoint=storage.url, writeable=True, is_default=True)
    # What a guest's algorithm does when the guest calls it, it does as the guest.
    runs = [make_run(guest, demo), make_run(guest, guest)]
    for method in METHODS:
        for connector in ("s3+mine", "s3", "S3+MINE", "s3+guess"):
            for route in (f"/v1/connector/{connector}/b/k", f"/v1/data/{connector}://b/k"):
                answers = [request_as(guest, method, route, body=b"{}")]
                for run in runs:
                    scope = {SESSION: Session(), PRINCIPAL: run}
                    answers.append(call(plane, method, route, body=b"{}", scope=scope))
                for answer in answers:
                    assert answer.status == 404, (method, route, answer.body)
                    if method != "HEAD":
                        assert "There is no connector" in answer.json()["error"]["message"]
    assert storage.asked == []


def test_a_key_without_the_right_to_data_gets_nothing(
    demo: Caller, readerless: Caller, request_as: RequestAs, storage: Recorder
) -> None:
    make_connector(demo, "mine", endpoint=storage.url, writeable=True)
    for method in METHODS:
        for connector in ("s3+mine", "s3+guess"):
            answer = request_as(readerless, method, f"/v1/connector/{connector}/b/k", body=b"{}")
            assert answer.status == 403
        assert request_as(None, method, "/v1/connector/s3+mine/b/k").status == 401
    assert storage.asked == []


def test_an_algorithm_reaches_its_callers_connectors(
    plane: DataPlane, demo: Caller, guest: Caller, storage: Recorder
) -> None:
    make_connector(demo, "mine", endpoint=storage.url)
    scope = {SESSION: Session(), PRINCIPAL: make_run(demo, guest)}
    answer = call(plane, "GET", "/v1/data/s3+mine://b/k", scope=scope)
    assert answer.status == 404 and answer.json()["error"]["message"] == "path not found"
    assert storage.asked[0].target == "/b/k"
