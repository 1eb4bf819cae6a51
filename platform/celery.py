"""The Celery application: workers and beat start from here."""

import os

import algoport  # noqa: F401

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "algoport.settings")

from celery import Celery
from celery.signals import setup_logging, worker_init, worker_shutdown
from django.conf import settings

from algoport.metrics import Flusher

flusher = Flusher()
app = Celery("algoport")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def configure_logging(**kwargs: object) -> None:
    """Log as the settings say, not as Celery would."""
    from algoport.logs import configure

    configure(settings.LOGGING)


@worker_init.connect
def start_worker(**kwargs: object) -> None:
    from algorithms.running.starting import start_keeping

    # Builds start algorithms, whose load() may use the API: the worker serves their relay.
    import algoport.asgi  # noqa: F401  isort:skip

    start_keeping()
    flusher.start()


@worker_shutdown.connect
def stop_worker(**kwargs: object) -> None:
    from algorithms.running.starting import stop_keeping

    stop_keeping()
    flusher.stop()
