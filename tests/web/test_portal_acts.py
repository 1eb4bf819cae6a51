"""What administrators do from the portal: asked for first, and done by services."""

import re
import uuid
from collections.abc import Callable
from unittest.mock import patch

import pytest
from django.core.mail import EmailMessage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from algoport.accounts.authentication import principal_of_user
from algoport.accounts.constants import OrganizationRole
from algoport.accounts.models import Membership, SignedInSession, User
from algoport.accounts.permissions import EVERYTHING
from algoport.accounts.services import create_key
from algoport.broker import BrokerUnavailable
from algorithms.constants import AsyncState, DeliveryState, FeatureName
from algorithms.features.switching import is_enabled
from algorithms.models import (
    AsyncCall,
    Environment,
    Reservation,
    WebhookDelivery,
)
from orgs.invitations import invite
from orgs.models import InvitationState, Organization
from tests.factories.algorithms import make_algorithm, make_version
from tests.factories.organizations import make_organization
from tests.factories.queueing import make_queued_call
from tests.portal import act_url, do, offered, recorded

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("pools")]

USERS = "/admin/accounts/user/"


def test_a_user_is_made_and_their_profile_changed(portal: Client) -> None:
    given = {"username": "guest", "email": "guest@example.com", "password": "a pass phrase"}
    assert portal.post(f"{USERS}add/", given | {"fullname": "A Guest"}).status_code == 302
    user = User.objects.get(username="guest")
    assert user.check_password("a pass phrase") and not user.is_staff
    assert (user.fullname, user.call_limit) == ("A Guest", 80)
    # Taken names are told in the form, with what was filled in.
    answer = portal.post(f"{USERS}add/", given | {"username": "GUEST", "fullname": "Another"})
    page = answer.content.decode()
    assert answer.status_code == 200 and "Another" in page
    assert "already taken" in page
    answer = portal.post(f"{USERS}add/", given | {"username": "no name"})
    assert answer.status_code == 200 and User.objects.count() == 2
    one = f"{USERS}{user.pk}/change/"
    sent = {"fullname": "B", "is_staff": "on", "call_limit": "1", "email": "x@example.com"}
    assert portal.post(one, sent).status_code == 302
    user.refresh_from_db()
    assert (user.fullname, user.is_staff, user.call_limit) == ("B", False, 80)
    assert user.email == "guest@example.com"


def test_work_limits_are_whole_numbers_above_zero(portal: Client, demo: User) -> None:
    with CaptureQueriesContext(connection) as queries:
        do(portal, demo, "work-limits", call_limit=3)
    assert demo.call_limit == 3
    assert any("pg_notify" in each["sql"] for each in queries)
    for wrong in ("0", "-1", "1.5", "x", "", "1" * 40):
        assert portal.post(act_url(demo, "work-limits"), {"call_limit": wrong}).status_code == 200
    demo.refresh_from_db()
    assert demo.call_limit == 3
    recorded("user.limit_work")


def test_accounts_are_deactivated_and_restored(portal: Client, demo: User) -> None:
    client = Client()
    client.force_login(demo)
    do(portal, demo, "deactivate")
    assert not demo.is_active
    assert "restore" in offered(portal, demo)
    assert not {"deactivate", "impersonate", "password-reset"} & offered(portal, demo)
    do(portal, demo, "restore")
    assert demo.is_active
    recorded("user.deactivate", "user.restore")


def test_a_user_is_mailed_a_link_for_a_new_password(
    portal: Client, demo: User, mailoutbox: list[EmailMessage]
) -> None:
    do(portal, demo, "password-reset")
    (mail,) = mailoutbox
    assert mail.to == [demo.email]
    link = re.search(r"/signin/reset/[^\s]+", str(mail.body))
    assert link and Client().get(link[0]).status_code in (200, 302)
    recorded("user.send_password_reset")


def test_a_browser_is_signed_out(portal: Client, demo: User) -> None:
    browser = Client()
    browser.force_login(demo)
    browser.get("/")
    row = SignedInSession.objects.get(user=demo)
    key = browser.session.session_key
    assert key
    one = f"/admin/accounts/signedinsession/{row.pk}/change/"
    for page in (one, "/admin/accounts/signedinsession/"):
        text = portal.get(page).content.decode()
        assert "demo" in text and key not in text
    assert portal.post(act_url(row, "end")).status_code == 302
    assert not SignedInSession.objects.filter(user=demo).exists()
    recorded("user.end_session")


def test_an_invitation_is_withdrawn(portal: Client, demo: User) -> None:
    organization = make_organization("makers", demo)
    made = invite(organization=organization, inviter=demo, email="guest@example.com")
    one = f"/admin/orgs/invitation/{made.pk}/change/"
    assert made.nonce not in portal.get(one).content.decode()
    do(portal, made, "withdraw")
    assert made.state == InvitationState.WITHDRAWN and offered(portal, made) == set()
    recorded("organization.withdraw_invitation")


def test_administrators_are_made_and_unmade_but_the_last(
    portal: Client, demo: User, administrator: User
) -> None:
    answer = portal.post(act_url(administrator, "remove-administrator"))
    assert answer.status_code == 409 and "last administrator" in answer.content.decode()
    do(portal, demo, "make-administrator")
    assert demo.is_staff and demo.is_superuser
    assert "impersonate" not in offered(portal, demo)
    do(portal, demo, "remove-administrator")
    assert not demo.is_staff and not demo.is_superuser
    assert "deactivate" not in offered(portal, administrator)
    recorded("user.make_administrator", "user.remove_administrator")


def test_keys_are_revoked_one_by_one_and_together(portal: Client, demo: User) -> None:
    keys = [create_key(owner=demo, label=f"key{n}", scopes=EVERYTHING).row for n in range(3)]
    do(portal, keys[0], "revoke")
    assert keys[0].revoked_at is not None and offered(portal, keys[0]) == set()
    chosen = {"action": "revoke", "_selected_action": [str(key.pk) for key in keys]}
    asked = portal.post("/admin/accounts/apikey/", chosen)
    assert asked.status_code == 200 and "key2" in asked.content.decode()
    keys[2].refresh_from_db()
    assert keys[2].revoked_at is None
    assert portal.post("/admin/accounts/apikey/", chosen | {"confirmed": "yes"}).status_code == 302
    keys[2].refresh_from_db()
    assert keys[2].revoked_at is not None


def test_an_organization_is_made_with_its_owner_and_members(
    portal: Client, demo: User, make_user: Callable[[str], User]
) -> None:
    make_user("guest")
    given = {"name": "makers", "owner": "demo", "label": "Makers", "contact_name": "demo"}
    given |= {"email": "makers@example.com", "url": "", "external_id": ""}
    add = "/admin/orgs/organization/add/"
    kind = re.search(r'<option value="([0-9a-f-]{36})"', portal.get(add).content.decode())
    assert kind
    given["type"] = kind[1]
    answer = portal.post(add, given | {"owner": "nobody"})
    assert answer.status_code == 200 and "user was not found" in answer.content.decode()
    assert not Organization.objects.exists()
    answer = portal.post(add, given | {"email": "none"})
    assert answer.status_code == 200 and "not an e-mail address" in answer.content.decode()
    assert portal.post(add, given).status_code == 302
    made = Organization.objects.get()
    owner = Membership.objects.get(organization=made.account)
    assert (owner.user, owner.role) == (demo, OrganizationRole.OWNER)
    do(portal, made, "put-member", username="guest", role="member")
    page = portal.get(f"/admin/orgs/organization/{made.pk}/change/").content.decode()
    assert "guest</a>: member" in page and "demo</a>: owner" in page
    refused = portal.post(act_url(made, "remove-member"), {"username": "demo"})
    assert refused.status_code == 409 and "last owner" in refused.content.decode()
    do(portal, made, "remove-member", username="guest")
    assert Membership.objects.count() == 1
    do(portal, made, "delete")
    made.account.refresh_from_db()
    assert not made.account.is_active


def test_reservations_are_made_and_removed(
    portal: Client, demo: User, python_environment: Environment
) -> None:
    make_version(make_algorithm(demo))
    add = "/admin/algorithms/reservation/add/"
    given = {"algorithm_name": "demo/Hello", "caller_name": "demo", "num_slots": "2"}
    given |= {"version_type": "latest_public", "version_identifier": ""}
    answer = portal.post(add, given | {"algorithm_name": "demo/Other"})
    assert answer.status_code == 200 and "errornote" in answer.content.decode()
    answer = portal.post(add, given | {"num_slots": "0"})
    assert answer.status_code == 200 and not Reservation.objects.exists()
    assert portal.post(add, given).status_code == 302
    row = Reservation.objects.get()
    assert (row.algorithm.name, row.caller, row.num_slots) == ("Hello", demo, 2)
    gone = reverse("admin:algorithms_reservation_delete", args=[row.pk])
    assert "Are you sure" in portal.get(gone).content.decode()
    assert portal.post(gone, {"post": "yes"}).status_code == 302
    assert not Reservation.objects.exists()


def test_features_are_switched(portal: Client) -> None:
    add = "/admin/algorithms/feature/add/"
    name = FeatureName.ALGORITHM_ERRORS
    assert portal.post(add, {"name": name, "enabled": "on"}).status_code == 302
    assert is_enabled(name)
    off = reverse("admin:algorithms_feature_act", args=[name, "switch-off"])
    assert portal.post(off).status_code == 302
    assert not is_enabled(name)


@pytest.fixture
def call(demo: User, python_environment: Environment) -> AsyncCall:
    make_version(make_algorithm(demo))
    with patch("algorithms.receivers.send_task"):
        return make_queued_call(principal_of_user(demo))


def test_dead_calls_are_queued_again_alone_and_together(portal: Client, call: AsyncCall) -> None:
    assert offered(portal, call) == {"cancel"}
    AsyncCall.objects.update(state=AsyncState.DEAD, ended_at=timezone.now())
    with patch("algorithms.receivers.send_task"):
        do(portal, call, "redrive")
        assert call.state == AsyncState.QUEUED
        AsyncCall.objects.update(state=AsyncState.DEAD, ended_at=timezone.now())
        page = "/admin/algorithms/asynccall/"
        chosen = {"action": "redrive", "_selected_action": [str(call.pk)], "confirmed": "yes"}
        assert portal.post(page, chosen).status_code == 302
        call.refresh_from_db()
        assert call.state == AsyncState.QUEUED
        answer = portal.post(page, chosen, follow=True).content.decode()
    assert "Only a request in state dead" in answer
    with patch("algorithms.receivers.registry"):
        do(portal, call, "cancel")
    assert call.state == AsyncState.CANCELLED
    recorded("request.redrive", "request.redrive", "request.cancel")


def test_a_broker_that_is_down_is_told_and_nothing_done(portal: Client, call: AsyncCall) -> None:
    AsyncCall.objects.update(state=AsyncState.DEAD, ended_at=timezone.now())
    with patch("algorithms.receivers.send_task", side_effect=BrokerUnavailable("gone")):
        answer = portal.post(act_url(call, "redrive"))
    assert answer.status_code == 409 and "broker does not answer" in answer.content.decode()
    call.refresh_from_db()
    assert call.state == AsyncState.DEAD


def test_failed_webhooks_are_sent_again(portal: Client, call: AsyncCall) -> None:
    delivery = WebhookDelivery.objects.create(
        id=uuid.uuid4(),
        call=call,
        account=call.caller,
        url="https://example.com/secret",
        receiver="example.com",
        state=DeliveryState.FAILED,
        tries=9,
        not_before=timezone.now(),
    )
    one = f"/admin/algorithms/webhookdelivery/{delivery.pk}/change/"
    assert "example.com/secret" not in portal.get(one).content.decode()
    do(portal, delivery, "send-again")
    assert (delivery.state, delivery.tries) == (DeliveryState.PENDING, 0)
    recorded("webhook.redeliver")


def test_acts_that_are_not_offered_are_not_done(portal: Client, demo: User) -> None:
    account = make_organization("makers", demo).account
    for name in ("make-administrator", "impersonate"):
        assert portal.post(act_url(account, name)).status_code == 302, name
    account.refresh_from_db()
    assert not account.is_staff
    assert "makers" not in portal.get("/").content.decode()
    assert portal.post(f"{USERS}{demo.pk}/act/nothing/").status_code == 404
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.get(username="root"))
    assert client.post(act_url(demo, "deactivate")).status_code == 403
    demo.refresh_from_db()
    assert demo.is_active
