"""Who is in an organization and who is asked to be, on its pages."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from algoport.accounts.models import Membership, User
from algoport.audit.models import AuditEntry
from orgs.models import Invitation, Organization

pytestmark = pytest.mark.django_db

MEMBERS = "/organizations/Team/members"
INVITATIONS = "/organizations/Team/invitations"


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def acts() -> list[str]:
    rows = AuditEntry.objects.filter(via="web").order_by("number")
    return list(rows.values_list("action", flat=True))


def role_of(user: User) -> str | None:
    return Membership.objects.filter(user=user).values_list("role", flat=True).first()


def test_roles_are_changed_by_owners(
    owner: Client, member: Client, team: Organization, demo: User, guest: User
) -> None:
    assert member.post(f"{MEMBERS}/guest/role", {"role": "owner"}).status_code == 403
    assert owner.get(f"{MEMBERS}/guest/role").status_code == 405
    assert "Choose one" in text_of(
        owner.post(f"{MEMBERS}/guest/role", {"role": "king"}, follow=True)
    )
    answer = owner.post(f"{MEMBERS}/demo/role", {"role": "member"}, follow=True)
    assert "Unable to remove the last owner" in text_of(answer) and role_of(demo) == "owner"
    answer = owner.post(f"{MEMBERS}/guest/role", {"role": "owner"}, follow=True)
    assert "guest is owner now" in text_of(answer) and role_of(guest) == "owner"
    assert acts() == ["organization.put_member"]


def test_nobody_is_put_in_by_a_role(
    owner: Client, team: Organization, make_user: Callable[[str], User]
) -> None:
    other = make_user("other")
    assert owner.post(f"{MEMBERS}/other/role", {"role": "member"}).status_code == 404
    assert role_of(other) is None


def test_members_are_removed_after_a_question(
    owner: Client, member: Client, team: Organization, guest: User
) -> None:
    assert "Remove guest?" in text_of(owner.get(f"{MEMBERS}/guest/remove"))
    assert member.post(f"{MEMBERS}/demo/remove").status_code == 403
    answer = owner.post(f"{MEMBERS}/demo/remove", follow=True)
    assert "Unable to remove the last owner" in text_of(answer)
    assert "not in Team any more" in text_of(owner.post(f"{MEMBERS}/guest/remove", follow=True))
    assert role_of(guest) is None and member.get(MEMBERS).status_code == 404
    assert owner.post(f"{MEMBERS}/guest/remove").status_code == 404
    assert acts() == ["organization.remove_member"]


@pytest.mark.django_db(transaction=True)
def test_an_invitation_is_sent_and_sent_again_and_withdrawn(
    owner: Client, team: Organization, make_user: Callable[[str], User]
) -> None:
    make_user("other")
    assert "Nobody is waiting" in text_of(owner.get(INVITATIONS))
    form = {"who": "other", "role": "member"}
    assert "other is invited" in text_of(owner.post(f"{INVITATIONS}/new", form, follow=True))
    row = Invitation.objects.get()
    one = f"{INVITATIONS}/{row.pk}"
    assert "only just now" in text_of(owner.post(one, {"do": "send"}, follow=True))
    Invitation.objects.update(expires_at=timezone.now() + timedelta(days=1))
    assert "sent again" in text_of(owner.post(one, {"do": "send"}, follow=True))
    row.refresh_from_db()
    assert row.expires_at > timezone.now() + timedelta(days=6) and len(mail.outbox) == 2
    assert "is withdrawn" in text_of(owner.post(one, {"do": "withdraw"}, follow=True))
    assert "no such invitation" in text_of(owner.post(one, {"do": "withdraw"}, follow=True))
    assert acts() == [
        "organization.invite",
        "organization.send_invitation_again",
        "organization.withdraw_invitation",
    ]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"who": "nobody_is"}, "The requested user was not found"),
        ({"who": "guest"}, "in the organization already"),
        ({"who": "Team"}, "The requested user was not found"),
        ({"who": "not an@address"}, "not an e-mail address"),
        ({"who": ""}, "required"),
        ({"who": "x@example.com", "role": "king"}, "valid choice"),
    ],
)
def test_who_cannot_be_invited_is_told(
    owner: Client, team: Organization, form: dict[str, str], said: str
) -> None:
    answer = owner.post(f"{INVITATIONS}/new", {"role": "member"} | form)
    assert answer.status_code == 422 and said in text_of(answer)
    assert not Invitation.objects.exists()


def test_an_address_is_invited_and_shown_to_owners_only(
    owner: Client, member: Client, team: Organization
) -> None:
    form = {"who": "new@example.com", "role": "owner"}
    assert owner.post(f"{INVITATIONS}/new", form).status_code == 302
    assert "new@example.com" in text_of(owner.get(f"{INVITATIONS}?q=NEW@"))
    assert "Nothing found" in text_of(owner.get(f"{INVITATIONS}?q=other"))
    assert member.get(INVITATIONS).status_code == 403
    row = Invitation.objects.get()
    assert member.post(f"{INVITATIONS}/{row.pk}", {"do": "withdraw"}).status_code == 403


def test_members_are_searched_in_as_many_queries_for_many_as_for_few(
    owner: Client, team: Organization
) -> None:
    owner.get(MEMBERS)
    with CaptureQueriesContext(connection) as few:
        owner.get(MEMBERS)
    users = User.objects.bulk_create(
        User(username=f"u{n}", email=f"u{n}@example.com", fullname="<i>Name") for n in range(60)
    )
    Membership.objects.bulk_create(
        Membership(organization=team.account, user=user) for user in users
    )
    with CaptureQueriesContext(connection) as many:
        page = text_of(owner.get(f"{MEMBERS}?sort=-joined"))
    assert page.count("<tr>") == 26 and len(many) == len(few) <= 10
    assert "&lt;i&gt;Name" in page and "<i>Name" not in page
    page = text_of(owner.get(f"{MEMBERS}?q=u5&role=member"))
    assert "u59" in page and "u41" not in page
