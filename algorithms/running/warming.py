"""Having runners of a version ready before it takes calls."""

import logging
import time
import uuid

import redis

from algorithms.models import Build
from algorithms.running import registry
from algorithms.running.program import program_of

logger = logging.getLogger(__name__)

WARM_SECONDS = 10.0


def warm_build(build: Build, network_access: str) -> int:
    """Ask every gateway for a runner of the build; how many have said that they tried.

    Returns when all have, or after WARM_SECONDS: an algorithm that loads for longer takes calls
    while its runners still start.
    """
    reply = uuid.uuid4().hex
    message = {
        "warm": program_of(build, network_access).as_message(),
        "owner": str(build.algorithm.owner_id),
        "reply": reply,
    }
    connection = registry.worker_connection()
    deadline = time.monotonic() + WARM_SECONDS
    answered = 0
    try:
        asked = connection.publish(registry.GATEWAYS_CHANNEL, registry.encode(message))
        while answered < asked and (left := deadline - time.monotonic()) > 0:
            if connection.blpop([registry.warmed_key(reply)], timeout=left) is None:
                break
            answered += 1
    except redis.RedisError as exc:
        logger.warning("build %s is not warmed, the broker does not answer: %s", build.pk, exc)
    return answered
