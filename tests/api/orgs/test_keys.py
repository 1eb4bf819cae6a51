"""Keys of users and organizations under /v1, for administrators."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from algoport.accounts.models import ApiKey, User
from orgs.models import Organization
from tests.factories.accounts import administrator_client, principal_of_key
from tests.factories.organizations import make_organization

pytestmark = pytest.mark.django_db

OWN = "/v1/users/guest/keys"
ADMINISTERED = "/v1/admin/users/guest/keys"
OF_MEMBER = "/v1/organizations/makers/members/guest/keys"
OF_ORGANIZATION = "/v1/organizations/makers/keys"
PERMISSIONS = {
    "algo_acl": ["algo://*"],
    "allow_algo_management": False,
    "allow_algo": True,
    "allow_web_algo": False,
    "referer_host": "",
    "allow_data": True,
    "allow_data_write": False,
}
BODY = {"key_label": "laptop", "key_type": "AlgorithmKey", "permissions": PERMISSIONS}
TAKEN_OVER = "simAbCdEfGhIjKlMnOpQrSt+/1234"


@pytest.fixture
def administrator(make_user: Callable[[str], User]) -> APIClient:
    return administrator_client(make_user("admin"))


@pytest.fixture
def guest(make_user: Callable[[str], User]) -> User:
    return make_user("guest")


@pytest.fixture(autouse=True)
def makers(demo: User, guest: User) -> Organization:
    return make_organization("makers", demo, guest)


def client_of(secret: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Simple {secret}")
    return client


def code(answer: Any) -> tuple[int, int]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize(
    ("url", "status", "owner"),
    [
        (OWN, 200, "guest"),
        (ADMINISTERED, 200, "guest"),
        (OF_MEMBER, 201, "guest"),
        (OF_ORGANIZATION, 200, "makers"),
    ],
)
def test_a_key_is_told_once_and_works(
    administrator: APIClient, url: str, status: int, owner: str
) -> None:
    answer = administrator.post(url, BODY, format="json")
    assert answer.status_code == status
    made = answer.json()
    assert made | BODY == made
    assert (made["username"], made["owner_name"]) == (owner, owner)
    assert made["api_key"].startswith("sim") and made["api_key"] != made["api_key_mask"]
    assert client_of(made["api_key"]).get("/v1/organization/types").status_code == 200
    if url != OF_MEMBER:
        (listed,) = administrator.get(url).json()
        assert listed == made | {"api_key": made["api_key_mask"]}
    principal = principal_of_key(ApiKey.objects.get(owner__username=owner))
    assert (principal.username, principal.scopes.data_write) == (owner, False)


def test_a_key_may_do_nothing_that_was_not_said(administrator: APIClient) -> None:
    administrator.post(OWN, {"key_label": "bare"}, format="json")
    scopes = principal_of_key(ApiKey.objects.get(label="bare")).scopes
    assert scopes == type(scopes)()


def test_a_key_that_clients_have_already_is_taken_over(administrator: APIClient) -> None:
    body = BODY | {"api_key": TAKEN_OVER}
    assert administrator.post(ADMINISTERED, body, format="json").json()["api_key"] == TAKEN_OVER
    assert client_of(TAKEN_OVER).get("/v1/organization/types").status_code == 200
    assert code(administrator.post(OF_ORGANIZATION, body, format="json")) == (409, 6001)


@pytest.mark.parametrize(
    "changes",
    [
        {"key_label": ""},
        {"key_type": "king"},
        {"key_type": "PlatformAdminKey"},
        {"key_type": "ManagementKey"},
        {"permissions": {"algo_acl": ["everything"]}},
        {"permissions": {"allow_data": "often"}},
        {"api_key": "simshort"},
        {"api_key": "xyzAbCdEfGhIjKlMnOpQrSt+/1234"},
        {"api_key": "sim" + "a" * 25 + "\n"},
    ],
)
def test_what_cannot_be_made(administrator: APIClient, changes: dict[str, Any]) -> None:
    before = ApiKey.objects.count()
    assert code(administrator.post(OWN, BODY | changes, format="json")) == (400, 6001)
    assert ApiKey.objects.count() == before


def test_strangers_of_an_organization_get_no_key_of_it(
    administrator: APIClient, make_user: Callable[[str], User]
) -> None:
    make_user("stranger")
    for name in ("stranger", "nobody"):
        answer = administrator.post(OF_MEMBER.replace("guest", name), BODY, format="json")
        assert code(answer) == (404, 3000)


def test_only_administrators_make_and_see_the_keys_of_others(
    api_of: Callable[..., APIClient], demo: User, guest: User
) -> None:
    for client in (api_of(demo), api_of(guest)):
        for url in (ADMINISTERED, OF_ORGANIZATION):
            assert client.get(url).status_code == 403
        for url in (ADMINISTERED, OF_MEMBER, OF_ORGANIZATION):
            assert client.post(url, BODY, format="json").status_code == 403
    assert code(api_of(demo).get(OWN)) == (404, 3000)
    assert code(api_of(demo).post(OWN, BODY, format="json")) == (404, 3000)
    assert APIClient().get(OWN).status_code == 401
