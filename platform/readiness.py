"""Whether the platform can do its work now: what workers tell, and what `/readyz` makes of it."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

import psycopg2
import redis
from django.conf import settings
from django.db import connection
from kombu import Connection
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

OK = "ok"
SILENT = "does not answer"
NO_WORKER = "no worker can run algorithms"
# All parts are asked at the same time, each for so long.
PART_SECONDS = 2
# A worker that can run algorithms says so this often, and is believed for so long.
TOLD_SECONDS = 3.0
_BELIEVED_SECONDS = 10
_RUNTIME_KEY = "algoport:runtime"

# A name that is looked up in vain keeps its thread longer than anybody waits for it; probes that
# come meanwhile find no thread, and so no part that answers.
_threads = ThreadPoolExecutor(3, thread_name_prefix="readiness")


def tell_runtime(valkey: "redis.Redis") -> None:
    """Some worker can run algorithms, now. Raises RedisError."""
    valkey.set(_RUNTIME_KEY, time.time(), ex=_BELIEVED_SECONDS)


def read_parts() -> dict[str, str]:
    """How each part of the platform is, OK or what is wrong with it; takes PART_SECONDS at most."""
    asked = {name: _threads.submit(ask) for name, ask in _PARTS.items()}
    wait(asked.values(), timeout=PART_SECONDS)
    return {name: _answer(name, future) for name, future in asked.items()}


def _answer(name: str, asked: "Future[str]") -> str:
    if not asked.done():
        asked.cancel()
        logger.warning("not ready: the %s has not answered for %s s", name, PART_SECONDS)
        return SILENT
    error = asked.exception()
    if error is not None:
        logger.warning("not ready: the %s does not answer: %s", name, error)
        return SILENT
    return asked.result()


def _ask_database() -> str:
    parameters = {**connection.get_connection_params(), "connect_timeout": PART_SECONDS}
    parameters.pop("cursor_factory", None)
    own = psycopg2.connect(**parameters)
    try:
        with own.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        own.close()
    return OK


def _ask_broker() -> str:
    """Valkey, and RabbitMQ where tasks go through that."""
    with _valkey() as valkey:
        valkey.ping()
    if settings.CELERY_BROKER_URL.startswith("amqp"):
        with Connection(settings.CELERY_BROKER_URL, connect_timeout=PART_SECONDS) as rabbit:
            rabbit.connect()
    return OK


def _ask_runtime() -> str:
    with _valkey() as valkey:
        return OK if valkey.exists(_RUNTIME_KEY) else NO_WORKER


def _valkey() -> "redis.Redis":
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=PART_SECONDS,
        socket_timeout=PART_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


_PARTS: dict[str, Callable[[], str]] = {
    "database": _ask_database,
    "broker": _ask_broker,
    "runtime": _ask_runtime,
}
