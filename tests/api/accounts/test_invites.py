"""Invite codes under /v1/admin/invites, for administrators."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from algoport.accounts.errors import InvalidInviteCode
from algoport.accounts.invite_codes import check_code, use_code
from algoport.accounts.models import InviteCode, User
from tests.factories.accounts import administrator_client

pytestmark = pytest.mark.django_db

URL = "/v1/admin/invites"


@pytest.fixture
def administrator(make_user: Callable[[str], User]) -> APIClient:
    return administrator_client(make_user("admin"))


def code(answer: Any) -> tuple[int, int]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_code_is_made_listed_and_deleted(administrator: APIClient) -> None:
    expires = (timezone.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    sent = {"inviteCode": "come-in", "signupCredits": 7, "comments": "x", "expiresAt": expires}
    made = administrator.post(URL, sent, format="json")
    assert made.status_code == 200
    (listed,) = administrator.get(URL).json()
    assert listed == made.json()
    assert listed.items() >= (sent | {"createdBy": "admin", "uses": 0, "maxUses": None}).items()
    assert "come-in" not in InviteCode.objects.get().sealed
    check_code("come-in")
    assert administrator.delete(f"{URL}/come-in").status_code == 200
    assert administrator.get(URL).json() == []
    assert code(administrator.delete(f"{URL}/come-in")) == (400, 6001)
    with pytest.raises(InvalidInviteCode):
        check_code("come-in")


@pytest.mark.parametrize(
    "changes",
    [
        {"inviteCode": ""},
        {"inviteCode": "two words"},
        {"inviteCode": "a/b"},
        {"inviteCode": "a\x00"},
        {"inviteCode": "x" * 101},
        {"inviteCode": "TAKEN"},
        {"signupCredits": -1},
        {"signupCredits": 2**31},
        {"maxUses": 0},
        {"comments": "x" * 1001},
        {"expiresAt": "soon"},
        {"expiresAt": "2001-01-01T00:00:00Z"},
    ],
)
def test_what_cannot_be_made(administrator: APIClient, changes: dict[str, Any]) -> None:
    administrator.post(URL, {"inviteCode": "TAKEN"}, format="json")
    answer = administrator.post(URL, {"inviteCode": "new"} | changes, format="json")
    assert code(answer) == (400, 6001)
    assert InviteCode.objects.count() == 1


def test_codes_end(administrator: APIClient) -> None:
    administrator.post(URL, {"inviteCode": "twice", "maxUses": 2}, format="json")
    for _ in range(2):
        use_code("twice")
    with pytest.raises(InvalidInviteCode):
        use_code("twice")
    assert administrator.get(URL).json()[0]["uses"] == 2
    administrator.post(URL, {"inviteCode": "old"}, format="json")
    check_code("old")
    InviteCode.objects.update(expires_at=timezone.now())
    with pytest.raises(InvalidInviteCode):
        check_code("old")


def test_only_administrators_see_codes(api: APIClient) -> None:
    for answer in (
        api.get(URL),
        api.post(URL, {"inviteCode": "new"}, format="json"),
        api.delete(f"{URL}/new"),
    ):
        assert code(answer) == (403, 2001)
    assert APIClient().get(URL).status_code == 401
