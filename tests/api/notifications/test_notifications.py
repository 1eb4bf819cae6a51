"""/v1/users/ID/notifications, and what is told of algorithms to whom."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from algoport.accounts.authentication import principal_of_user
from algoport.accounts.models import User
from algoport.accounts.permissions import Scopes
from algoport.audit.actors import Actor, acting
from algoport.audit.constants import Via
from algoport.notifications.constants import NotificationKind
from algoport.notifications.models import Notification
from algoport.notifications.services import News, notify
from algorithms.building.aftermath import fail
from algorithms.building.leases import take_build
from algorithms.models import Algorithm, AsyncCall, Build, Environment
from algorithms.queueing.leases import Settlement, settle, take_calls
from algorithms.services import start_build
from algorithms.tasks import deliver_webhooks_task, run_queued_calls_task
from algorithms.webhooks import leases as webhooks
from orgs.invitations import invite
from orgs.models import Organization
from tests.factories.accounts import administrator_client
from tests.factories.algorithms import SETTINGS, make_algorithm, make_build, make_version
from tests.factories.organizations import make_organization
from tests.factories.queueing import make_queued_call

pytestmark = pytest.mark.django_db

PATH = "/v1/users/demo/notifications"
BOTH = f"{PATH}?event_types=algorithm-creation,algorithm-release"


@pytest.fixture
def guest(make_user: Callable[[str], User]) -> User:
    return make_user("guest")


@pytest.fixture
def organization(demo: User, guest: User, python_environment: Environment) -> Organization:
    """Which demo owns and guest is in."""
    return make_organization("makers", demo, guest)


@pytest.fixture
def api(demo: User, api_of: Callable[..., APIClient]) -> APIClient:
    return api_of(demo)


@pytest.fixture
def member(guest: User, api_of: Callable[..., APIClient]) -> APIClient:
    return api_of(guest)


def told(user: User) -> list[tuple[str, str, str]]:
    """What a user was told, oldest first."""
    rows = Notification.objects.filter(user=user).order_by("created_at")
    return [(row.kind, row.text, row.link) for row in rows]


def kinds(user: User) -> list[str]:
    return [kind for kind, _, _ in told(user)]


def code(answer: Any) -> tuple[int, int]:
    return answer.status_code, answer.json()["error"]["code"]


def create(client: APIClient) -> Any:
    body = {"name": "Hello", "details": {"label": "Hello"}, "settings": SETTINGS}
    answer = client.post("/v1/algorithms/makers", body, format="json")
    assert answer.status_code == 201, answer.content
    return answer.json()


def publish(client: APIClient, callability: str) -> None:
    body = {
        "settings": {"algorithm_callability": callability},
        "version_info": {"version_type": "minor", "release_notes": "Greets."},
    }
    answer = client.post("/v1/algorithms/makers/Hello/versions", body, format="json")
    assert answer.status_code == 200, answer.content


def test_members_are_told_of_algorithms_and_versions(
    organization: Organization, demo: User, guest: User, api: APIClient, member: APIClient
) -> None:
    made = create(member)
    make_build(Algorithm.objects.get())
    publish(member, "private")
    assert kinds(guest) == []
    release, creation = api.get(BOTH).json()
    assert creation["notification_type"] == "algorithm-creation"
    context = {"algorithm_id": made["id"], "username": "makers", "algoname": "Hello"}
    assert creation["notification_context"] == context
    assert release["notification_type"] == "algorithm-release"
    assert release["notification_context"] == context | {"semantic_version": "0.1.0"}
    assert set(release) == {
        *("notification_id", "notification_type", "created_at", "notification_context"),
    }
    assert told(demo)[-1][1:] == (
        "makers/Hello 0.1.0 is published.\n\nGreets.",
        "/algorithms/makers/Hello/versions",
    )
    Notification.objects.update(read_at=timezone.now())
    assert all("read_at" in each for each in api.get(BOTH).json())
    # What is somebody's own is told to nobody.
    make_algorithm(guest, "Own")
    assert kinds(guest) == [] and len(kinds(demo)) == 2


def test_the_list_is_narrowed(demo: User, api: APIClient) -> None:
    for kind in (*(NotificationKind.ALGORITHM_RELEASE,) * 3, NotificationKind.MESSAGE):
        notify(accounts=[demo.pk], news=News(kind, "x", context={"algoname": "x"}))
    first = Notification.objects.order_by("created_at")[0]
    now = timezone.now()
    Notification.objects.filter(pk=first.pk).update(created_at=now - timedelta(days=2))

    def count(query: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            answer = api.get(f"{PATH}?event_types={query}")
        assert answer.status_code == 200, answer.content
        assert len(queries) <= 5
        return len(answer.json())

    assert count("algorithm-creation") == 0
    assert count("algorithm-release") == count("algorithm-release,algorithm-creation") == 3
    assert count("algorithm-release&limit=2") == 2
    yesterday = (now - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert count(f"algorithm-release&since={yesterday}") == 2
    assert count("algorithm-release&since=2020-01-01") == 3
    assert api.get(f"/v1/users/{demo.pk}/notifications?event_types=algorithm-release").json()


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ("", 8060),
        ("event_types=", 8060),
        ("event_types=,", 8060),
        ("event_types=message", 8061),
        ("event_types=algorithm-release,%00", 8061),
        ("event_types=algorithm-release&limit=0", 8061),
        ("event_types=algorithm-release&limit=101", 8061),
        ("event_types=algorithm-release&limit=x", 8061),
        ("event_types=algorithm-release&since=never", 8061),
        ("event_types=algorithm-release&since=%00", 8061),
    ],
)
def test_what_cannot_be_asked_for(api: APIClient, query: str, refusal: int) -> None:
    assert code(api.get(f"{PATH}?{query}")) == (400, refusal)


def test_only_the_user_and_administrators_read_them(
    demo: User,
    member: APIClient,
    make_user: Callable[[str], User],
    api_of: Callable[..., APIClient],
) -> None:
    assert code(APIClient().get(BOTH)) == (401, 2002)
    assert member.get(BOTH).status_code == 404
    assert api_of(demo, Scopes(("algo://*",))).get(BOTH).status_code == 403
    assert administrator_client(make_user("root")).get(BOTH).json() == []
    for name in ("a%00b", "x" * 3000, "00000000-0000-0000-0000-000000000000"):
        assert member.get(f"/v1/users/{name}/notifications").status_code == 404
    browser = Client()
    browser.force_login(demo)
    assert browser.get(BOTH).json() == []


def test_owners_are_asked_for_approval_and_members_told_what_they_said(
    organization: Organization, demo: User, guest: User, api: APIClient, member: APIClient
) -> None:
    make_build(make_algorithm(organization.account))
    publish(member, "public")
    (asked,) = (each for each in told(demo) if each[0] == "approval-asked")
    assert asked[1] == "guest asks to publish makers/Hello 0.1.0 for everybody."
    assert asked[2] == "/organizations/makers/approvals"
    body = {"comment": "Well done."}
    answer = api.post("/v1/algorithms/makers/Hello/versions/0.1.0/approve", body, format="json")
    assert answer.status_code == 200, answer.content
    decided = told(guest)[-1]
    assert decided[0] == "approval-decided"
    assert "makers/Hello 0.1.0 is approved" in decided[1] and "says demo." in decided[1]
    assert "approval-decided" not in kinds(demo)


def test_who_is_invited_is_told(organization: Organization, demo: User, make_user: Any) -> None:
    someone = make_user("someone")
    invite(organization=organization, inviter=demo, username="someone")
    invite(organization=organization, inviter=demo, email="guest@example.com")
    assert told(someone) == [
        ("invitation", "demo invites you to join makers.", "/user/invitations")
    ]
    assert Notification.objects.filter(kind="invitation").count() == 1


def failed_build(algorithm: Algorithm, by: User) -> Build:
    with acting(Actor("standard key", Via.GIT, by.pk, by.username)):
        row = start_build(algorithm=algorithm, commit_sha="a" * 40)
    taken = take_build(row.pk)
    assert taken is not None
    fail(taken, "compiling ended with exit code 1")
    return taken


def test_owners_are_told_of_builds_of_others_that_failed(
    organization: Organization, demo: User, guest: User
) -> None:
    algorithm = make_algorithm(organization.account)
    Notification.objects.all().delete()
    failed_build(algorithm, demo)
    assert kinds(demo) == []
    build = failed_build(algorithm, guest)
    failed_build(algorithm, guest)
    text = "The build of makers/Hello at aaaaaaaa has failed: compiling ended with exit code 1."
    assert told(demo) == [
        ("build-failed", text, f"/algorithms/makers/Hello/builds/{build.pk}"),
    ]
    assert kinds(guest) == []


def test_who_pushes_is_noted_with_the_build(organization: Organization, guest: User) -> None:
    algorithm = make_algorithm(organization.account)
    with acting(Actor("standard key", Via.GIT, guest.pk, guest.username)):
        assert start_build(algorithm=algorithm, commit_sha="b" * 40).requested_by == guest.pk
    assert start_build(algorithm=algorithm, commit_sha="c" * 40).requested_by is None


def test_callers_are_told_of_what_was_given_up(
    demo: User, python_environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for task in (run_queued_calls_task, deliver_webhooks_task):
        monkeypatch.setattr(task, "delay", lambda: None)
    make_version(make_algorithm(demo))
    options = {"retries": 0, "webhook": "https://hooks.example.com/x"}
    call = make_queued_call(principal_of_user(demo), **options)
    (taken,) = take_calls(1)
    ended = Settlement(None, "", 0.1, error="no", error_type="AlgorithmError")
    AsyncCall.objects.update(attempts_allowed=2, tries=2)
    assert settle(taken.pk, taken.attempt, ended)
    (dead,) = told(demo)
    assert dead[0] == "call-dead" and f"req-{call.pk}" in dead[1]
    (delivery,) = webhooks.take_deliveries(1)
    gone = webhooks.Attempted(410, 0.1, "the receiver answered 410")
    assert webhooks.settle(delivery.pk, delivery.attempt, gone)
    assert told(demo)[-1] == (
        "webhook-failed",
        "A webhook to hooks.example.com is not sent any more: the receiver answered 410.",
        "",
    )
