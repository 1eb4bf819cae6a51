"""What happens when something is announced: a worker is told that there is work for it."""

import logging
from typing import Any
from uuid import UUID

import redis
from django.dispatch import receiver

from algoport.broker import BrokerUnavailable, send_task
from algorithms.building.signals import build_requested
from algorithms.queueing.signals import call_cancelled, call_queued
from algorithms.remotes.services import fetch_what_waited
from algorithms.remotes.signals import fetch_due
from algorithms.running import registry
from algorithms.tasks import (
    build_algorithm_task,
    deliver_webhooks_task,
    fetch_source_task,
    run_queued_calls_task,
)
from algorithms.waking import SENDER
from algorithms.webhooks.signals import delivery_due
from scm.signals import host_authorized

logger = logging.getLogger(__name__)


@receiver(build_requested)
def enqueue_build(sender: object, build_id: UUID, **kwargs: Any) -> None:
    try:
        send_task(build_algorithm_task, str(build_id))
    except BrokerUnavailable as exc:
        # Builds that wait are looked for every minute.
        logger.warning("build %s waits: %s", build_id, exc)


@receiver(fetch_due)
def enqueue_fetch(sender: object, algorithm_id: UUID, **kwargs: Any) -> None:
    try:
        send_task(fetch_source_task, str(algorithm_id))
    except BrokerUnavailable as exc:
        # Fetches that wait are looked for as builds are.
        logger.warning("the fetch for %s waits: %s", algorithm_id, exc)


@receiver(host_authorized)
def fetch_again(sender: object, user_id: UUID, scm_id: str, **kwargs: Any) -> None:
    fetch_what_waited(user_id=user_id, scm_id=scm_id)


@receiver(call_queued)
def wake_executor(sender: object, **kwargs: Any) -> None:
    send_task(run_queued_calls_task)


@receiver(call_cancelled)
def stop_run(sender: object, call_id: UUID, **kwargs: Any) -> None:
    message = registry.encode({"cancel": str(call_id)})
    try:
        registry.worker_connection().publish(registry.GATEWAYS_CHANNEL, message)
    except redis.RedisError as exc:
        # Its worker finds out when it renews the lease.
        logger.warning("cannot hurry the end of req-%s: %s", call_id, exc)


@receiver(delivery_due)
def send_webhooks(sender: object, **kwargs: Any) -> None:
    if SENDER.wake():
        return
    try:
        send_task(deliver_webhooks_task)
    except BrokerUnavailable as exc:
        # The senders look for themselves every few seconds.
        logger.warning("cannot hurry a webhook: %s", exc)
