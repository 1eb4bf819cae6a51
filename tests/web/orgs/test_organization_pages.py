"""The pages of organizations: made, seen, changed, ended; their keys."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from algoport.accounts.models import ApiKey, Membership, User
from algoport.audit.models import AuditEntry
from orgs.constants import MOST_OWNED
from orgs.models import Organization
from tests.factories.organizations import make_organization

pytestmark = pytest.mark.django_db

FORM = {
    "name": "Lab",
    "label": "<b>The lab",
    "contact_name": "demo",
    "email": "lab@example.com",
    "url": "javascript:alert(1)",
}
OWNERS = ("invitations", "invitations/new", "keys", "keys/new", "reports", "settings", "delete")
MEMBERS = ("", "/members", "/approvals")


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def acts() -> list[str]:
    rows = AuditEntry.objects.filter(via="web").order_by("number")
    return list(rows.values_list("action", flat=True))


def test_an_organization_is_made_and_its_maker_owns_it(owner: Client, demo: User) -> None:
    assert "You are in no organization" in text_of(owner.get("/organizations"))
    assert 'value="demo@example.com"' in text_of(owner.get("/organizations/new"))
    answer = owner.post("/organizations/new", FORM, follow=True)
    assert answer.redirect_chain == [("/organizations/Lab", 302)]
    page = text_of(answer)
    assert "&lt;b&gt;The lab" in page and "<b>The" not in page
    assert 'href="javascript' not in page and "javascript:alert(1)" in page
    assert Membership.objects.get(user=demo).role == "owner"
    assert "/organizations/Lab" in text_of(owner.get("/organizations?q=LAB&role=owner"))
    assert "Nothing found" in text_of(owner.get("/organizations?role=member"))
    assert acts() == ["organization.create"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "guest"}, "There is, or was"),
        ({"name": "TEAM"}, "There is, or was"),
        ({"name": "no spaces"}, "starts with a letter"),
        ({"name": "new"}, "not a name for an organization"),
        ({"email": "nobody"}, "not an e-mail address"),
        ({"label": "x" * 101}, "at most 100"),
        ({"contact_name": "a\x00b"}, "Null characters"),
    ],
)
def test_one_that_cannot_be_is_refused(
    owner: Client, team: Organization, changes: dict[str, str], said: str
) -> None:
    answer = owner.post("/organizations/new", FORM | changes)
    assert answer.status_code == 422 and said in text_of(answer)
    assert Organization.objects.count() == 1


def test_nobody_owns_more_than_so_many(owner: Client, demo: User, team: Organization) -> None:
    accounts = User.objects.bulk_create(
        User(username=f"o{n}", email="o@example.com", kind="organization")
        for n in range(MOST_OWNED - 1)
    )
    Membership.objects.bulk_create(
        Membership(organization=each, user=demo, role="owner") for each in accounts
    )
    answer = owner.post("/organizations/new", FORM)
    assert answer.status_code == 422 and "at most 50 organizations" in text_of(answer)


def test_who_sees_which_pages(
    owner: Client, member: Client, stranger: Client, team: Organization
) -> None:
    for path in [f"/organizations/Team{each}" for each in MEMBERS]:
        assert owner.get(path).status_code == member.get(path).status_code == 200, path
        assert stranger.get(path).status_code == 404, path
        assert Client().get(path)["Location"] == f"/signin?next={path}"
    for path in [f"/organizations/Team/{each}" for each in OWNERS]:
        assert owner.get(path).status_code == 200, path
        assert member.get(path).status_code == 403, path
        assert stranger.get(path).status_code == 404, path
    page = text_of(member.get("/organizations/Team/members"))
    assert not any(f'"/organizations/Team/{each}"' in page for each in OWNERS)
    assert "Remove" not in page and "<select" in page  # The filter of roles, and no other.
    assert "Role of" not in page
    assert stranger.get("/organizations/%00").status_code == 404


def test_settings_are_saved_and_what_is_not_asked_stays(owner: Client, team: Organization) -> None:
    team.external_admin_group = ["bosses"]
    team.save()
    given = FORM | {"label": "Other", "url": "https://example.com/"}
    assert owner.post("/organizations/Team/settings", given).status_code == 302
    team.refresh_from_db()
    assert (team.label, team.external_admin_group) == ("Other", ["bosses"])
    assert 'href="https://example.com/" rel="nofollow' in text_of(owner.get("/organizations/Team"))
    assert owner.post("/organizations/Team/settings", given | {"email": "x"}).status_code == 422
    assert acts() == ["organization.update"]


def test_one_is_deleted_by_its_name(owner: Client, member: Client, team: Organization) -> None:
    page = "/organizations/Team/delete"
    assert member.post(page, {"name": "Team"}).status_code == 403
    assert owner.post(page, {"name": "team"}).status_code == 422
    assert "has ended" in text_of(owner.post(page, {"name": "Team"}, follow=True))
    assert owner.get("/organizations/Team").status_code == 404
    assert "Team" not in text_of(member.get("/organizations"))
    assert acts() == ["organization.delete"]


def test_keys_of_an_organization(owner: Client, member: Client, team: Organization) -> None:
    form = {"label": "service", "calls": "all", "programs": "on", "data": "none"}
    page = "/organizations/Team/keys"
    assert member.post(f"{page}/new", form).status_code == 403
    answer = owner.post(f"{page}/new", form, follow=True)
    found = re.search(r"sim[A-Za-z0-9+/]{25}", text_of(answer))
    assert found is not None and answer.redirect_chain == [(f"{page}/made", 302)]
    assert owner.get(f"{page}/made")["Location"] == page
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Simple {found[0]}")
    assert api.get("/v1/organization/types").status_code == 200
    row = ApiKey.objects.get(owner=team.account)
    assert row.mask in text_of(owner.get(page)) and owner.get("/user/keys").status_code == 200
    assert row.mask not in text_of(owner.get("/user/keys"))
    assert owner.post(f"/user/keys/{row.pk}/revoke").status_code == 404
    assert member.post(f"{page}/{row.pk}/revoke").status_code == 403
    assert owner.post(f"{page}/{row.pk}/revoke").status_code == 302
    assert api.get("/v1/organization/types").status_code == 401
    assert acts() == ["key.create", "key.revoke"]


def test_a_list_takes_as_many_queries_for_many_as_for_one(owner: Client, demo: User) -> None:
    make_organization("One", demo)
    owner.get("/organizations")
    with CaptureQueriesContext(connection) as few:
        owner.get("/organizations")
    for n in range(30):
        make_organization(f"O{n}", demo)
    with CaptureQueriesContext(connection) as many:
        page = text_of(owner.get("/organizations?sort=created"))
    assert page.count("<tr>") == 26 and len(many) == len(few) <= 10
