"""The start page, as visitors, newcomers and others find it."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from algoport.accounts.models import User
from algoport.accounts.services import create_default_key
from algorithms.constants import BuildState, CallKind
from algorithms.models import Algorithm, CallRecord, Environment
from tests.factories.algorithms import make_algorithm, make_build, make_version
from tests.factories.organizations import make_organization

pytestmark = pytest.mark.django_db

ASKS = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "part"}


@pytest.fixture
def browser(client: Client, demo: User, python_environment: Environment) -> Client:
    client.force_login(demo)
    return client


def page_of(client: Client, path: str = "/", **headers: Any) -> str:
    answer = client.get(path, **headers)
    assert answer.status_code == 200
    return str(answer.content.decode())


def make_call(caller: User, algorithm: Algorithm, **fields: Any) -> CallRecord:
    values: dict[str, Any] = {
        "request_id": uuid.uuid4(),
        "session_id": uuid.uuid4(),
        "caller_id": caller.pk,
        "algorithm_id": algorithm.pk,
        "build_id": uuid.uuid4(),
        "version": "0.1.0",
        "kind": CallKind.values[0],
        "started_at": timezone.now(),
        "total_seconds": 0.2,
        "queue_seconds": 0,
        "start_seconds": 0,
        "load_seconds": 0,
        "run_seconds": 0.125,
        "status": 200,
        "bytes_in": 1,
        "bytes_out": 1,
    }
    return CallRecord.objects.create(**(values | fields))


def test_visitors_are_told_what_this_is(client: Client) -> None:
    page = page_of(client)
    assert "/signup" in page and "/signin" in page and "curl http://127.0.0.1:8080/v1/algo" in page


def test_the_first_steps_follow_what_is_done(browser: Client, demo: User) -> None:
    assert "Make a key" in page_of(browser)
    create_default_key(owner=demo)
    page = page_of(browser)
    assert "Make a key" not in page and page.count(">done<") == 1
    algorithm = make_algorithm(demo)
    assert "/git/demo/Hello.git" in page_of(browser)
    build = make_build(algorithm, BuildState.IN_PROGRESS)
    assert "It is being built" in page_of(browser)
    build.delete()
    make_build(algorithm, BuildState.FAILED)
    assert "The last build failed" in page_of(browser)
    build = make_build(algorithm)
    assert f"/v1/algo/demo/Hello/{build.commit_sha} " in page_of(browser)
    make_version(algorithm, "private")
    assert "/v1/algo/demo/Hello \\" in page_of(browser)
    make_call(demo, algorithm)
    assert "Your last calls" in page_of(browser)


def test_the_page_asks_for_news(browser: Client, demo: User) -> None:
    answer = browser.get("/?seen=other", **ASKS)
    assert answer.status_code == 200 and "<html" not in answer.content.decode()
    assert browser.get("/?seen=key--False", **ASKS).status_code == 204
    create_default_key(owner=demo)
    answer = browser.get("/?seen=key--False", **ASKS)
    assert "You have a key" in answer["HX-Trigger"]
    make_call(demo, make_algorithm(demo))
    answer = browser.get("/?seen=algorithm--False", **ASKS)
    assert (answer.status_code, answer["HX-Refresh"]) == (204, "true")


def test_the_desk_shows_ones_own_and_no_other(
    browser: Client, demo: User, make_user: Callable[[str], User]
) -> None:
    guest = make_user("guest")
    make_call(demo, make_algorithm(demo, "Mine"))
    team = make_organization("Team", guest, demo)
    make_version(make_algorithm(team.account, "Ours"), "private")
    theirs = make_algorithm(guest, "Theirs")
    make_call(guest, theirs)
    make_call(demo, theirs, error_type="<i>Bad", status=400)
    page = page_of(browser)
    assert "demo/Mine" in page and "Team/Ours" in page and "0.1.0" in page
    # Called once, and not to be seen any more.
    assert "guest/Theirs" not in page and "an algorithm that is gone" in page
    assert "&lt;i&gt;Bad" in page and "<i>Bad" not in page


def test_the_desk_takes_as_many_queries_for_many_as_for_few(browser: Client, demo: User) -> None:
    def fill(number: int) -> None:
        for _ in range(number):
            algorithm = make_algorithm(demo, f"A{Algorithm.objects.count()}")
            make_version(algorithm)
            make_call(demo, algorithm)

    fill(1)
    page_of(browser)
    with CaptureQueriesContext(connection) as few:
        page_of(browser)
    fill(11)
    with CaptureQueriesContext(connection) as many:
        page_of(browser)
    assert len(many) == len(few) <= 17
