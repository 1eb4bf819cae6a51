"""Each code of the protocol is raised by a request here, or is told why it never is."""

import importlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db.models.signals import pre_save
from rest_framework.test import APIClient

from algoport.accounts.constants import KeyType
from algoport.accounts.models import User
from algoport.accounts.permissions import Scopes
from algoport.accounts.services import create_key, create_user
from algoport.error_codes import ERROR_CODES, NOT_RAISED
from algoport.errors import ApiError
from algorithms import services
from algorithms.constants import BuildState
from algorithms.environments import selectors as environments
from algorithms.models import Algorithm, Version
from algorithms.secrets.providers import INTERNAL
from scm.repositories import repository_path
from tests.api.test_envelope import check_envelope
from tests.factories.algorithms import SETTINGS, make_algorithm, make_build, make_version
from tests.factories.scm import GITHUB
from tests.golden import check_text

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "error-codes.md"
# Everything that refuses is imported by these.
ROOTS = (
    "algoport.urls",
    "algoport.http.server_errors",
    "algorithms.api.call_plane",
    "algorithms.tasks",
    "dataportal.api.data_plane",
    "scm.api.git_plane",
)
# Codes of which the platform says more than the protocol's text.
SAYS_MORE = {
    1003: "there are environments in place of package sets",
    1007: "what there is to publish is told",
    1011: "the build is still going on",
    2001: "the rule that refused is named",
    2002: "what is missing is told",
    2012: "the build's own words are the reason",
    **dict.fromkeys((3105, 3106, 3107), "the limit, or what an image is, is told"),
    **dict.fromkeys((4020, 4021, 4050, 4051, 4070, 4080), "what is not valid is told"),
    **dict.fromkeys((4040, 4041, 4043, 4045), "what would be possible is told"),
    5004: "the features are named",
    5005: "what is not there is named",
    6001: "what is not valid is told",
    8060: "the types are named",
    8061: "what is not valid is told",
}
# Of what no request below /v1 is refused with: the test that raises it.
RAISED_ELSEWHERE = {
    4011: ("algorithms/test_algorithm_scm.py", "for a git push"),
    4081: ("remotes/test_remote_sources.py", "for an authorization that has ended"),
    8009: ("algorithms/test_algorithm_secrets.py", "HTTP 500, for a call"),
}


@dataclass
class World:
    """Clients of a user and of an administrator, and what the user has."""

    demo: APIClient
    admin: APIClient
    owner: User
    version: Version
    monkeypatch: pytest.MonkeyPatch

    @property
    def algorithm(self) -> Algorithm:
        return self.version.algorithm


@pytest.fixture
def world(api: APIClient, demo: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    root = create_user(username="root", email="root@example.com", staff=True)
    key = create_key(owner=root, label="test", scopes=Scopes(), key_type=KeyType.ADMIN)
    admin = APIClient()
    admin.credentials(HTTP_AUTHORIZATION=key.secret)
    for name in ("makers", "others"):
        assert admin.post("/v1/organizations", organization(name), format="json").status_code == 200
    assert admin.post("/v1/admin/scms", GITHUB, format="json").status_code == 201
    version = make_version(make_algorithm(demo))
    yield World(api, admin, demo, version, monkeypatch)


def organization(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "org_name": name,
        "org_label": "Makers",
        "org_contact_name": "demo",
        "org_email": f"{name}@example.com",
    } | changes


def user(name: str, email: str) -> dict[str, str]:
    return {"username": name, "email": email}


def created(world: World, name: str = "Other", **settings: Any) -> Any:
    body = {"name": name, "details": {"label": name}, "settings": {**SETTINGS, **settings}}
    return world.demo.post("/v1/algorithms/demo", body, format="json")


def at_another_host(world: World) -> Any:
    body = {"name": "Other", "details": {"label": "x"}, "settings": SETTINGS}
    body["source"] = {"scm": "github"}
    return world.demo.post("/v1/algorithms/demo", body, format="json")


HELLO = "/v1/algorithms/demo/Hello"
SECRET = {"short_name": "token", "secret_key": "TOKEN", "secret_value": "1234"}
NOBODY = "6b1d3a5e-5d0c-4c5e-9a53-7f1f3f6f7a12"


def repository_is_there(world: World) -> Any:
    def make(sender: object, instance: Algorithm, **_: object) -> None:
        repository_path(instance.id).mkdir(parents=True)

    pre_save.connect(make, Algorithm)
    try:
        return created(world)
    finally:
        pre_save.disconnect(make, Algorithm)


def repository_is_lost(world: World) -> Any:
    shutil.rmtree(repository_path(world.algorithm.id))
    return world.demo.post(f"{HELLO}/compile")


def build_fails(world: World) -> Any:
    failed = make_build(world.algorithm, BuildState.FAILED)
    world.monkeypatch.setattr(services, "watch_build", lambda build, pause: iter([failed]))
    return world.demo.post(f"{HELLO}/compile")


def build_goes_on(world: World) -> Any:
    build = make_build(world.algorithm, BuildState.IN_PROGRESS)
    return world.demo.get(f"{HELLO}/builds/{build.id}/logs")


def something_fails(world: World) -> Any:
    world.monkeypatch.setattr(environments, "list_languages", lambda: 1 / 0)
    return world.demo.get("/v1/algorithm-environments/edge/languages")


def last_owner_goes(world: World) -> Any:
    return world.admin.delete("/v1/organizations/makers/members/root")


def many_fields(world: World) -> Any:
    form = "application/x-www-form-urlencoded"
    return world.demo.post("/v1/algorithms/demo", "a=&" * 2000, content_type=form)


def malformed(world: World) -> Any:
    return world.demo.post("/v1/algorithms/demo", "{", content_type="application/json")


def unknown_feature(world: World) -> Any:
    return world.admin.put("/v1/admin/features/x", {"enabled": True}, format="json")


def put_user(world: World, **body: str) -> Any:
    return world.admin.put("/v1/users/demo", body, format="json")


def post(path: str, body: Any) -> Callable[[World], Any]:
    return lambda world: world.admin.post(path, body, format="json")


def patch(path: str, body: Any) -> Callable[[World], Any]:
    return lambda world: world.admin.patch(path, body, format="json")


def delete(path: str) -> Callable[[World], Any]:
    return lambda world: world.admin.delete(path)


def webhook(body: Any) -> Callable[[World], Any]:
    head = {"X-Gitlab-Event": "Push"}
    return lambda world: world.demo.post(f"{HELLO}/scm/webhook", body, "json", headers=head)


def disabled_becomes_the_default(world: World) -> Any:
    patch("/v1/admin/scms/github", {"enabled": False})(world)
    return post("/v1/admin/scms/github/default", None)(world)


def host_in_use(world: World) -> Any:
    patch("/v1/admin/scms/github", {"enabled": False})(world)
    Algorithm.objects.update(scm_id="github")
    return delete("/v1/admin/scms/github")(world)


def upload(path: str, content: bytes) -> Callable[[World], Any]:
    return lambda world: world.admin.post(path, content, content_type="image/png")


def set_secret(body: Any) -> Callable[[World], Any]:
    return lambda world: world.demo.post(f"{HELLO}/secrets", body, format="json")


def secret_renamed(world: World) -> Any:
    secret = set_secret(SECRET)(world).json()
    path = f"{HELLO}/secrets/{secret['id']}"
    return world.demo.put(path, {"secret_key": "OTHER"}, format="json")


def get(path: str) -> Callable[[World], Any]:
    return lambda world: world.demo.get(path)


# One request per code, with the status that it answers.
REQUESTS: dict[int, tuple[int, Callable[[World], Any]]] = {
    1000: (404, get("/v1/algorithms/demo/Missing/builds")),
    1002: (409, lambda world: created(world, "hello")),
    1003: (400, lambda world: created(world, language=None, package_set="none")),
    1007: (409, lambda world: world.demo.post(f"{HELLO}/versions", {}, format="json")),
    1008: (409, repository_is_there),
    1009: (404, get(f"/v1/algorithms/{NOBODY}/errors")),
    1010: (404, get(f"{HELLO}/builds/{NOBODY}")),
    1011: (404, build_goes_on),
    1014: (404, get(f"{HELLO}/versions/{'0' * 40}")),
    2001: (403, get("/v1/users")),
    2002: (401, lambda world: APIClient().get("/v1/users")),
    2012: (400, build_fails),
    2013: (400, malformed),
    2015: (400, many_fields),
    3000: (404, lambda world: world.admin.get("/v1/users/missing")),
    3001: (400, post("/v1/users", [])),
    3003: (409, post("/v1/users", user("Demo", "other@example.com"))),
    3004: (409, post("/v1/users", user("other", "demo@example.com"))),
    3005: (400, post("/v1/users", {"username": "other"})),
    3007: (400, lambda world: put_user(world, **user("other", "demo@example.com"))),
    3008: (400, lambda world: put_user(world, **user("demo", "other@example.com"))),
    3100: (404, get("/v1/organizations/missing")),
    3101: (409, post("/v1/organizations", organization("Makers"))),
    3102: (409, last_owner_goes),
    3103: (400, post("/v1/organizations", "text")),
    3104: (409, post("/v1/organizations", organization("demo"))),
    3108: (400, post("/v1/organizations", organization("more", type_id=NOBODY))),
    3109: (409, post("/v1/organization/types", {"name": "basic"})),
    3105: (413, upload("/v1/config/favicon", bytes(128 * 1024 + 1))),
    3106: (400, upload("/v1/config/logo", b"<svg/>")),
    3107: (413, upload("/v1/config/logo", bytes(1024 * 1024 + 1))),
    4001: (400, lambda world: created(world, language="cobol")),
    4002: (400, lambda world: created(world, language="ruby")),
    4004: (400, lambda world: created(world, environment="tpu")),
    4084: (503, repository_is_lost),
    4008: (404, get("/v1/scms/internal/oauth/revoke")),
    4009: (404, get("/v1/scms/nowhere")),
    4010: (400, lambda world: world.admin.get("/v1/admin/usage?start_date=2026-01-01")),
    4012: (400, webhook({"ref": "x"})),
    4020: (400, post("/v1/admin/scms", [])),
    4021: (400, patch("/v1/admin/scms/github", {})),
    4040: (409, delete("/v1/admin/scms/github")),
    4041: (409, patch("/v1/admin/scms/internal", {"enabled": False})),
    4042: (400, disabled_becomes_the_default),
    4043: (409, host_in_use),
    4044: (409, post("/v1/admin/scms", GITHUB)),
    4045: (400, delete("/v1/admin/scms/internal")),
    4050: (400, get("/v1/scms/internal/oauth/start")),
    4051: (400, get("/v1/scms/internal/oauth/finish")),
    4052: (400, get("/v1/scms/internal/oauth/finish?code=1")),
    4070: (400, webhook([])),
    4080: (400, at_another_host),
    5001: (500, something_fails),
    5002: (400, get("/v1/requests?marker=made-up")),
    5003: (400, get("/v1/requests?limit=1001")),
    5004: (404, unknown_feature),
    5005: (501, post("/v1/admin/secret-provider", {})),
    6001: (400, get("/v1/requests?state=made-up")),
    7000: (404, get(f"/v1/requests/req-{NOBODY}")),
    8000: (400, set_secret([])),
    8001: (400, set_secret(SECRET | {"secret_key": "PATH"})),
    8004: (400, set_secret(SECRET | {"secret_value": ""})),
    8005: (403, delete(f"/v1/admin/secret-provider/{INTERNAL.id}")),
    8006: (404, delete(f"/v1/admin/secret-provider/{NOBODY}")),
    8007: (400, secret_renamed),
    8008: (404, lambda world: world.demo.delete(f"{HELLO}/secrets/{NOBODY}")),
    8060: (400, lambda world: world.demo.get("/v1/users/demo/notifications")),
    8061: (400, lambda world: world.demo.get("/v1/users/demo/notifications?event_types=x")),
}


@pytest.mark.parametrize("code", sorted(REQUESTS))
def test_code_is_raised(world: World, code: int) -> None:
    status, request = REQUESTS[code]
    answer = request(world)
    check_envelope(answer, status, code)
    told = ERROR_CODES[code].message
    if told and code not in SAYS_MORE:
        assert answer.json()["message"] == told


def test_every_code_that_can_be_raised_is_raised_here() -> None:
    for name in ROOTS:
        importlib.import_module(name)
    product = {each for each in classes(ApiError) if not each.__module__.startswith("tests.")}
    assert {each.code for each in product} == set(REQUESTS) | set(RAISED_ELSEWHERE)
    for code, (path, _) in RAISED_ELSEWHERE.items():
        assert str(code) in (Path(__file__).parent / path).read_text()
    for each in product:
        known = ERROR_CODES[each.code]
        assert each.__name__ != known.symbol or each.message == known.message or not known.message


def classes(base: type[ApiError]) -> set[type[ApiError]]:
    return {base}.union(*(classes(each) for each in base.__subclasses__()))


def test_every_other_code_has_a_reason() -> None:
    raised = set(REQUESTS) | set(RAISED_ELSEWHERE)
    assert raised | set(NOT_RAISED) == set(ERROR_CODES)
    assert not raised & set(NOT_RAISED)
    assert SAYS_MORE.keys() <= REQUESTS.keys()


def test_the_document_has_all_of_them(request: pytest.FixtureRequest) -> None:
    rows = ["| code | name | message | |", "|-|-|-|-|"]
    for code, known in ERROR_CODES.items():
        if code in REQUESTS:
            status = f"HTTP {REQUESTS[code][0]}"
        else:
            status = NOT_RAISED[code] if code in NOT_RAISED else RAISED_ELSEWHERE[code][1]
        rows.append(f"| {code} | {known.symbol or '-'} | {known.message or '-'} | {status} |")
    head, mark, _ = DOCUMENT.read_text().partition("<!-- the table -->\n")
    assert mark
    check_text(DOCUMENT, head + mark + "\n".join(rows) + "\n", request.config)
