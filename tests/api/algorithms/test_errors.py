"""The error log under /v1, and the feature that switches it on."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algoport.accounts.permissions import EVERYTHING, Scopes
from algoport.audit.models import AuditEntry
from algorithms.constants import MOST_ERRORS, FeatureName
from algorithms.features.switching import is_enabled, switch_of
from algorithms.metering.error_log import remove_old_errors
from algorithms.models import Algorithm, AlgorithmError
from tests.factories.algorithms import make_algorithm, make_error, make_version

pytestmark = pytest.mark.django_db

URL = "/v1/algorithms/demo/Hello/errors"
FEATURE = "/v1/admin/features/algorithm-errors"


@pytest.fixture
def algorithm(api: APIClient, demo: User) -> Algorithm:
    return make_algorithm(demo)


@pytest.fixture
def guest(make_user: Callable[[str], User]) -> User:
    return make_user("guest")


def test_the_owner_reads_the_failures_of_every_caller(
    api: APIClient, demo: User, guest: User, algorithm: Algorithm
) -> None:
    old, new = make_error(algorithm, demo, 60), make_error(algorithm, guest, stacktrace="")
    answer = api.get(URL)
    assert answer.status_code == 200
    assert answer.json() == [
        {
            "created_at": int(new.created_at.timestamp() * 1000),
            "request_id": f"req-{new.request_id}",
            "username": "demo",
            "algoname": "Hello",
            "algoversion": "1.2.3",
            "input": '"x"',
            "error": "error:\nbad input\nstacktrace:\nNone",
            "error_type": "InputError",
            "billable_to": "guest",
            "worker": "host",
        },
        answer.json()[1],
    ]
    second = answer.json()[1]
    assert second["request_id"] == f"req-{old.request_id}" and second["billable_to"] == "demo"
    assert second["error"] == "error:\nbad input\nstacktrace:\nSome(Traceback)"
    assert api.get(f"/v1/algorithms/{algorithm.pk}/errors").json() == answer.json()


def test_a_caller_reads_their_own_failures_without_closed_source(
    api: APIClient, api_of: Callable[..., APIClient], demo: User, guest: User, algorithm: Algorithm
) -> None:
    make_version(algorithm)
    make_error(algorithm, demo)
    mine = make_error(algorithm, guest)
    answer = api_of(guest).get(f"/v1/users/{guest.pk}/errors")
    assert [each["request_id"] for each in answer.json()] == [f"req-{mine.request_id}"]
    assert answer.json()[0]["error"] == "error:\nbad input\nstacktrace:\nNone"
    Algorithm.objects.update(source_visibility="open")
    answer = api_of(guest).get(f"/v1/users/{guest.pk}/errors")
    assert "Some(Traceback)" in answer.json()[0]["error"]


@pytest.mark.parametrize("public", [True, False])
def test_others_may_not_read(
    api_of: Callable[..., APIClient], guest: User, algorithm: Algorithm, public: bool
) -> None:
    if public:
        make_version(algorithm)
    for url, missing in ((URL, 1000), (f"/v1/algorithms/{algorithm.pk}/errors", 1009)):
        answer = api_of(guest).get(url)
        assert (answer.status_code, answer.json()["code"]) == (
            (403, 2001) if public else (404, missing)
        )


def test_what_may_not_be_read(
    api: APIClient,
    api_of: Callable[..., APIClient],
    administrator: APIClient,
    demo: User,
    guest: User,
    algorithm: Algorithm,
) -> None:
    calls_only = api_of(demo, Scopes(("algo://*",), native_calls=True))
    mine = f"/v1/users/{demo.pk}/errors"
    for client, url, status, code in (
        (calls_only, URL, 403, 2001),
        (calls_only, mine, 403, 2001),
        (administrator, mine, 404, 3000),
        (APIClient(), URL, 401, 2002),
        (api, f"/v1/users/{guest.pk}/errors", 404, 3000),
        (api, "/v1/users/demo/errors", 404, 3000),
        (api, f"/v1/algorithms/{uuid.uuid4()}/errors", 404, 1009),
        (api, "/v1/organizations/acme/errors", 404, 3100),
    ):
        answer = client.get(url)
        assert (answer.status_code, answer.json()["code"]) == (status, code), url


def test_a_week_and_two_hundred_entries_are_told_and_kept(
    api: APIClient, demo: User, guest: User, algorithm: Algorithm
) -> None:
    make_error(algorithm, guest, 7 * 86400 + 60)
    for number in range(MOST_ERRORS + 5):
        make_error(algorithm, guest, age=number)
    other = make_algorithm(demo, "Other")
    make_error(other, guest)
    gone = make_algorithm(demo, "Gone")
    make_error(gone, guest)
    gone.delete()
    with CaptureQueriesContext(connection) as queries:
        told = api.get(URL).json()
    assert len(told) == MOST_ERRORS and len(queries) <= 6
    moments = [each["created_at"] for each in told]
    assert moments == sorted(moments, reverse=True)
    remove_old_errors()
    assert api.get(URL).json() == told
    assert AlgorithmError.objects.count() == MOST_ERRORS + 1


def test_the_feature_is_off_until_it_is_switched_on(administrator: APIClient) -> None:
    off = [
        {"name": "algorithm-errors", "enabled": False},
        {"name": "dark-theme-enabled", "enabled": False},
    ]
    assert administrator.get("/v1/admin/features").json() == off
    for enabled in (True, True, False):
        answer = administrator.put(FEATURE, {"enabled": enabled}, format="json")
        assert answer.status_code == 204 and answer.content == b""
        assert is_enabled(FeatureName.ALGORITHM_ERRORS) is enabled
        told = administrator.get("/v1/admin/features").json()
        assert told == [{"name": "algorithm-errors", "enabled": enabled}, off[1]]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (FEATURE, {}, 400, 6001),
        (FEATURE, {"enabled": "perhaps"}, 400, 6001),
        ("/v1/admin/features/nothing", {"enabled": True}, 404, 5004),
        ("/v1/admin/features/x%00", {"enabled": True}, 404, 5004),
        (f"{FEATURE}?username=nobody", {"enabled": True}, 404, 3000),
        (f"{FEATURE}?username=x%00", {"enabled": True}, 404, 3000),
    ],
)
def test_switches_that_do_not_exist(
    administrator: APIClient, path: str, body: dict[str, Any], status: int, code: int
) -> None:
    answer = administrator.put(path, body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_an_account_may_have_it_another_way(
    api: APIClient, administrator: APIClient, demo: User, guest: User
) -> None:
    def enabled(query: str = "") -> bool:
        (first, _) = administrator.get(f"/v1/admin/features{query}").json()
        return bool(first["enabled"])

    path = f"{FEATURE}?username=Demo"
    for on in (False, True):
        assert administrator.put(path, {"enabled": on}, format="json").status_code == 204
    assert enabled("?username=demo") and not enabled() and not enabled("?username=guest")
    switch = switch_of(FeatureName.ALGORITHM_ERRORS)
    assert switch.is_on_for(demo.pk) and not switch.is_on_for(guest.pk)
    administrator.put(FEATURE, {"enabled": True}, format="json")
    administrator.put(path, {"enabled": False}, format="json")
    assert enabled() and enabled("?username=guest") and not enabled("?username=demo")
    switch = switch_of(FeatureName.ALGORITHM_ERRORS)
    assert switch.is_on_for(guest.pk) and not switch.is_on_for(demo.pk)
    assert administrator.get("/v1/admin/features?username=nobody").json()["code"] == 3000
    entries = AuditEntry.objects.filter(action="feature.switch").order_by("number")
    assert [(entry.target_name, entry.owner_id) for entry in entries] == [
        ("algorithm-errors of demo", demo.pk),
        ("algorithm-errors of demo", demo.pk),
        ("algorithm-errors", None),
        ("algorithm-errors of demo", demo.pk),
    ]


def test_only_admin_keys_switch(
    api: APIClient, api_of: Callable[..., APIClient], administrator: APIClient
) -> None:
    staff = api_of(User.objects.get(username="root"), EVERYTHING)
    for client, status in ((api, 403), (staff, 403), (APIClient(), 401)):
        assert client.get("/v1/admin/features").status_code == status
        assert client.put(FEATURE, {"enabled": True}, format="json").status_code == status
    assert not is_enabled(FeatureName.ALGORITHM_ERRORS)
