"""The Celery application that workers start from."""

import os
import time
from functools import partial
from typing import TYPE_CHECKING

import algoport  # noqa: F401

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "algoport.settings")

from celery.signals import worker_init, worker_shutdown, worker_shutting_down
from django.conf import settings

from algoport.broker import make_application

if TYPE_CHECKING:
    from algorithms.metering.writer import RecordWriter
    from algorithms.queueing.executor import ExecutorThread
    from algorithms.webhooks.sending import SenderThread

_writer: "RecordWriter | None" = None
_executor: "ExecutorThread | None" = None
_sender: "SenderThread | None" = None
# When calls in other processes have had their time to end.
_drained_at = 0.0

app = make_application()
app.autodiscover_tasks()


@worker_init.connect
def start_worker(**kwargs: object) -> None:
    from algoport.http.outgoing import OutgoingClient
    from algorithms.metering.writer import RecordWriter
    from algorithms.queueing.executor import ExecutorThread
    from algorithms.running.gateway import Role
    from algorithms.running.starting import start_keeping
    from algorithms.waking import EXECUTOR, SENDER
    from algorithms.webhooks.policy import webhook_policy
    from algorithms.webhooks.sending import SenderThread

    # Builds and queued calls run algorithms, which may use the API: the worker serves their relay.
    from algoport.asgi import application  # isort:skip

    start_keeping()
    global _executor, _sender, _writer
    _writer = RecordWriter()
    _writer.start()
    _executor = ExecutorThread(
        application.gateway, partial(application.open, Role.WORKER), application.close
    )
    _executor.start()
    EXECUTOR.connect(_executor.wake)
    _sender = SenderThread(OutgoingClient(webhook_policy()))
    _sender.start()
    SENDER.connect(_sender.wake)


@worker_shutting_down.connect
def leave(**kwargs: object) -> None:
    """The first thing: Celery waits for its tasks before it stops, and builds take their time."""
    global _drained_at
    _drained_at = time.monotonic() + settings.DRAIN_SECONDS
    if _executor is not None:
        _executor.leave()


@worker_shutdown.connect
def stop_worker(**kwargs: object) -> None:
    from algorithms.running.starting import stop_keeping
    from algorithms.waking import EXECUTOR, SENDER

    EXECUTOR.connect(None)
    SENDER.connect(None)
    if _executor is not None:
        _executor.stop()
    if _sender is not None:
        _sender.stop()
    # Last: what the others have ended is recorded.
    if _writer is not None:
        _writer.stop()
    stop_keeping(_drained_at - time.monotonic())
