"""Webhooks of a whole platform, to a receiver on this machine."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote_plus

import pytest
import requests

from tests.acceptance.platform import Account, deploy, running_platform, wait_until
from tests.acceptance.steps import ECHO, unused
from tests.doubles.http import Handler, serving

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("webhooks"), pytest.mark.timeout(240)]


class Receiver:
    """Answers with one status after the other, the last one for ever, and keeps what it got."""

    def __init__(self) -> None:
        self.port = 0
        self.statuses = [200]
        self.got: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/in"

    def verified(self, secret: str) -> list[bool]:
        return [_is_signed(secret, headers, body) for headers, body in self.got]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Sent(Handler):
        def do_POST(self) -> None:
            receiver.got.append((dict(self.headers.items()), self.body()))
            left = receiver.statuses
            self.answer(left.pop(0) if len(left) > 1 else left[0])

    with serving(Sent) as receiver.port:
        yield receiver


def _is_signed(secret: str, headers: dict[str, str], body: bytes) -> bool:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return f"v1,{wanted}" in headers["webhook-signature"].split(" ")


def ask(account: Account, method: str, path: str, **options: Any) -> requests.Response:
    url = f"{account.platform.url}{path}"
    headers = {"Authorization": account.key, "Content-Type": "text/plain"}
    return requests.request(method, url, headers=headers, timeout=30, **options)


def test_a_webhook_tells_of_the_end() -> None:
    with receiving() as receiver:
        allowed = f"127.0.0.1:{receiver.port}"
        with running_platform(ALGOPORT_WEBHOOK_HOSTS=allowed) as platform:
            _check(receiver, platform.account(unused("hook")))


def _check(receiver: Receiver, account: Account) -> None:
    path = "/v1/algo/" + deploy(account, "Echo", ECHO)
    secret = ask(account, "POST", "/v1/webhooks/secret").json()["secret"]
    hook = f"&webhook={quote_plus(receiver.url)}"

    # Refused once, it comes again by itself a few seconds later.
    receiver.statuses = [500, 200]
    accepted = ask(account, "POST", f"{path}?output=void{hook}", data="it").json()["request_id"]
    wait_until(lambda: len(receiver.got) == 2, 40, "the webhook comes twice")
    assert receiver.verified(secret) == [True, True]
    (first, body), (second, again) = receiver.got
    assert first["webhook-id"] == second["webhook-id"] and body == again
    told = ask(account, "GET", f"/v1/requests/{accepted}")
    assert json.loads(body) == told.json() and told.json()["result"] == "it"

    def delivery() -> dict[str, Any]:
        found: dict[str, Any] = ask(account, "GET", f"/v1/requests/{accepted}/webhook").json()
        (only,) = found["deliveries"]
        return dict(only)

    wait_until(lambda: delivery()["state"] == "delivered", 10, "the delivery is settled")
    assert delivery()["attempts"] == 2 and delivery()["last_attempt"]["status"] == 200

    # Sent again, it has the same id; after a rotation both secrets sign it.
    newer = ask(account, "POST", "/v1/webhooks/secret").json()["secret"]
    ask(account, "POST", f"/v1/requests/{accepted}/webhook/redeliver")
    wait_until(lambda: len(receiver.got) == 3, 10, "it is sent again")
    assert receiver.verified(secret)[-1] and receiver.verified(newer) == [False, False, True]
    assert receiver.got[-1][0]["webhook-id"] == first["webhook-id"]

    # The port next to it was not allowed, and only queued calls have webhooks.
    other = quote_plus(f"http://127.0.0.1:{receiver.port + 1}/")
    refused = ask(account, "POST", f"{path}?output=void&webhook={other}", data="it")
    assert refused.status_code == 400 and refused.json()["code"] == 6001
    message = refused.json()["message"]
    assert "127.0.0.1" in message and "ALGOPORT_WEBHOOK_HOSTS" in message
    refused = ask(account, "POST", f"{path}?{hook[1:]}", data="it")
    assert refused.status_code == 400 and "output=void" in refused.json()["message"]
