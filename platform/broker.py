"""Handing tasks to workers by way of the broker."""

from typing import Any

from celery import Task
from kombu.exceptions import OperationalError


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
