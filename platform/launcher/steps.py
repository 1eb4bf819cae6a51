"""Steps of the start: functions that run in a process of their own; its status is theirs."""

import sys
from collections.abc import Callable

from django.conf import settings

from algoport.launcher.errors import StartRefused


def complain(reason: str) -> int:
    """Say in one line why this step failed; the status of a failed step."""
    print(f"algoport: {' '.join(reason.split())}", file=sys.stderr)
    return 1


def step_of(prepare: Callable[[], None]) -> Callable[[], int]:
    """A step from a function that raises StartRefused."""

    def step() -> int:
        try:
            prepare()
        except StartRefused as exc:
            return complain(str(exc))
        return 0

    return step


def check_broker() -> int:
    """Ask the servers of REDIS_URL and CELERY_BROKER_URL for a sign of life; the exit status."""
    import kombu
    import redis

    try:
        redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5).ping()
    except redis.RedisError as exc:
        return complain(f"the broker of REDIS_URL does not answer: {exc}")
    if settings.CELERY_BROKER_URL.startswith("amqp"):
        try:
            with kombu.Connection(settings.CELERY_BROKER_URL, connect_timeout=5) as rabbit:
                rabbit.ensure_connection(max_retries=1)
        except kombu.exceptions.OperationalError as exc:
            return complain(f"the broker of CELERY_BROKER_URL does not answer: {exc}")
    return 0
