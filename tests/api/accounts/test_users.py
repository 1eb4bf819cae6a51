"""Accounts under /v1/users, for administrators."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from algoport.accounts.models import User
from tests.factories.accounts import administrator_client

pytestmark = pytest.mark.django_db

URL = "/v1/users"
BODY = {
    "company_name": "Makers",
    "company_role": "Engineer",
    "email": "guest@example.com",
    "fullname": "A guest",
    "username": "Guest",
}


@pytest.fixture
def administrator(make_user: Callable[[str], User]) -> APIClient:
    return administrator_client(make_user("admin"))


def code(answer: Any) -> tuple[int, int]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_user_is_made_seen_changed_and_deleted(administrator: APIClient) -> None:
    made = administrator.post(URL, BODY, format="json")
    assert made.status_code == 200
    body = made.json()
    user = User.objects.get(username="Guest")
    link = "http://testserver/v1/users/Guest"
    assert body == BODY | {"id": str(user.id), "resource_type": "user", "self_link": link}
    assert administrator.get(f"{URL}/guest").json() == body
    assert body in administrator.get(URL).json()["results"]
    changed = administrator.put(f"{URL}/guest", BODY | {"fullname": "Other"}, format="json")
    assert changed.json() == body | {"fullname": "Other"}
    assert administrator.delete(f"{URL}/guest").status_code == 204
    assert code(administrator.get(f"{URL}/guest")) == (404, 3000)
    assert len(administrator.get(URL).json()["results"]) == 1


def test_fields_that_clients_send_besides_are_not_looked_at(administrator: APIClient) -> None:
    sent = {
        "username": "guest",
        "email": "guest@example.com",
        "passwordHash": "",
        "shouldCreateHello": False,
    }
    assert administrator.post(URL, sent, format="json").status_code == 200
    user = User.objects.get(username="guest")
    assert not user.has_usable_password() and user.fullname == "" and not user.is_staff


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"username": ""}, (400, 3005)),
        ({"email": None}, (400, 3005)),
        ({"username": "no spaces"}, (400, 6001)),
        ({"username": "a" * 31}, (400, 6001)),
        ({"email": "nobody"}, (400, 6001)),
        ({"fullname": "x" * 101}, (400, 6001)),
        ({"username": "ADMIN"}, (409, 3003)),
        ({"email": "ADMIN@example.com"}, (409, 3004)),
    ],
)
def test_what_cannot_be_made(
    administrator: APIClient, changes: dict[str, Any], refusal: object
) -> None:
    assert code(administrator.post(URL, BODY | changes, format="json")) == refusal
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [({"username": "other"}, (400, 3007)), ({"email": "other@example.com"}, (400, 3008))],
)
def test_what_cannot_be_changed(
    administrator: APIClient, changes: dict[str, str], refusal: object
) -> None:
    administrator.post(URL, BODY, format="json")
    answer = administrator.put(f"{URL}/guest", BODY | {"fullname": "x"} | changes, format="json")
    assert code(answer) == refusal
    assert User.objects.get(username="Guest").fullname == "A guest"


def test_a_deleted_users_name_address_and_keys_are_dead(
    administrator: APIClient, make_user: Callable[[str], User], api_of: Callable[..., APIClient]
) -> None:
    client = api_of(make_user("guest"))
    assert client.get("/v1/organization/types").status_code == 200
    administrator.delete(f"{URL}/guest")
    assert client.get("/v1/organization/types").status_code == 401
    assert code(administrator.post(URL, BODY, format="json")) == (409, 3003)
    other = BODY | {"username": "other"}
    assert code(administrator.post(URL, other, format="json")) == (409, 3004)


def test_somebody_always_administers(
    administrator: APIClient, make_user: Callable[[str], User]
) -> None:
    assert code(administrator.delete(f"{URL}/admin")) == (400, 6001)
    administrator_client(make_user("another"))
    assert administrator.delete(f"{URL}/another").status_code == 204
    assert User.objects.get(username="admin").is_active


def test_only_administrators_see_accounts(api: APIClient) -> None:
    for answer in (
        api.get(URL),
        api.post(URL, BODY, format="json"),
        api.get(f"{URL}/demo"),
        api.put(f"{URL}/demo", BODY, format="json"),
        api.delete(f"{URL}/demo"),
    ):
        assert code(answer) == (403, 2001)
    assert User.objects.get().is_active
