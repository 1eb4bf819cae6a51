"""Every list below /v1: what its pages refuse, and that more rows take no more queries."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator

from algoport.accounts.invite_codes import create_code
from algoport.accounts.models import Membership, SignedInSession, User
from algoport.accounts.permissions import EVERYTHING
from algoport.accounts.services import create_key
from algoport.audit.recording import act
from algoport.configuration.services import set_entry
from algoport.notifications.constants import NotificationKind
from algoport.notifications.services import News, notify
from algorithms.features.switching import switch_feature
from algorithms.models import Algorithm, Approval, CallRecord, Environment
from algorithms.secrets.services import SecretFields, create_secret
from dataportal.connectors.services import NewConnector, create_connector
from dataportal.models import DataAccess
from orgs.models import Invitation, Organization, OrganizationType
from scm.models import ScmConfiguration
from tests.api.audit.world import World, make_world
from tests.factories.accounts import principal_of_key
from tests.factories.algorithms import make_algorithm, make_build, make_error, make_version
from tests.factories.connectors import CREDENTIALS
from tests.factories.organizations import make_organization

pytestmark = pytest.mark.django_db

# A page of the byte planes is a directory, with rules of its own (tests/api/dataportal).
PLANES = ("/v1/data", "/v1/connector")
# Lists whose rows are not in the database, or are none.
ELSEWHERE = {
    "/v1/admin/legacy-algorithms",
    "/v1/admin/secret-provider",
    "/v1/secret-provider",
    "/v1/admin/features",
    "/v1/algorithm-environments/edge/languages",
    "/v1/algorithms/{algorithm_id}/log",
    "/v1/algorithms/{owner}/{name}/log",
    "/v1/users/{username}/connectors/{connector_id}/buckets",
    "/v1/users/{username}/connectors/{connector_id}/buckets/{bucket}/cors",
}
# Each of them is resolved, and there are no more than places for runners.
BOUNDED = {"/v1/admin/reservations"}
NO_MARKERS = (
    "x",
    "e30",
    "bnVsbA",
    "eyJhdCI6IngiLCJpZCI6IngifQ",
    "eyJhdCI6MSwiaWQiOjF9",
    "%00",
    "\u00e9",
)
NO_LIMITS = ("0", "-1", "1001", "many", "1.5", "\u00b2", "%00", "")
FEW, MANY = 2, 12
# The key is looked up with one of them.
MOST_QUERIES = 5


@dataclass
class Stage:
    """What the lists are about: things of demo's, and of an organization of root's and demo's."""

    world: World
    makers: Organization
    hello: Algorithm
    tool: Algorithm

    @property
    def demo(self) -> User:
        return self.world.demo.user


Grow = Callable[[Stage], None]


@dataclass(frozen=True)
class Listed:
    """How a list is asked for, and how it gets another row."""

    path: str
    grow: Grow
    who: str = "root"
    limit: str = "limit"


def name() -> str:
    return f"x{uuid.uuid4().hex[:12]}"


def new_user() -> User:
    called = name()
    return User.objects.create(username=called, email=f"{called}@example.com")


def new_notification(stage: Stage) -> None:
    news = News(NotificationKind.ALGORITHM_RELEASE, "x")
    notify(accounts=[stage.demo.pk], news=news)


def new_organization() -> Organization:
    account = User.objects.create(username=name(), email="o@example.com", kind="organization")
    kind = OrganizationType.objects.get(name="basic")
    return Organization.objects.create(account=account, label="x", contact_name="x", type=kind)


def new_invitation(organization: Organization, user: User | None, inviter: User) -> None:
    Invitation.objects.create(
        organization=organization,
        user=user,
        email="" if user else f"{name()}@example.com",
        nonce=uuid.uuid4().hex,
        expires_at=timezone.now() + timedelta(days=1),
        invited_by=inviter,
    )


def new_member(stage: Stage) -> None:
    """Every other one was invited and has not answered."""
    user = new_user()
    Membership.objects.create(organization=stage.makers.account, user=user)
    new_invitation(stage.makers, new_user(), user)


def new_approval(stage: Stage) -> None:
    version = make_version(stage.tool, callability="private")
    Approval.objects.create(version=version, owner=stage.tool.owner)


def new_access(stage: Stage) -> None:
    DataAccess.objects.create(
        id=uuid.uuid4(),
        session_id=uuid.uuid4(),
        accessed_at=timezone.now(),
        owner="demo",
        connector="data",
        path="demo/x",
        operation="get",
        account=name(),
        account_id=uuid.uuid4(),
        principal="key",
        bytes_in=0,
        bytes_out=1,
        status=200,
        seconds=0.1,
    )


def new_call_record(stage: Stage) -> None:
    """Of another caller and another algorithm each time."""
    CallRecord.objects.create(
        request_id=uuid.uuid4(),
        session_id=uuid.uuid4(),
        caller_id=new_user().pk,
        algorithm_id=make_algorithm(stage.demo, name()).pk,
        build_id=uuid.uuid4(),
        started_at=datetime(2026, 3, 14, tzinfo=UTC),
        version="0.1.0",
        kind="sync",
        status=200,
        error_type="",
        total_seconds=1,
        run_seconds=1,
        queue_seconds=0,
        start_seconds=0,
        load_seconds=0,
        bytes_in=1,
        bytes_out=1,
    )


def new_act(stage: Stage) -> None:
    with transaction.atomic(), act("user.test", new_user()):
        pass


def new_session(stage: Stage) -> None:
    expires = timezone.now() + timedelta(days=1)
    session = Session.objects.create(session_key=name(), session_data="", expire_date=expires)
    SignedInSession.objects.create(
        session=session, user=stage.demo, address="192.0.2.1", last_seen_at=timezone.now()
    )


def new_connector(stage: Stage) -> None:
    cred_type, cred_data = CREDENTIALS["s3"]
    new = NewConnector("s3", cred_type, cred_data, name())
    create_connector(principal=principal_of_key(stage.world.demo.key), owner="demo", new=new)


def new_secret(stage: Stage) -> None:
    called = name()
    fields = SecretFields(called, "x", called.upper(), "x")
    create_secret(algorithm=stage.hello, given=fields)


def new_environment(stage: Stage) -> None:
    Environment.objects.create(
        name=name(), display_name="x", language="python3-1", recipe="python3"
    )


def new_scm(stage: Stage) -> None:
    ScmConfiguration.objects.create(id=name(), name=name(), provider="github", client_id=name())


USAGE = "?start_date=2026-03-01&end_date=2026-03-31&"
PAGED = {
    "/v1/users": Listed("/v1/users", lambda stage: new_user()),
    "/v1/organizations": Listed("/v1/organizations", lambda stage: new_organization()),
    "/v1/organizations/{name}/members": Listed("/v1/organizations/makers/members", new_member),
    "/v1/organizations/{name}/invitations": Listed(
        "/v1/organizations/makers/invitations",
        lambda stage: new_invitation(stage.makers, new_user(), new_user()),
    ),
    "/v1/organizations/{organization}/approvals": Listed(
        "/v1/organizations/makers/approvals", new_approval
    ),
    "/v1/invitations": Listed(
        "/v1/invitations",
        lambda stage: new_invitation(new_organization(), stage.demo, new_user()),
        "demo",
    ),
    "/v1/algorithms/{owner}/{name}/builds": Listed(
        "/v1/algorithms/demo/Hello/builds", lambda stage: make_build(stage.hello), "demo"
    ),
    "/v1/algorithms/{owner}/{name}/versions": Listed(
        "/v1/algorithms/demo/Hello/versions", lambda stage: make_version(stage.hello), "demo"
    ),
    "/v1/algorithms/{algorithm_id}/builds": Listed(
        "/v1/algorithms/ID/builds", lambda stage: make_build(stage.hello), "demo"
    ),
    "/v1/algorithms/{algorithm_id}/versions": Listed(
        "/v1/algorithms/ID/versions", lambda stage: make_version(stage.hello), "demo"
    ),
    "/v1/requests": Listed("/v1/requests", lambda stage: stage.world.queued_call(), "demo"),
    "/v1/users/{username}/data-accesses": Listed(
        "/v1/users/demo/data-accesses", new_access, "demo"
    ),
    "/v1/config/frontend": Listed(
        "/v1/config/frontend", lambda stage: set_entry(keyname=name(), value="x")
    ),
    "/v1/admin/audit": Listed("/v1/admin/audit?action=user.test&", new_act),
    **{
        path: Listed(path + USAGE, new_call_record, limit="page_size")
        for path in ("/v1/admin/usage", "/v1/admin/usage/users", "/v1/admin/usage/algorithms")
    },
}
NEW_KEY: Grow = lambda stage: create_key(owner=stage.demo, label="x", scopes=EVERYTHING)  # noqa: E731
NEW_ALGORITHM: Grow = lambda stage: make_version(make_algorithm(stage.demo, name()))  # noqa: E731
NEW_ERROR: Grow = lambda stage: make_error(stage.hello, new_user())  # noqa: E731
UNPAGED = {
    "/v1/users/{username}/keys": Listed("/v1/users/demo/keys", NEW_KEY),
    "/v1/admin/users/{username}/keys": Listed("/v1/admin/users/demo/keys", NEW_KEY),
    "/v1/organizations/{name}/keys": Listed(
        "/v1/organizations/makers/keys",
        lambda stage: create_key(owner=stage.makers.account, label="x", scopes=EVERYTHING),
    ),
    "/v1/users/{username}/sessions": Listed("/v1/users/demo/sessions", new_session),
    "/v1/users/{username}/algorithms": Listed("/v1/users/demo/algorithms", NEW_ALGORITHM, "demo"),
    "/v1/organizations/{organization}/utility-algorithms": Listed(
        "/v1/organizations/makers/utility-algorithms",
        lambda stage: make_algorithm(stage.makers.account, name()),
    ),
    "/v1/users/{user_id}/errors": Listed(
        "/v1/users/ME/errors", lambda stage: make_error(stage.hello, stage.demo), "demo"
    ),
    "/v1/users/{user_id}/notifications": Listed(
        "/v1/users/ME/notifications?event_types=algorithm-release", new_notification, "demo"
    ),
    "/v1/organizations/{organization}/errors": Listed(
        "/v1/organizations/makers/errors", lambda stage: make_error(stage.tool, new_user()), "demo"
    ),
    "/v1/algorithms/{owner}/{name}/errors": Listed(
        "/v1/algorithms/demo/Hello/errors",
        lambda stage: make_error(stage.hello, new_user()),
        "demo",
    ),
    "/v1/algorithms/{algorithm_id}/errors": Listed("/v1/algorithms/ID/errors", NEW_ERROR, "demo"),
    "/v1/algorithms/{owner}/{name}/secrets": Listed(
        "/v1/algorithms/demo/Hello/secrets", new_secret, "demo"
    ),
    "/v1/algorithms/{algorithm_id}/secrets": Listed(
        "/v1/algorithms/ID/secrets", new_secret, "demo"
    ),
    "/v1/organization/types": Listed(
        "/v1/organization/types", lambda stage: OrganizationType.objects.create(name=name())
    ),
    "/v1/admin/invites": Listed(
        "/v1/admin/invites",
        lambda stage: create_code(creator=new_user(), code=f"code-{name()}"),
    ),
    "/v1/algorithm-environments/edge/languages/{language}/environments": Listed(
        "/v1/algorithm-environments/edge/languages/python3-1/environments", new_environment, "demo"
    ),
    "/v1/algorithm-environments/edge/environments/available": Listed(
        "/v1/algorithm-environments/edge/environments/available", new_environment
    ),
    "/v1/users/{username}/connectors": Listed("/v1/users/demo/connectors", new_connector, "demo"),
    "/v1/scms": Listed("/v1/scms", new_scm, "demo"),
}


@cache
def described() -> dict[str, bool]:
    """Paths of lists as the API describes itself, and whether they come in pages."""
    schema = SchemaGenerator().get_schema(request=None, public=True)
    found = {}
    for path, methods in schema["paths"].items():
        get = methods.get("get")
        if get is None or path.startswith(PLANES):
            continue
        is_paged = any(each["name"] == "marker" for each in get.get("parameters", ()))
        if is_paged or _is_list(schema, get):
            found[path] = is_paged
    return found


def _is_list(schema: dict[str, Any], operation: dict[str, Any]) -> bool:
    content = operation["responses"].get("200", {}).get("content", {})
    body = content.get("application/json", {}).get("schema", {})
    while "$ref" in body:
        body = schema["components"]["schemas"][body["$ref"].rpartition("/")[2]]
    values = list(body.get("properties", {}).values())
    is_wrapped = len(values) == 1 and values[0].get("type") == "array"
    return body.get("type") == "array" or is_wrapped or "results" in body.get("properties", {})


@pytest.fixture
def stage(python_environment: Environment) -> Stage:
    world = make_world(python_environment)
    makers = make_organization("makers", world.demo.user)
    switch_feature(name="algorithm-errors", enabled=True)
    return Stage(world, makers, world.algorithm(), make_algorithm(makers.account, "Tool"))


def ask(stage: Stage, listed: Listed, query: str = "") -> Any:
    client = getattr(stage.world, listed.who).api
    path = listed.path.replace("/ID/", f"/{stage.hello.pk}/").replace("/ME/", f"/{stage.demo.pk}/")
    return client.get(f"{path}{'' if '?' in path else '?'}{query}")


def rows_of(body: Any) -> list[Any]:
    """The list itself, that of a page, or the only thing that there is."""
    if isinstance(body, list):
        return body
    found: list[Any] = body.get("results") or next(iter(body.values()))
    return found


def test_every_list_is_told_how_it_grows() -> None:
    there = described()
    assert {path for path, is_paged in there.items() if is_paged} == PAGED.keys()
    others = {path for path, is_paged in there.items() if not is_paged}
    assert others == UNPAGED.keys() | ELSEWHERE | BOUNDED


@pytest.mark.parametrize("path", PAGED)
def test_pages_that_there_cannot_be(stage: Stage, path: str) -> None:
    listed = PAGED[path]
    for code, parameter, values in ((5002, "marker", NO_MARKERS), (5003, listed.limit, NO_LIMITS)):
        for value in values:
            answer = ask(stage, listed, f"{parameter}={value}")
            assert (answer.status_code, answer.json()["code"]) == (400, code), (parameter, value)


@pytest.mark.parametrize("path", {**PAGED, **UNPAGED})
def test_more_rows_take_no_more_queries(stage: Stage, path: str) -> None:
    listed = {**PAGED, **UNPAGED}[path]
    counts, sizes = [], []
    for rows in (FEW, MANY):
        for _ in range(rows):
            listed.grow(stage)
        with CaptureQueriesContext(connection) as queries:
            answer = ask(stage, listed)
        assert answer.status_code == 200, answer.content
        sizes.append(len(rows_of(answer.json())))
        counts.append(len(queries))
    assert sizes[1] >= sizes[0] + MANY and sizes[0] >= FEW
    assert counts[0] == counts[1] <= MOST_QUERIES, [each["sql"] for each in queries]
