"""Webhooks through /v1."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from algoport.accounts.constants import KeyType
from algoport.accounts.models import User
from algoport.accounts.permissions import EVERYTHING, Scopes
from algoport.accounts.services import create_key
from algorithms.models import AsyncCall, Environment, WebhookDelivery
from algorithms.queueing import leases
from algorithms.queueing.leases import Settlement
from algorithms.webhooks import leases as webhook_leases
from algorithms.webhooks.leases import Attempted
from tests.factories.queueing import make_call

pytestmark = pytest.mark.django_db
SECRET = "/v1/webhooks/secret"


@pytest.fixture
def call(demo: User) -> AsyncCall:
    """A call of demo's that is waiting, with a webhook."""
    return make_call(demo, payload=b"j{}", webhook="https://hooks.example/in")


def path_of(call: AsyncCall, action: str = "") -> str:
    return f"/v1/requests/req-{call.pk}/webhook{action}"


def end(call: AsyncCall) -> WebhookDelivery:
    (taken,) = leases.take_calls(1)
    assert leases.settle(taken.pk, taken.attempt, Settlement(b"1", "json", 0.1))
    return WebhookDelivery.objects.get(call=call)


def test_deliveries_of_a_request(api: APIClient, call: AsyncCall) -> None:
    assert api.get(path_of(call)).json() == {"webhook": call.webhook, "deliveries": []}
    delivery = end(call)
    (found,) = api.get(path_of(call)).json()["deliveries"]
    assert list(found) == [
        "webhook_id",
        "state",
        "attempts",
        "created_at",
        "next_attempt_at",
        "last_attempt",
    ]
    assert found["webhook_id"] == f"hook-{delivery.pk}" and found["last_attempt"] is None
    assert (found["state"], found["attempts"]) == ("pending", 0)
    (taken,) = webhook_leases.take_deliveries(1)
    webhook_leases.settle(taken.pk, taken.attempt, Attempted(500, 0.25, "it answered 500"))
    (found,) = api.get(path_of(call)).json()["deliveries"]
    last = found["last_attempt"]
    assert (last["status"], last["seconds"], last["error"]) == (500, 0.25, "it answered 500")
    assert found["attempts"] == 1 and found["next_attempt_at"] > last["at"]


def test_redelivery(api: APIClient, call: AsyncCall) -> None:
    refused = api.post(path_of(call, "/redeliver"))
    assert refused.status_code == 409 and refused.json()["code"] == 6001
    delivery = end(call)
    (taken,) = webhook_leases.take_deliveries(1)
    webhook_leases.settle(taken.pk, taken.attempt, Attempted(200, 0.25))
    (found,) = api.get(path_of(call)).json()["deliveries"]
    assert found["state"] == "delivered" and found["next_attempt_at"] is None
    again = api.post(path_of(call, "/redeliver"))
    assert again.status_code == 200 and again.json()["state"] == "pending"
    assert again.json()["webhook_id"] == f"hook-{delivery.pk}"


def test_what_is_not_yours_does_not_exist(
    call: AsyncCall, make_user: Callable[[str], User], api_of: Callable[..., APIClient]
) -> None:
    end(call)
    other = api_of(make_user("guest"))
    for answer in (other.get(path_of(call)), other.post(path_of(call, "/redeliver"))):
        assert answer.status_code == 404 and answer.json()["code"] == 7000
    assert APIClient().get(path_of(call)).status_code == 401


def test_the_secret_is_told_once(
    api: APIClient, make_user: Callable[[str], User], api_of: Callable[..., APIClient]
) -> None:
    assert api.get(SECRET).json() == {"exists": False, "made_at": None}
    made = api.post(SECRET)
    assert made.status_code == 200 and list(made.json()) == ["secret"]
    assert made.json()["secret"].startswith("whsec_")
    told = api.get(SECRET)
    assert told.json()["exists"] is True and told.json()["made_at"].endswith("Z")
    assert "whsec_" not in told.content.decode()
    assert api.post(SECRET).json() != made.json()
    assert api_of(make_user("guest")).get(SECRET).json()["exists"] is False


def test_who_manages_secrets(
    demo: User, api_of: Callable[..., APIClient], python_environment: Environment
) -> None:
    readers = api_of(demo, Scopes(("algo://*",), data_read=True))
    demo.is_staff = True
    demo.save()
    key = create_key(owner=demo, label="x", scopes=EVERYTHING, key_type=KeyType.ADMIN)
    admin = APIClient()
    admin.credentials(HTTP_AUTHORIZATION=f"Simple {key.secret}")
    for client in (readers, admin):
        for answer in (client.get(SECRET), client.post(SECRET)):
            assert answer.status_code == 403 and answer.json()["code"] == 2001
    assert APIClient().post(SECRET).status_code == 401
