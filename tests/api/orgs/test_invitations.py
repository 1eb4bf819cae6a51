"""Inviting people to organizations, and their answers: by /v1, by mail and by the pages."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail, signing
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from algoport.accounts.constants import SignUpMode
from algoport.accounts.models import Membership, User
from algoport.accounts.permissions import Scopes
from algoport.accounts.services import delete_user
from algoport.accounts.sign_up import set_sign_up_mode
from algoport.audit.models import AuditEntry
from orgs import invitations
from orgs.models import Invitation, Organization
from orgs.services import delete_organization, put_member
from tests.factories.organizations import make_organization

pytestmark = pytest.mark.django_db

URL = "/v1/organizations/makers/invitations"
OWN = "/v1/invitations"
MEMBERS = "/v1/organizations/makers/members"
PASSWORD = "a long pass phrase"


@pytest.fixture
def makers(demo: User) -> Organization:
    return make_organization("makers", demo)


@pytest.fixture
def guest(make_user: Callable[[str], User]) -> User:
    return make_user("guest")


@pytest.fixture
def owner(makers: Organization, demo: User, api_of: Callable[..., APIClient]) -> APIClient:
    return api_of(demo)


@pytest.fixture(autouse=True)
def mails_at_once(django_capture_on_commit_callbacks: Any, monkeypatch: Any) -> None:
    """Tests run in a transaction that never ends."""
    monkeypatch.setattr(invitations.transaction, "on_commit", lambda tell: tell())


def code(answer: Any) -> tuple[int, int]:
    return answer.status_code, answer.json()["error"]["code"]


def invite(client: APIClient, **body: str) -> Any:
    return client.post(URL, body, format="json")


def link() -> str:
    found = re.search(r"http://127.0.0.1:8080(/invitations/\S+)", mail.outbox[-1].body)
    assert found is not None
    return found[1]


def roles(user: User) -> dict[str, str]:
    rows = Membership.objects.filter(user=user)
    return dict(rows.values_list("organization__username", "role"))


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_an_invited_user_accepts(
    owner: APIClient, guest: User, api_of: Callable[..., APIClient]
) -> None:
    made = invite(owner, username="GUEST", role="owner")
    assert made.status_code == 201
    body = made.json()
    assert (body["username"], body["email"], body["invited_by"]) == ("guest", None, "demo")
    assert owner.get(URL).json()["results"] == [body]
    assert mail.outbox[0].to == ["guest@example.com"] and roles(guest) == {}
    client = api_of(guest)
    assert client.get(OWN).json()["results"] == [body]
    assert client.post(f"{OWN}/{body['id']}/accept").json() == body
    assert roles(guest) == {"makers": "owner"}
    assert owner.get(URL).json()["results"] == client.get(OWN).json()["results"] == []
    for answer in ("accept", "decline"):
        assert code(client.post(f"{OWN}/{body['id']}/{answer}")) == (404, 6001)
    assert code(owner.delete(f"{URL}/{body['id']}")) == (404, 6001)


def test_an_invited_user_declines(
    owner: APIClient, guest: User, api_of: Callable[..., APIClient]
) -> None:
    identifier = invite(owner, username="guest").json()["id"]
    assert api_of(guest).post(f"{OWN}/{identifier}/decline").status_code == 204
    assert roles(guest) == {} and owner.get(URL).json()["results"] == []
    assert invite(owner, username="guest").status_code == 201


def people(client: APIClient) -> list[tuple[str, str]]:
    """Who the members list tells of, page by page."""
    found: list[tuple[str, str]] = []
    link: str | None = f"{MEMBERS}?limit=1"
    while link is not None:
        page = client.get(link).json()
        found += [(each["username"], each["role"]) for each in page["results"]]
        link = page["next_link"]
    return found


def test_who_is_invited_is_among_the_members_for_owners_to_see(
    owner: APIClient, guest: User, api_of: Callable[..., APIClient], demo: User, make_user: Any
) -> None:
    member = make_user("member")
    invite(owner, username="guest", role="owner")
    invite(owner, email="somebody@example.com")
    put_member(organization=Organization.objects.get(), username="member", role=None)
    assert people(owner) == [("member", "member"), ("guest", "invited"), ("demo", "owner")]
    told = owner.get(MEMBERS).json()["results"][1]
    assert told == {
        "username": "guest",
        "role": "invited",
        "user_link": "http://testserver/v1/users/guest",
        "resource_type": "organization_member",
    }
    for client in (api_of(member), api_of(demo, Scopes(("algo://*",), False, True))):
        assert people(client) == [("member", "member"), ("demo", "owner")]
    assert api_of(guest).get(MEMBERS).status_code == 404
    # One who is in it by now is not asked any more, as far as this list goes.
    put_member(organization=Organization.objects.get(), username="guest", role=None)
    assert people(owner) == [("guest", "member"), ("member", "member"), ("demo", "owner")]


@pytest.mark.parametrize("was_member", [True, False])
def test_who_is_taken_out_cannot_come_back_by_an_invitation(
    owner: APIClient, guest: User, api_of: Callable[..., APIClient], was_member: bool
) -> None:
    identifier = invite(owner, username="guest").json()["id"]
    if was_member:
        put_member(organization=Organization.objects.get(), username="guest", role=None)
    before = AuditEntry.objects.count()
    assert owner.delete(f"{MEMBERS}/guest").status_code == 204
    entry = AuditEntry.objects.order_by("-number")[0]
    assert AuditEntry.objects.count() == before + 1
    assert (entry.action, entry.changes["notes"]) == (
        "organization.remove_member",
        {"user": "guest", "invitations_withdrawn": 1},
    )
    assert code(api_of(guest).post(f"{OWN}/{identifier}/accept")) == (404, 6001)
    assert people(owner) == [("demo", "owner")] and roles(guest) == {}


def test_who_has_the_address_answers(
    owner: APIClient, guest: User, api_of: Callable[..., APIClient], make_user: Any
) -> None:
    """Whether there is an account of an address is not told to who invites it."""
    known = invite(owner, email="Guest@Example.com").json()
    unknown = invite(owner, email="nobody@example.com").json()
    assert known.keys() == unknown.keys() and known["username"] is None
    other = api_of(make_user("other"))
    assert other.get(OWN).json()["results"] == []
    assert code(other.post(f"{OWN}/{known['id']}/accept")) == (404, 6001)
    assert api_of(guest).post(f"{OWN}/{known['id']}/accept").status_code == 200
    assert roles(guest) == {"makers": "member"}


def test_a_withdrawn_invitation(
    owner: APIClient, guest: User, api_of: Callable[..., APIClient]
) -> None:
    identifier = invite(owner, username="guest").json()["id"]
    assert owner.delete(f"{URL}/{identifier}").status_code == 204
    assert code(api_of(guest).post(f"{OWN}/{identifier}/accept")) == (404, 6001)
    assert Client().get(link()).status_code == 404


def test_invitations_end(owner: APIClient, guest: User, api_of: Callable[..., APIClient]) -> None:
    identifier = invite(owner, username="guest").json()["id"]
    Invitation.objects.update(expires_at=timezone.now())
    client = api_of(guest)
    assert client.get(OWN).json()["results"] == owner.get(URL).json()["results"] == []
    assert code(client.post(f"{OWN}/{identifier}/accept")) == (404, 6001)
    assert Client().get(link()).status_code == 404
    assert invite(owner, username="guest").status_code == 201


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({}, (400, 6001)),
        ({"username": "guest", "email": "guest@example.com"}, (400, 6001)),
        ({"username": "nobody"}, (404, 3000)),
        ({"username": "makers"}, (404, 3000)),
        ({"username": "a\x00"}, (400, 6001)),
        ({"email": "nobody"}, (400, 6001)),
        ({"username": "guest", "role": "king"}, (400, 6001)),
        ({"username": "member"}, (409, 6001)),
        ({"username": "invited"}, (409, 6001)),
        ({"email": "INVITED@example.org"}, (409, 6001)),
    ],
)
def test_what_cannot_be_invited(
    owner: APIClient,
    makers: Organization,
    guest: User,
    make_user: Callable[[str], User],
    body: dict[str, str],
    refusal: object,
) -> None:
    put_member(organization=makers, username=make_user("member").username, role=None)
    make_user("invited")
    invite(owner, username="invited")
    invite(owner, email="invited@example.org")
    assert code(invite(owner, **body)) == refusal
    assert Invitation.objects.count() == len(mail.outbox) == 2


def test_only_owners_invite(
    owner: APIClient,
    makers: Organization,
    guest: User,
    demo: User,
    make_user: Callable[[str], User],
    api_of: Callable[..., APIClient],
) -> None:
    identifier = invite(owner, username="guest").json()["id"]
    member = make_user("member")
    put_member(organization=makers, username="member", role=None)
    for client, status in (
        (api_of(guest), 404),
        (api_of(member), 403),
        (api_of(demo, Scopes(("algo://*",), native_calls=True)), 403),
        (APIClient(), 401),
    ):
        for answer in (
            client.get(URL),
            invite(client, username="other"),
            client.delete(f"{URL}/{identifier}"),
        ):
            assert answer.status_code == status
    assert api_of(guest, Scopes(native_calls=True)).get(OWN).status_code == 403
    assert Invitation.objects.count() == 1


def test_an_organization_that_ended_invites_nobody(
    owner: APIClient, makers: Organization, guest: User, api_of: Callable[..., APIClient]
) -> None:
    identifier = invite(owner, username="guest").json()["id"]
    delete_organization(organization=makers)
    assert code(api_of(guest).post(f"{OWN}/{identifier}/accept")) == (404, 6001)


def test_an_owner_who_is_invited_stays_one(
    owner: APIClient, demo: User, api_of: Callable[..., APIClient]
) -> None:
    identifier = invite(owner, email="demo@example.com").json()["id"]
    assert api_of(demo).post(f"{OWN}/{identifier}/accept").status_code == 200
    assert roles(demo) == {"makers": "owner"}


def test_invitations_are_limited(owner: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "_MOST_IN_AN_HOUR", 2)
    statuses = [invite(owner, email=f"u{n}@example.com").status_code for n in range(3)]
    assert statuses == [201, 201, 429] and len(mail.outbox) == 2


def test_lists_ask_a_fixed_number_of_queries(
    owner: APIClient, django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        invite(owner, email=f"u{number}@example.com")
    with django_assert_max_num_queries(6):
        page = owner.get(f"{URL}?limit=3").json()
    assert len(page["results"]) == 3
    assert len(owner.get(page["next_link"]).json()["results"]) == 2


@pytest.mark.parametrize("mode", [SignUpMode.OPEN, SignUpMode.INVITE])
def test_the_mailed_link_leads_from_sign_up_into_the_organization(
    owner: APIClient, mode: SignUpMode
) -> None:
    set_sign_up_mode(mode)
    invite(owner, email="new@example.com")
    browser = Client()
    page = browser.get(link())
    assert page.status_code == 200 and "/signup?email=new%40example.com" in page.content.decode()
    assert "invite_code" not in browser.get("/signup").content.decode()
    form = {"username": "new", "email": "new@example.com", "fullname": ""}
    form |= {"password1": PASSWORD, "password2": PASSWORD}
    answer = browser.post("/signup", form)
    # The link has proved the address: no second mail.
    assert (answer.status_code, answer["Location"]) == (302, "/welcome") and len(mail.outbox) == 1
    assert roles(User.objects.get(username="new")) == {"makers": "member"}
    assert Client().get(link()).status_code == 404


def test_another_address_at_sign_up_does_not_join(owner: APIClient) -> None:
    set_sign_up_mode(SignUpMode.INVITE)
    invite(owner, email="new@example.com")
    browser = Client()
    browser.get(link())
    form = {"username": "new", "email": "other@example.com", "fullname": ""}
    answer = browser.post("/signup", form | {"password1": PASSWORD, "password2": PASSWORD})
    assert answer.status_code == 302
    user = User.objects.get(username="new")
    assert not user.emailaddress_set.filter(email="other@example.com", verified=True).exists()


def test_no_invitation_opens_what_is_closed(owner: APIClient) -> None:
    set_sign_up_mode(SignUpMode.CLOSED)
    invite(owner, email="new@example.com")
    browser = Client()
    browser.get(link())
    assert "closed" in browser.get("/signup").content.decode()


def test_the_page_of_invitations(owner: APIClient, guest: User, makers: Organization) -> None:
    identifier = invite(owner, username="guest").json()["id"]
    browser = browser_of(guest)
    assert browser.get(link())["Location"] == "/user/invitations"
    assert "makers" in browser.get("/user/invitations").content.decode()
    for wrong in (
        {"invitation": "x", "answer": "accept"},
        {"invitation": str(uuid4()), "answer": "accept"},
        {"invitation": identifier, "answer": "perhaps"},
        {},
    ):
        assert browser.post("/user/invitations", wrong).status_code == 302
    assert roles(guest) == {}
    browser.post("/user/invitations", {"invitation": identifier, "answer": "accept"})
    assert roles(guest) == {"makers": "member"}
    assert Client().get("/user/invitations")["Location"].startswith("/signin")


def test_anothers_link_is_no_good(
    owner: APIClient, guest: User, make_user: Callable[[str], User]
) -> None:
    invite(owner, username="guest")
    other = browser_of(make_user("other"))
    answer = other.get(link())
    assert answer.status_code == 403 and "another account" in answer.content.decode()
    other.post(
        "/user/invitations",
        {"invitation": str(Invitation.objects.get().pk), "answer": "accept"},
    )
    assert not Membership.objects.filter(user__username="other").exists()


def test_tokens_that_are_none(owner: APIClient, guest: User) -> None:
    invite(owner, username="guest")
    row = Invitation.objects.get()
    good = invitations.token_of(row)
    salt = "orgs.invitation"
    for token in (
        "x",
        good[:-1],
        good + "x",
        signing.dumps([str(row.pk), "other"], salt=salt),
        signing.dumps([str(row.pk), row.nonce], salt="another"),
        signing.dumps({"a": 1, "b": 2}, salt=salt),
        signing.dumps(["x", "y"], salt=salt),
    ):
        assert Client().get(f"/invitations/{token}").status_code == 404, token
    assert Client().get(f"/invitations/{good}").status_code == 200


def test_a_deleted_users_invitations_go(owner: APIClient, guest: User) -> None:
    invite(owner, username="guest")
    delete_user(user=guest)
    assert invite(owner, username="guest").status_code == 404
    assert timedelta(0) < Invitation.objects.get().expires_at - timezone.now()
