"""Webhooks of queued calls: made with the end, sent fairly, tried again, signed."""

import asyncio
import base64
import hashlib
import hmac
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.core import serializers
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerDown

from algoport.accounts.models import User
from algoport.accounts.permissions import Principal, Run
from algoport.errors import NotAuthorized
from algoport.http.addresses import AddressNotAllowed, Destination
from algoport.http.outgoing import NoAnswer
from algorithms.constants import (
    MOST_WEBHOOKS_OF_ACCOUNT,
    MOST_WEBHOOKS_OF_RECEIVER,
    REQUESTS_KEPT,
    SECRET_OVERLAP,
    DeliveryState,
)
from algorithms.errors import IdempotencyKeyReused, NoWebhookDelivery, WebhookNotAllowed
from algorithms.models import AsyncCall, Version, WebhookDelivery, WebhookSecret
from algorithms.queueing import leases as call_leases
from algorithms.queueing.bodies import request_body
from algorithms.queueing.leases import Settlement
from algorithms.queueing.services import cancel_request, redrive_request, remove_old_requests
from algorithms.tasks import deliver_webhooks_task, run_queued_calls_task
from algorithms.webhooks import leases, payloads, sending, signing
from algorithms.webhooks.leases import Attempted
from algorithms.webhooks.messages import message_of
from algorithms.webhooks.schedule import DELAYS, JITTER, MOST_TRIES, delay_after
from algorithms.webhooks.sending import WebhookSender
from algorithms.webhooks.services import make_secret, redeliver
from tests.factories.accounts import make_principal
from tests.factories.queueing import make_queued_call

pytestmark = pytest.mark.django_db

URL = "https://hooks.example/in?token=t"
GOOD = Settlement(b'"hello"', "text", 0.1)
BAD = Settlement(None, "void", 0.1, "bad input", "InputError", "Traceback")
TAKEN = Attempted(200, 0.1)
REFUSED = Attempted(500, 0.1, "the receiver answered 500")

Accept = Callable[..., AsyncCall]


@pytest.fixture
def accept(version: Version, caller: Principal, monkeypatch: pytest.MonkeyPatch) -> Accept:
    for task in (run_queued_calls_task, deliver_webhooks_task):
        monkeypatch.setattr(task, "delay", lambda: None)

    def make(principal: Principal = caller, webhook: str = URL, **options: Any) -> AsyncCall:
        return make_queued_call(principal, webhook=webhook, **options)

    return make


def end(call: AsyncCall, settlement: Settlement = GOOD) -> WebhookDelivery:
    """Run one call to its end; the delivery that tells of it."""
    AsyncCall.objects.filter(pk=call.pk).update(not_before=timezone.now())
    taken = next(each for each in call_leases.take_calls(100) if each.pk == call.pk)
    assert call_leases.settle(taken.pk, taken.attempt, settlement)
    return WebhookDelivery.objects.filter(call=call).latest("created_at")


def due(delivery: WebhookDelivery) -> None:
    now = timezone.now()
    WebhookDelivery.objects.filter(pk=delivery.pk).update(not_before=now, lease_expires_at=None)


def body_of(delivery: WebhookDelivery) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(message_of(delivery).body)
    return body


# -- accepting ------------------------------------------------------------------------------


def test_where_a_webhook_cannot_go(accept: Accept, settings: Any) -> None:
    for url in ("ftp://x.example", "http://u:p@x.example", "http://127.0.0.1:1", "http://[::1]"):
        with pytest.raises(WebhookNotAllowed, match="webhook: "):
            accept(webhook=url)
    assert AsyncCall.objects.count() == 0
    settings.WEBHOOK_HOSTS = frozenset({("127.0.0.1", None)})
    assert accept(webhook="http://127.0.0.1:1").webhook == "http://127.0.0.1:1"


def test_a_webhook_is_part_of_what_an_idempotency_key_stands_for(accept: Accept) -> None:
    first = accept(idempotency_key="k")
    assert accept(idempotency_key="k") == first
    for webhook in ("", URL + "2"):
        with pytest.raises(IdempotencyKeyReused):
            accept(idempotency_key="k", webhook=webhook)


def test_code_in_a_sandbox_has_no_webhooks(
    accept: Accept, caller: Principal, version: Version
) -> None:
    inside = caller.for_run(Run(version.algorithm_id, version.algorithm.owner_id, True))
    with pytest.raises(NotAuthorized, match="algorithm's code"):
        accept(inside)
    with pytest.raises(NotAuthorized):
        make_secret(principal=inside)
    assert accept(inside, webhook="").webhook == ""


# -- made with the end ----------------------------------------------------------------------


def test_no_webhook_no_delivery(accept: Accept) -> None:
    call = accept(webhook="")
    (taken,) = call_leases.take_calls(1)
    call_leases.settle(taken.pk, taken.attempt, GOOD)
    assert WebhookDelivery.objects.count() == 0
    assert request_body(AsyncCall.objects.get(pk=call.pk))["state"] == "finished"


def lose(call: AsyncCall) -> None:
    (taken,) = call_leases.take_calls(1)
    past = timezone.now() - timedelta(seconds=1)
    AsyncCall.objects.filter(pk=taken.pk).update(lease_expires_at=past)
    assert call_leases.reclaim_lost() == 1


def stop(call: AsyncCall) -> None:
    (taken,) = call_leases.take_calls(1)
    call_leases.lose(taken.pk, taken.attempt)


def give_up(call: AsyncCall) -> None:
    (taken,) = call_leases.take_calls(1)
    assert call_leases.give_up(taken.pk, taken.attempt, "no runner", "x")


@pytest.mark.parametrize(
    ("act", "state"),
    [
        (end, "finished"),
        (lambda call: end(call, BAD), "failed"),
        (lose, "dead"),
        (stop, "dead"),
        (give_up, "dead"),
    ],
)
def test_every_end_is_told_once(accept: Accept, act: Callable[..., None], state: str) -> None:
    call = accept()
    act(call)
    delivery = WebhookDelivery.objects.get()
    assert (delivery.call, delivery.url, delivery.receiver) == (call, URL, "hooks.example")
    body = body_of(delivery)
    assert body["state"] == state and body["request_id"] == f"req-{call.pk}"
    assert body == request_body(AsyncCall.objects.get(pk=call.pk))


def test_a_cancelled_call_is_told(accept: Accept, caller: Principal) -> None:
    cancel_request(principal=caller, request_id=f"req-{accept().pk}")
    assert body_of(WebhookDelivery.objects.get())["state"] == "cancelled"


@pytest.mark.django_db(transaction=True)
def test_an_end_stands_without_the_broker(
    accept: Accept, caller: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def fail() -> None:
        asked.append("wake")
        raise BrokerDown("down")

    monkeypatch.setattr(deliver_webhooks_task, "delay", fail)
    cancel_request(principal=caller, request_id=f"req-{accept().pk}")
    assert asked == ["wake"] and WebhookDelivery.objects.get().state == DeliveryState.PENDING


def test_a_retry_is_no_end(accept: Accept) -> None:
    accept(retries=1)
    (taken,) = call_leases.take_calls(1)
    call_leases.settle(taken.pk, taken.attempt, BAD)
    assert WebhookDelivery.objects.count() == 0


def test_neither_end_nor_webhook_alone(accept: Accept, monkeypatch: pytest.MonkeyPatch) -> None:
    call = accept()
    (taken,) = call_leases.take_calls(1)

    def fail(call: AsyncCall) -> None:
        raise RuntimeError

    monkeypatch.setattr(call_leases, "record_delivery", fail)
    with pytest.raises(RuntimeError), transaction.atomic():
        call_leases.settle(taken.pk, taken.attempt, GOOD)
    call.refresh_from_db()
    assert call.state == "running"


def test_a_redriven_call_is_told_again(accept: Accept, caller: Principal) -> None:
    call = accept(retries=1)
    call_leases.take_calls(1)
    AsyncCall.objects.filter(pk=call.pk).update(tries=2)
    call_leases.settle(call.pk, 1, BAD)
    (first,) = leases.take_deliveries(5)
    redrive_request(principal=caller, request_id=f"req-{call.pk}")
    # What was taken before goes on telling of the end that it was made for.
    assert body_of(first)["state"] == "dead" and body_of(first)["error"]["message"] == "bad input"
    second = end(call)
    assert second.pk != first.pk and body_of(second)["state"] == "finished"
    assert body_of(WebhookDelivery.objects.get(pk=first.pk))["state"] == "dead"


def test_large_results_are_fetched(accept: Accept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads, "WEBHOOK_RESULT_BYTES", 6)
    body = body_of(end(accept()))
    assert body["result"] is None and body["metadata"]["truncated"] is True
    long = Settlement(None, "void", 0.1, "x" * 20_000, "InputError")
    error = body_of(end(accept(), long))["error"]
    assert len(error["message"]) == 10_000 and error["truncated"] is True


def test_deliveries_go_with_their_request(accept: Accept) -> None:
    end(accept())
    remove_old_requests(timezone.now() + REQUESTS_KEPT + timedelta(minutes=1))
    assert WebhookDelivery.objects.count() == 0


# -- schedule and leases --------------------------------------------------------------------


def test_the_schedule_spans_a_day() -> None:
    assert MOST_TRIES >= 8 and sum(DELAYS) >= 24 * 3600
    assert list(DELAYS) == sorted(DELAYS)
    for tries, least in enumerate(DELAYS, start=1):
        found = [delay_after(tries) or 0 for _ in range(50)]
        assert least <= min(found) < max(found) <= least * (1 + JITTER)
    assert delay_after(MOST_TRIES) is None


def test_attempts_until_the_last(accept: Accept) -> None:
    delivery = end(accept())
    for tries in range(1, MOST_TRIES + 1):
        (taken,) = leases.take_deliveries(5)
        assert leases.take_deliveries(5) == []
        assert leases.settle(taken.pk, taken.attempt, REFUSED)
        delivery.refresh_from_db()
        assert (delivery.tries, delivery.last_status) == (tries, 500)
        if tries < MOST_TRIES:
            wait = (delivery.not_before - timezone.now()).total_seconds()
            assert DELAYS[tries - 1] - 1 < wait <= DELAYS[tries - 1] * (1 + JITTER)
            assert leases.take_deliveries(5) == []
            due(delivery)
    assert delivery.state == DeliveryState.FAILED
    due(delivery)
    assert leases.take_deliveries(5) == []


@pytest.mark.parametrize(
    ("status", "state"),
    [(200, "delivered"), (204, "delivered"), (302, "pending"), (410, "failed"), (None, "pending")],
)
def test_what_an_answer_means(accept: Accept, status: int | None, state: str) -> None:
    delivery = end(accept())
    (taken,) = leases.take_deliveries(1)
    assert leases.settle(taken.pk, taken.attempt, Attempted(status, 0.5, "x" * 1000))
    delivery.refresh_from_db()
    assert delivery.state == state and delivery.last_seconds == 0.5


def test_a_lost_attempt_is_made_again_and_cannot_settle(accept: Accept) -> None:
    end(accept())
    (first,) = leases.take_deliveries(1)
    past = timezone.now() - timedelta(seconds=1)
    WebhookDelivery.objects.update(not_before=past, lease_expires_at=past)
    (second,) = leases.take_deliveries(1)
    assert second.attempt == first.attempt + 1
    assert not leases.settle(first.pk, first.attempt, TAKEN)
    assert leases.settle(second.pk, second.attempt, REFUSED)
    assert WebhookDelivery.objects.get().tries == 1


def test_a_receiver_holds_up_nobody_else(accept: Accept, make_user: Callable[[str], User]) -> None:
    other = make_principal(make_user("other"))
    for number in range(MOST_WEBHOOKS_OF_ACCOUNT * 2):
        end(accept(webhook=f"http://dead{number % 2}.example/"))
    end(accept(webhook="http://dead0.example/"))
    end(accept(webhook="http://fine.example/"))
    theirs = end(accept(other, webhook="http://dead0.example/"))
    taken = leases.take_deliveries(100)
    assert theirs.pk in {each.pk for each in taken}
    own = [each.receiver for each in taken if each.pk != theirs.pk]
    assert len(own) == MOST_WEBHOOKS_OF_ACCOUNT and "fine.example" in own
    assert own.count("dead0.example") <= MOST_WEBHOOKS_OF_RECEIVER
    assert leases.take_deliveries(100) == []
    leases.settle(theirs.pk, 1, TAKEN)
    one = next(each for each in taken if each.receiver == "dead1.example")
    leases.settle(one.pk, one.attempt, REFUSED)
    assert [each.receiver for each in leases.take_deliveries(100)] == ["dead1.example"]


def test_no_more_than_there_is_room_for(accept: Accept) -> None:
    for number in range(4):
        end(accept(webhook=f"http://h{number}.example/"))
    assert len(leases.take_deliveries(3)) == 3
    assert len(leases.take_deliveries(3)) == 1


def test_redelivery(accept: Accept, caller: Principal) -> None:
    call = accept()
    request_id = f"req-{call.pk}"
    with pytest.raises(NoWebhookDelivery, match="not ended"):
        redeliver(principal=caller, request_id=request_id)
    delivery = end(call)
    (taken,) = leases.take_deliveries(1)
    redeliver(principal=caller, request_id=request_id)
    assert leases.take_deliveries(1) == []  # It is being sent.
    leases.settle(taken.pk, taken.attempt, TAKEN)
    again = redeliver(principal=caller, request_id=request_id)
    assert again.pk == delivery.pk and again.state == DeliveryState.PENDING
    (taken,) = leases.take_deliveries(1)
    assert str(taken) == str(delivery) and taken.attempt == 2
    other = accept(webhook="")
    with pytest.raises(NoWebhookDelivery, match="no webhook"):
        redeliver(principal=caller, request_id=f"req-{other.pk}")


# -- signing --------------------------------------------------------------------------------


def verified(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """What a receiver does, from the description of the header alone."""
    key = base64.b64decode(secret[len("whsec_") :])
    text = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    wanted = base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode()
    return f"v1,{wanted}" in headers["webhook-signature"].split(" ")


def test_a_known_signature() -> None:
    secret = "whsec_" + base64.b64encode(b"k" * 24).decode()
    found = signing.sign(secret, "hook-1", 1700000000, b'{"a":1}')
    mac = hmac.new(b"k" * 24, b'hook-1.1700000000.{"a":1}', hashlib.sha256)
    assert found == "v1," + base64.b64encode(mac.digest()).decode()


def test_messages_are_signed_with_the_old_secret_too(
    accept: Accept, caller: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = end(accept())
    first = make_secret(principal=caller)
    message = message_of(delivery)
    headers = dict(message.headers)
    assert headers["Content-Type"] == "application/json"
    assert headers["webhook-id"] == f"hook-{delivery.pk}"
    assert abs(int(headers["webhook-timestamp"]) - timezone.now().timestamp()) < 60
    assert verified(first, headers, message.body)
    assert not verified(first, headers, message.body + b" ")
    second = make_secret(principal=caller)
    headers = dict(message_of(delivery).headers)
    assert len(headers["webhook-signature"].split(" ")) == 2
    assert verified(first, headers, message.body) and verified(second, headers, message.body)
    later = timezone.now() + SECRET_OVERLAP + timedelta(seconds=1)
    assert caller.user_id is not None
    assert signing.signing_secrets(caller.user_id, later) == [second]


def test_a_secret_is_made_when_it_is_needed(accept: Accept, caller: Principal) -> None:
    delivery = end(accept())
    assert WebhookSecret.objects.count() == 0
    message_of(delivery)
    assert caller.user_id is not None
    (made,) = signing.signing_secrets(caller.user_id, timezone.now())
    assert verified(made, dict(message_of(delivery).headers), message_of(delivery).body)


def test_a_secret_shows_nowhere(
    accept: Accept, caller: Principal, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = [make_secret(principal=caller), make_secret(principal=caller)]
    message_of(end(accept()))
    row = WebhookSecret.objects.get()
    shown = [
        repr(row),
        str(row),
        repr(vars(row)),
        caplog.text,
        serializers.serialize("json", [row]),
    ]
    for secret in secrets:
        assert all(secret not in text and secret[6:] not in text for text in shown)


def test_secrets_are_encrypted_again(caller: Principal, settings: Any) -> None:
    made = [make_secret(principal=caller), make_secret(principal=caller)]
    settings.ENCRYPTION_KEYS = ("1" * 32,)
    call_command("encrypt_again", verbosity=0)
    settings.SECRET_KEY = "another" * 10
    assert caller.user_id is not None
    assert signing.signing_secrets(caller.user_id, timezone.now()) == made[::-1]


# -- sending --------------------------------------------------------------------------------


class Client:
    """Stands for the network: answers with a status, or fails."""

    def __init__(self, outcome: int | Exception) -> None:
        self.outcome = outcome
        self.sent: list[tuple[Destination, dict[str, str], bytes]] = []

    async def post(
        self, destination: Destination, headers: list[tuple[str, str]], body: bytes
    ) -> int:
        self.sent.append((destination, dict(headers), body))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def send_with(client: Client) -> None:
    async def run() -> None:
        sender = WebhookSender(client)  # type: ignore[arg-type]
        await asyncio.gather(*await sender.send_due())

    asyncio.run(run())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("outcome", "state", "status", "error"),
    [
        (204, "delivered", 204, ""),
        (503, "pending", 503, "the receiver answered 503"),
        (301, "pending", 301, "the receiver answered 301"),
        (410, "failed", 410, "the receiver answered 410"),
        (NoAnswer("no answer within 15 s"), "pending", None, "no answer within 15 s"),
        (AddressNotAllowed("not public"), "pending", None, "not public"),
    ],
)
def test_sending(
    accept: Accept,
    outcome: int | Exception,
    state: str,
    status: int | None,
    error: str,
) -> None:
    delivery = end(accept())
    client = Client(outcome)
    send_with(client)
    ((destination, headers, body),) = client.sent
    assert destination.target == "/in?token=t" and headers["webhook-id"] == str(delivery)
    assert orjson.loads(body)["result"] == "hello"
    delivery.refresh_from_db()
    assert (delivery.state, delivery.last_status, delivery.last_error) == (state, status, error)
    assert delivery.lease_expires_at is None and delivery.last_at is not None


@pytest.mark.django_db(transaction=True)
def test_a_secret_that_cannot_be_read_is_told(
    accept: Accept, caller: Principal, settings: Any
) -> None:
    delivery = end(accept())
    make_secret(principal=caller)
    settings.SECRET_KEY = "another" * 10
    client = Client(200)
    send_with(client)
    assert client.sent == []
    delivery.refresh_from_db()
    assert delivery.last_error == sending.UNREADABLE_SECRET
    make_secret(principal=caller)
    due(delivery)
    send_with(client)
    assert len(client.sent) == 1


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_does_not_answer_holds_up_nobody_else(accept: Accept) -> None:
    for _ in range(MOST_WEBHOOKS_OF_RECEIVER + 1):
        end(accept(webhook="http://dead.example/"))
    fine = [end(accept(webhook="http://fine.example/")) for _ in range(10)]

    class HalfDead(Client):
        async def post(
            self, destination: Destination, headers: list[tuple[str, str]], body: bytes
        ) -> int:
            await super().post(destination, headers, body)
            hosts = [each.host for each, _, _ in self.sent]
            counts = (hosts.count("dead.example"), hosts.count("fine.example"))
            if counts == (MOST_WEBHOOKS_OF_RECEIVER, len(fine)):
                done.set()
            if destination.host == "dead.example":
                await asyncio.Event().wait()
            return 200

    done = asyncio.Event()
    client = HalfDead(200)

    async def run() -> None:
        work = asyncio.create_task(WebhookSender(client).run())  # type: ignore[arg-type]
        await asyncio.wait_for(done.wait(), 20)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(run())
    hosts = [destination.host for destination, _, _ in client.sent]
    assert hosts.count("dead.example") == MOST_WEBHOOKS_OF_RECEIVER
    assert hosts.count("fine.example") == len(fine)
