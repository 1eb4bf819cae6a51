"""The Celery application: workers and beat start from here."""

import os
from typing import TYPE_CHECKING

import algoport  # noqa: F401

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "algoport.settings")

from celery import Celery
from celery.signals import setup_logging, worker_init, worker_shutdown
from django.conf import settings

if TYPE_CHECKING:
    from algorithms.queueing.executor import ExecutorThread

_executor: "ExecutorThread | None" = None

app = Celery("algoport")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def configure_logging(**kwargs: object) -> None:
    """Log as the settings say, not as Celery would."""
    import logging.config

    logging.config.dictConfig(settings.LOGGING)


@worker_init.connect
def start_worker(**kwargs: object) -> None:
    from algorithms.queueing.executor import ExecutorThread
    from algorithms.queueing.waking import set_executor
    from algorithms.running.gateway import Role
    from algorithms.running.starting import start_keeping

    # Builds and queued calls run algorithms, which may use the API: the worker serves their relay.
    from algoport.asgi import application  # isort:skip

    start_keeping()
    global _executor
    _executor = ExecutorThread(
        application.gateway, lambda: application.open(Role.WORKER), application.close
    )
    _executor.start()
    set_executor(_executor.wake)


@worker_shutdown.connect
def stop_worker(**kwargs: object) -> None:
    from algorithms.queueing.waking import set_executor
    from algorithms.running.starting import stop_keeping

    set_executor(None)
    if _executor is not None:
        _executor.stop()
    stop_keeping()
