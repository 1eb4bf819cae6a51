"""Handing tasks to workers by way of the broker."""

from typing import Any

from celery import Celery, Task
from celery.signals import setup_logging
from django.conf import settings
from kombu.exceptions import OperationalError

from algoport.logs import configure


def make_application(**options: Any) -> Celery:
    """The Celery application as the settings say."""
    made = Celery("algoport", **options)
    made.config_from_object("django.conf:settings", namespace="CELERY")
    return made


@setup_logging.connect
def configure_logging(**kwargs: object) -> None:
    """Log as the settings say, not as Celery would."""
    configure(settings.LOGGING)


class BrokerUnavailable(Exception):
    """The broker does not answer; nobody knows whether it has the task."""


def send_task(task: Task, *args: Any) -> None:
    """Have a worker run the task. Raises BrokerUnavailable."""
    try:
        task.delay(*args)
    except OperationalError as exc:
        raise BrokerUnavailable(str(exc)) from exc
    except AttributeError as exc:
        # kombu's way to say that the connection ended while it was being published to.
        if exc.obj is not None:
            raise
        raise BrokerUnavailable("the connection was lost") from exc
