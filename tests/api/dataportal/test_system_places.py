"""data://.session and data://.algo through HTTP, from outside and from within algorithms."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from algoport.accounts.permissions import Principal, Run, Scopes
from algoport.http.relay import PRINCIPAL
from algoport.http.tracing import SESSION, Session
from algorithms.models import Algorithm, Environment
from dataportal.api.data_plane import DataPlane
from dataportal.models import Collection
from tests.asgi_client import Answer, call
from tests.factories.algorithms import make_algorithm, make_version
from tests.factories.dataportal import Caller, make_caller, make_file, make_run

RequestAs = Callable[..., Answer]
EMPTY = {"folders": [], "files": []}


@pytest.fixture
def algorithm(demo: Caller, python_environment: Environment) -> Algorithm:
    """Of demo, and public."""
    made = make_algorithm(demo.user, "Keeper")
    make_version(made)
    return made


@dataclass
class Inside:
    """What an algorithm asks for during one call, as its relay passes it on."""

    plane: DataPlane
    principal: Principal | None
    session: Session

    def __call__(self, method: str, path: str, **options: object) -> Answer:
        scope = {PRINCIPAL: self.principal, SESSION: self.session}
        target = f"/v1/data/{path}"
        return call(self.plane, method, target, scope=scope, **options)  # type: ignore[arg-type]


@pytest.fixture
def run_as(plane: DataPlane, demo: Caller, algorithm: Algorithm) -> Callable[..., Inside]:
    """`run_as(caller)`: Keeper (or another of demo's algorithms) as `caller` runs it."""

    def start(
        caller: Caller, session: Session | None = None, of: Algorithm | None = None
    ) -> Inside:
        session = session or Session()
        return Inside(plane, make_run(caller, demo, (of or algorithm).id, session.id), session)

    return start


@pytest.mark.parametrize(
    ("folder", "uri"),
    [
        (".session", "data://.session"),
        (".algo/temp", "data://.algo/temp"),
        (".algo/perm", "data://.algo/perm"),
        (".algo/DEMO/keeper/temp", "data://.algo/demo/Keeper/temp"),
        ("data://.algo/demo/Keeper/perm", "data://.algo/demo/Keeper/perm"),
    ],
)
def test_algorithm_uses_its_collections(
    guest: Caller, run_as: Callable[..., Inside], folder: str, uri: str
) -> None:
    inside = run_as(guest)
    assert inside("GET", folder + "?acl=true").json() == EMPTY
    assert inside("HEAD", folder).headers["X-Data-Type"] == "directory"
    assert inside("GET", f"{folder}/f.txt").status == 404
    put = inside("PUT", f"{folder}/f.txt", body=b"one")
    assert (put.status, put.json()) == (200, {"result": f"{uri}/f.txt"})
    inside("PUT", f"{folder}/f.txt", body=b"two")
    got = inside("GET", f"{folder}/f.txt")
    assert (got.body, got.headers["X-Data-Type"]) == (b"two", "file")
    assert inside("HEAD", f"{folder}/f.txt").headers["Content-Length"] == "3"
    listing = inside("GET", f"{folder}/?acl=True")
    assert listing.headers["X-Data-Type"] == "directory"
    assert list(listing.json()) == ["folders", "files"]
    assert [file["filename"] for file in listing.json()["files"]] == ["f.txt"]
    deleted = inside("DELETE", f"{folder}/f.txt")
    assert deleted.json() == {"result": {"deleted": 1}}
    assert inside("DELETE", f"{folder}/f.txt").status == 404
    assert inside("GET", folder).json() == EMPTY


def test_session_with_data_is_marked(guest: Caller, run_as: Callable[..., Inside]) -> None:
    inside = run_as(guest)
    inside("PUT", ".algo/temp/f", body=b"x")
    inside("GET", ".session/f")
    assert not inside.session.has_data
    inside("PUT", ".session/f", body=b"x")
    assert inside.session.has_data


def test_children_of_a_call_share_its_session(
    guest: Caller, demo: Caller, run_as: Callable[..., Inside]
) -> None:
    other = make_algorithm(demo.user, "Other")
    inside = run_as(guest)
    child = run_as(guest, inside.session, other)
    inside("PUT", ".session/f", body=b"x")
    assert child("GET", ".session/f").body == b"x"
    assert child("DELETE", ".session/f").status == 200
    assert run_as(guest)("GET", ".session").json() == EMPTY


def test_the_user_who_ran_it_reads_from_outside(
    guest: Caller, demo: Caller, run_as: Callable[..., Inside], request_as: RequestAs
) -> None:
    inside = run_as(guest)
    for kind in ("temp", "perm"):
        assert inside("PUT", f".algo/{kind}/f", body=b"mine").status == 200
        base = f"/v1/connector/data/.algo/demo/Keeper/{kind}"
        assert request_as(guest, "GET", f"{base}/f").body == b"mine"
        assert request_as(guest, "HEAD", f"{base}/f").status == 200
        assert len(request_as(guest, "GET", base).json()["files"]) == 1
        for method in ("PUT", "DELETE"):
            refused = request_as(guest, method, f"{base}/f", body=b"x")
            assert refused.status == 403
            assert "Only the algorithm itself writes" in refused.json()["message"]
        # Its author has files of their own there, and none of others.
        assert request_as(demo, "GET", base).json() == EMPTY
        assert request_as(demo, "GET", f"{base}/f").status == 404
        assert request_as(None, "GET", f"{base}/f").status == 401


def test_nobody_else_sees_anything(
    guest: Caller, demo: Caller, run_as: Callable[..., Inside], request_as: RequestAs
) -> None:
    inside = run_as(guest)
    for folder in (".session", ".algo/temp", ".algo/perm"):
        assert inside("PUT", f"{folder}/f", body=b"mine").status == 200
    stranger, other = make_caller("stranger"), make_algorithm(demo.user, "Other")
    for outsider in (run_as(demo), run_as(stranger), run_as(guest, of=other)):
        for folder in (".session", ".algo/temp", ".algo/perm"):
            assert outsider("GET", folder).json() == EMPTY
            assert outsider("GET", f"{folder}/f").status == 404
            assert outsider("DELETE", f"{folder}/f").status == 404
    # Between calls an algorithm's code is nobody.
    nobody = Inside(inside.plane, None, Session())
    for folder in (".session", ".algo/temp", ".algo/demo/Keeper/perm"):
        assert nobody("GET", f"{folder}/f").status == 401
        assert nobody("PUT", f"{folder}/f", body=b"x").status == 401
    for caller in (guest, stranger, demo):
        assert request_as(caller, "GET", "/v1/data/.my").json() == EMPTY
        assert request_as(caller, "GET", "/v1/data/.session/f").status == 404


def test_another_algorithm_reads_for_its_caller_and_writes_nothing(
    guest: Caller, demo: Caller, run_as: Callable[..., Inside]
) -> None:
    run_as(guest)("PUT", ".algo/perm/f", body=b"mine")
    other = run_as(guest, of=make_algorithm(demo.user, "Other"))
    path = ".algo/demo/Keeper/perm/f"
    assert other("GET", path).body == b"mine"
    assert other("PUT", path, body=b"x").status == 403
    assert other("DELETE", path).status == 403


@pytest.mark.parametrize(
    ("scopes", "read"), [(Scopes(data_read=True), 200), (Scopes(("algo://*",), True, True), 403)]
)
def test_key_needs_its_scope(
    guest: Caller,
    run_as: Callable[..., Inside],
    request_as: RequestAs,
    scopes: Scopes,
    read: int,
) -> None:
    run_as(guest)("PUT", ".algo/perm/f", body=b"mine")
    narrow = make_caller("guest", scopes, guest.user)
    path = "/v1/data/.algo/demo/Keeper/perm/f"
    assert request_as(narrow, "GET", path).status == read
    assert request_as(narrow, "PUT", path, body=b"x").status == 403


def unread() -> Iterator[bytes]:
    raise AssertionError("the body was read")
    yield b""


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        (".session/f", 404, "There is no session here"),
        (".algo/temp/f", 404, "data://.algo/AUTHOR/NAME/temp"),
        (".algo/demo/Keeper/perm/f", 403, "Only the algorithm itself writes"),
        (".algo/demo/Private/perm/f", 404, "algorithm was not found"),
        (".algo/demo/Missing/perm/f", 404, "algorithm was not found"),
        (".algo/demo/Keeper/other/f", 404, "temp and perm"),
        (".algo/demo/Keeper/perm/d/f", 404, "do not nest"),
        (".algo/demo/Keeper", 405, "A file is put into a collection"),
        (".algo/demo/Keeper/perm", 405, "A file is put into a collection"),
        (".session", 405, "A file is put into a collection"),
    ],
)
def test_refused_upload_is_not_read(
    guest: Caller,
    demo: Caller,
    algorithm: Algorithm,
    request_as: RequestAs,
    path: str,
    status: int,
    said: str,
) -> None:
    make_algorithm(demo.user, "Private")
    large = {"content-length": "1000000000"}
    answer = request_as(guest, "PUT", f"/v1/data/{path}", body=unread(), headers=large)
    assert answer.status == status
    assert said in answer.json()["error"]["message"]
    assert not Collection.objects.exists()


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("POST", b'{"name":"x"}'),
        ("POST", b'{"acl":{"read":["user://*"]}}'),
        ("PATCH", b'{"acl":{"read":["user://*"]}}'),
        ("DELETE", b""),
    ],
)
def test_system_collections_are_not_made_changed_or_deleted(
    guest: Caller, run_as: Callable[..., Inside], method: str, body: bytes
) -> None:
    inside = run_as(guest)
    for folder in (".session", ".algo/temp", ".algo/perm", ".algo/demo/keeper/perm"):
        inside("PUT", f"{folder}/f", body=b"x")
        refused = inside(method, f"{folder}?force=true", body=body)
        assert refused.status == 403
        assert "always exists" in refused.json()["error"]["message"]
        assert inside("GET", f"{folder}/f").status == 200
        if method != "DELETE":
            assert inside(method, f"{folder}/f", body=body).status == 405
    for folder in (".algo", ".algo/demo", ".algo/demo/keeper"):
        refused = inside(method, folder, body=body)
        assert refused.status == 405
        assert "always exist" in refused.json()["error"]["message"]
    assert inside(method, ".algo/demo/Missing/perm", body=body).status == 404


def test_folders_above_the_collections(
    guest: Caller, demo: Caller, run_as: Callable[..., Inside], request_as: RequestAs
) -> None:
    def folders(caller: Caller, path: str) -> list[str]:
        answer = request_as(caller, "GET", f"/v1/data/{path}")
        assert answer.headers["X-Data-Type"] == "directory"
        assert answer.json()["files"] == []
        assert request_as(caller, "HEAD", f"/v1/data/{path}").body == b""
        return [folder["name"] for folder in answer.json()["folders"]]

    assert folders(guest, ".algo") == []
    inside = run_as(guest)
    inside("PUT", ".algo/perm/f", body=b"x")
    assert folders(guest, ".algo") == ["demo"]
    assert folders(guest, ".algo/demo") == ["Keeper"]
    assert folders(guest, ".algo/demo/Keeper") == ["perm", "temp"]
    assert folders(demo, ".algo") == []
    assert inside("GET", ".algo").json()["folders"] == [{"name": "perm"}, {"name": "temp"}]
    assert request_as(guest, "GET", "/v1/data/.algo/nobody").status == 404
    assert request_as(guest, "GET", "/v1/data/.algo/demo/Missing").status == 404


def test_pages_hold_every_file_once(
    guest: Caller, run_as: Callable[..., Inside], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dataportal.selectors.LISTING_PAGE_SIZE", 2)
    inside = run_as(guest)
    inside("PUT", ".session/f0", body=b"x")
    for number in range(1, 5):
        make_file(Collection.objects.get(), f"f{number}")
    names: list[str] = []
    marker: str | None = ""
    while marker is not None:
        page = inside("GET", f".session?marker={marker}").json()
        names += [file["filename"] for file in page["files"]]
        marker = page.get("marker")
    assert names == [f"f{number}" for number in range(5)]


def test_while_a_build_is_verified_there_is_no_session(
    plane: DataPlane, demo: Caller, algorithm: Algorithm
) -> None:
    run = Run(algorithm.id, demo.user.id, pipeline_enabled=False)
    loading = Inside(plane, demo.principal.for_run(run), Session())
    for method in ("GET", "HEAD", "PUT"):
        assert loading(method, ".session/f", body=b"x").status == 404
    assert not Collection.objects.exists()
    assert loading("PUT", ".algo/perm/f", body=b"x").status == 200
