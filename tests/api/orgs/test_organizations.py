"""Organizations, their types and their members under /v1."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from algoport.accounts.models import ApiKey, Membership, User
from algoport.accounts.permissions import Scopes
from orgs.models import Organization, OrganizationType
from tests.factories.accounts import administrator_client, principal_of_key

pytestmark = pytest.mark.django_db

URL = "/v1/organizations"
BODY = {
    "org_name": "Makers",
    "org_label": "The makers",
    "org_contact_name": "demo",
    "org_email": "makers@example.com",
    "org_url": "https://example.com",
}


@pytest.fixture(autouse=True)
def types(db: None) -> None:
    """Tests with real transactions empty the tables."""
    for name in ("basic", "legacy", "pro"):
        OrganizationType.objects.get_or_create(name=name)


@pytest.fixture
def administrator(make_user: Callable[[str], User]) -> APIClient:
    return administrator_client(make_user("admin"))


@pytest.fixture
def makers(administrator: APIClient) -> Organization:
    assert administrator.post(URL, BODY, format="json").status_code == 200
    return Organization.objects.get()


def code(answer: Any) -> tuple[int, int]:
    return answer.status_code, answer.json()["error"]["code"]


def add(client: APIClient, username: str, **body: str) -> int:
    answer = client.put(f"{URL}/makers/members/{username}", body, format="json")
    return int(answer.status_code)


def test_an_organization_as_its_creator_made_it(administrator: APIClient) -> None:
    made = administrator.post(URL, BODY, format="json")
    assert made.status_code == 200
    body = made.json()
    basic = OrganizationType.objects.get(name="basic")
    assert body | BODY == body
    assert body["resource_type"] == "organization"
    assert body["self_link"] == "http://testserver/v1/organizations/Makers"
    assert body["type_id"] == str(basic.pk)
    assert administrator.get(f"{URL}/makers").json() == body
    listed = administrator.get(URL).json()
    assert listed == {"marker": None, "next_link": None, "results": [body]}
    (member,) = administrator.get(f"{URL}/makers/members").json()["results"]
    assert member == {
        "username": "admin",
        "role": "owner",
        "user_link": "http://testserver/v1/users/admin",
        "resource_type": "organization_member",
    }


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"org_label": ""}, (400, 3005)),
        ({"org_name": None}, (400, 3005)),
        ({"org_contact_name": None}, (400, 3005)),
        ({"org_email": None}, (400, 3005)),
        ({"org_name": "two words"}, (400, 6001)),
        ({"org_name": "a" * 31}, (400, 6001)),
        ({"org_email": "nobody"}, (400, 6001)),
        ({"org_label": "x" * 101}, (400, 6001)),
        ({"type_id": "basic"}, (400, 6001)),
        ({"type_id": "6b1d3a5e-5d0c-4c5e-9a53-7f1f3f6f7a11"}, (400, 3108)),
        ({"external_admin_group": 7}, (400, 6001)),
        ({"org_name": "externalId"}, (400, 6001)),
        ({"org_name": "ADMIN"}, (409, 3104)),
        ({"org_name": "makers"}, (409, 3101)),
    ],
)
def test_what_cannot_be_made(
    administrator: APIClient, makers: Organization, changes: dict[str, Any], refusal: object
) -> None:
    answer = administrator.post(URL, BODY | {"org_name": "other"} | changes, format="json")
    assert code(answer) == refusal
    assert Organization.objects.count() == 1
    assert User.objects.filter(kind="organization").count() == 1


def test_an_organization_is_changed(administrator: APIClient, makers: Organization) -> None:
    pro = OrganizationType.objects.get(name="pro")
    changes = {
        "org_label": "Others",
        "org_email": "others@example.com",
        "type_id": str(pro.pk),
        "external_admin_group": "one, two",
        "external_member_group": ["three"],
        "external_id": "idp-7",
    }
    answer = administrator.put(f"{URL}/makers", BODY | changes, format="json")
    assert (answer.status_code, answer.content) == (204, b"")
    body = administrator.get(f"{URL}/makers").json()
    assert body["org_name"] == "Makers"
    assert body["external_admin_group"] == ["one", "two"]
    assert body | changes | {"external_admin_group": ["one", "two"]} == body
    assert administrator.get(f"{URL}/externalId/idp-7").json() == body
    assert code(administrator.get(f"{URL}/externalId/other")) == (404, 3100)


def test_a_deleted_organization_is_gone_and_its_name_stays_taken(
    administrator: APIClient, makers: Organization, demo: User, api_of: Callable[..., APIClient]
) -> None:
    add(administrator, "demo")
    client = api_of(demo)
    key = ApiKey.objects.get(owner=demo)
    assert client.get(f"{URL}/makers").status_code == 200
    assert administrator.delete(f"{URL}/makers").status_code == 204
    assert principal_of_key(key).member_of == frozenset()
    for asking in (client, administrator):
        assert code(asking.get(f"{URL}/makers")) == (404, 3100)
    assert administrator.get(URL).json()["results"] == []
    assert code(administrator.post(URL, BODY, format="json")) == (409, 3101)


def test_members_come_change_and_go(
    administrator: APIClient, makers: Organization, demo: User
) -> None:
    assert add(administrator, "DEMO") == 201
    assert add(administrator, "demo") == 200
    roles = {row.user.username: row.role for row in Membership.objects.all()}
    assert roles == {"admin": "owner", "demo": "member"}
    assert add(administrator, "demo", role="owner") == 200
    assert add(administrator, "demo") == 200
    assert Membership.objects.get(user=demo).role == "owner"
    assert add(administrator, "demo", role="king") == 400
    assert add(administrator, "nobody") == 404
    # An organization is in no other one.
    assert add(administrator, "makers") == 404
    for username in ("demo", "demo", "nobody"):
        answer = administrator.delete(f"{URL}/makers/members/{username}")
        assert (answer.status_code, answer.content) == (204, b"")
    assert [row.user.username for row in Membership.objects.all()] == ["admin"]


def test_somebody_always_owns_it(
    administrator: APIClient,
    makers: Organization,
    demo: User,
    make_user: Callable[[str], User],
) -> None:
    add(administrator, "demo")
    # The last administrator could not be deleted either.
    administrator_client(make_user("another"))
    for refused in (
        administrator.delete(f"{URL}/makers/members/admin"),
        administrator.put(f"{URL}/makers/members/admin", {"role": "member"}, format="json"),
        administrator.delete("/v1/users/admin"),
    ):
        assert code(refused) == (409, 3102)
    assert Membership.objects.get(role="owner").user.is_active
    add(administrator, "demo", role="owner")
    assert administrator.delete(f"{URL}/makers/members/admin").status_code == 204


def test_who_may_do_what(
    administrator: APIClient,
    makers: Organization,
    make_user: Callable[[str], User],
    api_of: Callable[..., APIClient],
) -> None:
    owner, member, stranger = (make_user(name) for name in ("owner", "member", "stranger"))
    add(administrator, "owner", role="owner")
    add(administrator, "member")
    clients = {
        "owner": api_of(owner),
        "owner who may not manage": api_of(owner, Scopes(data_read=True)),
        "member": api_of(member),
        "stranger": api_of(stranger),
        "nobody": APIClient(),
    }
    asked = {
        "see": lambda client: client.get(f"{URL}/makers"),
        "see members": lambda client: client.get(f"{URL}/makers/members"),
        "change": lambda client: client.put(f"{URL}/makers", BODY, format="json"),
        "add": lambda client: client.put(f"{URL}/makers/members/stranger", {}, format="json"),
        "remove": lambda client: client.delete(f"{URL}/makers/members/stranger"),
        "list all": lambda client: client.get(URL),
        "make": lambda client: client.post(URL, BODY | {"org_name": "x"}, format="json"),
        "make a type": lambda client: client.post(
            "/v1/organization/types", {"name": "x"}, format="json"
        ),
    }
    found = {
        who: {what: ask(client).status_code for what, ask in asked.items()}
        for who, client in clients.items()
    }
    refused = dict.fromkeys(("list all", "make", "make a type"), 403)
    seeing = {"see": 200, "see members": 200}
    managing = dict.fromkeys(("change", "add", "remove"), 403)
    hidden = dict.fromkeys((*seeing, *managing), 404)
    assert found == {
        "owner": seeing | {"change": 204, "add": 201, "remove": 204} | refused,
        "owner who may not manage": seeing | managing | refused,
        "member": seeing | managing | refused,
        "stranger": hidden | refused,
        "nobody": dict.fromkeys(asked, 401),
    }


def test_types(administrator: APIClient, api: APIClient, makers: Organization) -> None:
    types = "/v1/organization/types"
    assert [each["name"] for each in api.get(types).json()] == ["basic", "legacy", "pro"]
    made = administrator.post(types, {"name": "team"}, format="json").json()
    assert made in api.get(types).json()
    assert administrator.post(types, {"name": "TEAM"}, format="json").status_code == 409
    assert administrator.delete(f"{types}/basic").status_code == 409
    for name in ("team", "team"):
        assert administrator.delete(f"{types}/{name}").status_code == 204
    assert made not in api.get(types).json()


def test_lists_take_few_queries(administrator: APIClient, makers: Organization) -> None:
    basic = OrganizationType.objects.get(name="basic")
    for number in range(60):
        account = User.objects.create(
            username=f"o{number}", email="o@example.com", kind="organization"
        )
        Organization.objects.create(account=account, label="x", contact_name="x", type=basic)
        user = User.objects.create(username=f"u{number}", email=f"u{number}@example.com")
        Membership.objects.create(organization=makers.account, user=user)
    for url in (URL, f"{URL}/makers/members", "/v1/users"):
        seen: list[str] = []
        link: str | None = url
        while link is not None:
            with CaptureQueriesContext(connection) as queries:
                page = administrator.get(link).json()
            assert len(queries) <= 4
            seen += [str(each.get("org_name") or each["username"]) for each in page["results"]]
            link = page["next_link"]
        assert len(seen) == len(set(seen)) == 61
