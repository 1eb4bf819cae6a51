"""Keys of users and organizations under /v1, for administrators and owners."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from algoport.accounts.authentication import principal_of_user
from algoport.accounts.models import ApiKey, User
from algoport.accounts.permissions import EVERYTHING, Action, Scopes
from algoport.accounts.selectors import get_key_of, keys_of
from algoport.accounts.services import create_key, issue_key, revoke_key
from orgs.models import Organization
from orgs.selectors import get_organization_for
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
        assert client.get(ADMINISTERED).status_code == 403
        for url in (ADMINISTERED, OF_MEMBER):
            assert client.post(url, BODY, format="json").status_code == 403
    assert code(api_of(demo).get(OWN)) == (404, 3000)
    assert code(api_of(demo).post(OWN, BODY, format="json")) == (404, 3000)
    assert APIClient().get(OWN).status_code == 401


def test_an_owner_makes_sees_and_revokes_keys_of_the_organization(
    api_of: Callable[..., APIClient], demo: User
) -> None:
    client = api_of(demo)
    made = client.post(OF_ORGANIZATION, BODY, format="json").json()
    assert (made["username"], made["owner_name"]) == ("makers", "makers")
    assert client.get(OF_ORGANIZATION).json() == [made | {"api_key": made["api_key_mask"]}]
    theirs = client_of(made["api_key"])
    assert theirs.get("/v1/organizations/makers").status_code == 200
    url = f"{OF_ORGANIZATION}/{made['id']}"
    assert client.delete(url).status_code == 204
    assert theirs.get("/v1/organizations/makers").status_code == 401
    assert client.get(OF_ORGANIZATION).json() == []
    assert code(client.delete(url)) == (404, 6001)


def test_an_owner_does_so_in_a_browser(demo: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(demo)
    browser.get("/signout")
    headers = {"X-CSRFToken": browser.cookies["csrftoken"].value}
    made = browser.post(OF_ORGANIZATION, BODY, "application/json", headers=headers).json()
    assert [each["id"] for each in browser.get(OF_ORGANIZATION).json()] == [made["id"]]
    assert browser.delete(f"{OF_ORGANIZATION}/{made['id']}", headers=headers).status_code == 204


def test_nobody_else_has_to_do_with_keys_of_the_organization(
    api_of: Callable[..., APIClient], make_user: Callable[[str], User], demo: User, guest: User
) -> None:
    account = User.objects.get(username="makers")
    key = create_key(owner=account, label="x", scopes=EVERYTHING)
    clients = {
        # Keys of organizations are made by people: one that is lost makes no others.
        "the organization": (client_of(key.secret), 403),
        "a member": (api_of(guest), 403),
        "an owner's key that does not manage": (api_of(demo, Scopes(("algo://*",))), 403),
        "a stranger": (api_of(make_user("stranger")), 404),
    }
    for who, (client, status) in clients.items():
        for answer in (
            client.get(OF_ORGANIZATION),
            client.post(OF_ORGANIZATION, BODY, format="json"),
            client.delete(f"{OF_ORGANIZATION}/{key.row.pk}"),
        ):
            assert answer.status_code == status, who
    assert ApiKey.objects.get(owner=account).revoked_at is None


def test_an_owners_key_makes_none_that_may_more(
    api_of: Callable[..., APIClient], demo: User, guest: User
) -> None:
    client = api_of(demo, Scopes(("algo://makers/*",), management=True))
    for changes in (
        {"permissions": PERMISSIONS},
        {"key_type": "PlatformAdminKey", "permissions": {}},
        {"api_key": TAKEN_OVER, "permissions": {}},
    ):
        assert code(client.post(OF_ORGANIZATION, BODY | changes, format="json")) == (403, 2001)
    own = {"permissions": {"algo_acl": ["algo://makers/Hello"]}}
    assert client.post(OF_ORGANIZATION, BODY | own, format="json").status_code == 200
    # A key of one owner's is not revoked as the organization's.
    key = create_key(owner=guest, label="x", scopes=EVERYTHING).row
    assert code(client.delete(f"{OF_ORGANIZATION}/{key.pk}")) == (404, 6001)


def test_it_is_used_without_http(demo: User) -> None:
    """As pages do."""
    owner = principal_of_user(demo)
    action = Action.MANAGE_ORGANIZATION_KEYS
    account = get_organization_for(owner, "Makers", action).account
    made = issue_key(maker=owner, owner=account, label="laptop", scopes=EVERYTHING)
    assert keys_of(account) == [made.row] and get_key_of(account, made.row.pk) == made.row
    revoke_key(key=made.row)
    assert keys_of(account) == []
