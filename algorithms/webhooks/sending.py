"""Sending webhooks in a worker: one event loop, so that a slow receiver holds up no thread."""

import asyncio
import logging
import threading
import time
from functools import partial

from django.db import Error

from algoport.db.threads import in_database_thread
from algoport.encryption import NotDecryptable
from algoport.http.addresses import AddressNotAllowed
from algoport.http.outgoing import NoAnswer, OutgoingClient
from algoport.loops import woken_within
from algorithms.constants import MOST_WEBHOOKS
from algorithms.models import WebhookDelivery
from algorithms.webhooks import leases
from algorithms.webhooks.leases import Attempted
from algorithms.webhooks.messages import message_of

logger = logging.getLogger(__name__)

POLL_SECONDS = 2.0
UNREADABLE_SECRET = "the account's signing secret cannot be read; make a new one"  # noqa: S105


class WebhookSender:
    """Takes deliveries for as long as it runs, at most MOST_WEBHOOKS at once."""

    def __init__(self, client: OutgoingClient) -> None:
        self._client = client
        self._woken = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """There may be something to send; to be called in the loop's thread."""
        self._woken.set()

    async def run(self) -> None:
        """Until it is cancelled; what is under way then is sent again when its lease is over."""
        try:
            while True:
                try:
                    await self.send_due()
                except Error as exc:
                    logger.warning("webhooks cannot be read: %s", exc)
                await woken_within(POLL_SECONDS, self._woken)
        finally:
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)

    async def send_due(self) -> list["asyncio.Task[None]"]:
        """Begin to send what is due and there is room for."""
        begun = []
        while (room := MOST_WEBHOOKS - len(self._sending)) > 0:
            deliveries = await in_database_thread(leases.take_deliveries, room)
            begun += [self._begin(delivery) for delivery in deliveries]
            if len(deliveries) < room:
                break
        return begun

    def _begin(self, delivery: WebhookDelivery) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(self._send(delivery))
        self._sending.add(task)
        task.add_done_callback(partial(self._end, delivery))
        return task

    def _end(self, delivery: WebhookDelivery, task: "asyncio.Task[None]") -> None:
        self._sending.discard(task)
        # The next one of its receiver may have waited for this.
        self._woken.set()
        if not task.cancelled() and task.exception() is not None:
            # Its lease runs out, and it is sent again.
            logger.error("%s failed in the platform", delivery, exc_info=task.exception())

    async def _send(self, delivery: WebhookDelivery) -> None:
        began, status = time.monotonic(), None
        try:
            message = await in_database_thread(message_of, delivery)
            status = await self._client.post(message.destination, message.headers, message.body)
            error = "" if 200 <= status < 300 else f"the receiver answered {status}"
        except (AddressNotAllowed, NoAnswer) as exc:
            error = str(exc)
        except NotDecryptable as exc:
            logger.error("%s cannot be signed: %s", delivery, exc)
            error = UNREADABLE_SECRET
        attempted = Attempted(status, time.monotonic() - began, error)
        await in_database_thread(leases.settle, delivery.pk, delivery.attempt, attempted)


class SenderThread(threading.Thread):
    """The loop of a worker's sender, for as long as the worker runs."""

    def __init__(self, client: OutgoingClient) -> None:
        super().__init__(name="webhook-sender", daemon=True)
        self._loop = asyncio.new_event_loop()
        self._sender = WebhookSender(client)
        self._work: asyncio.Task[None] | None = None

    def run(self) -> None:
        self._work = self._loop.create_task(self._sender.run())
        try:
            self._loop.run_until_complete(self._work)
        except asyncio.CancelledError:
            pass  # Stopped.
        finally:
            self._loop.close()

    def wake(self) -> None:
        self._loop.call_soon_threadsafe(self._sender.wake)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._cancel)
        self.join()

    def _cancel(self) -> None:
        assert self._work is not None
        self._work.cancel()
