"""Running sample inputs: as queued calls of the algorithm's owner (spec.md 3.4).

A build has one sample, and of one sample at most one call is under way.
"""

import orjson
from django.db import transaction

from algorithms.constants import (
    ENDED_STATES,
    MOST_SAMPLE_CHARACTERS,
    SAMPLE_SECONDS,
)
from algorithms.models import Algorithm, AsyncCall, Build, Sample
from algorithms.queueing.platform_calls import queue_for_owner

# Compared by nobody, but so it is told in the original.
FAILED = "Exception encountered while running sample input"


@transaction.atomic
def run_sample(*, build: Build, text: str) -> None:
    """Have a worker run this sample input of a build that has succeeded; "" is none.

    The output is forgotten at once, and is there again when the call has ended.
    """
    sample = _locked_sample(build, text)
    sample.input, sample.output = text, ""
    if _is_under_way(sample):
        sample.is_stale = True
    else:
        _queue(sample)
    sample.save()


@transaction.atomic
def keep_sample(*, build: Build, text: str, output: str) -> None:
    """Take an output that was given together with its input; nothing is run for it."""
    sample = _locked_sample(build, text)
    sample.input, sample.output, sample.call_id, sample.is_stale = text, output, None, False
    sample.save()


def sampled_build(algorithm: Algorithm) -> Build | None:
    """Whose output a changed sample input gets: the latest public version's, or else the newest."""
    builds = Build.objects.filter(algorithm=algorithm).succeeded()
    builds = builds.with_version().select_related("environment")
    newest = ("-version__major", "-version__minor", "-version__patch")
    public = builds.callable_by_all(True).order_by(*newest).first()
    return public or builds.newest_first().first()


def record_output(call: AsyncCall, *, result: bytes | None, content_type: str) -> None:
    """A call has ended; if it was of a sample, that has its output now.

    To be called in the transaction that ends the call. None is a call without a result.
    """
    if call.key_id is not None:
        return  # Somebody's own.
    rows = Sample.objects.select_for_update(of=("self",))
    sample = rows.select_related("build__algorithm__owner").filter(call_id=call.pk).first()
    if sample is None:
        return
    if sample.is_stale:
        _queue(sample)
    else:
        sample.output = _shown(result, content_type)
    sample.save()


def _locked_sample(build: Build, text: str) -> Sample:
    sample, _ = Sample.objects.get_or_create(build=build, defaults={"input": text})
    rows = Sample.objects.select_for_update(of=("self",))
    return rows.select_related("build__algorithm__owner").get(pk=sample.pk)


def _is_under_way(sample: Sample) -> bool:
    calls = AsyncCall.objects.filter(pk=sample.call_id).exclude(state__in=ENDED_STATES)
    return calls.exists()


def _queue(sample: Sample) -> None:
    sample.is_stale, sample.call_id = False, None
    if sample.input:
        payload = payload_of(sample.input)
        sample.call_id = queue_for_owner(
            build=sample.build, payload=payload, seconds=SAMPLE_SECONDS
        )


def payload_of(text: str) -> bytes:
    """A sample input as a runner is given it: as JSON where it is JSON, else as text."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return b"t" + text.encode()
    return b"j" + text.encode()


def _shown(result: bytes | None, content_type: str) -> str:
    """The result as its reader wants it: text without quotes, all else as JSON."""
    if result is None:
        return FAILED
    text = orjson.loads(result) if content_type == "text" else result.decode("utf-8", "replace")
    # PostgreSQL text cannot hold NUL.
    return str(text).replace("\x00", "\N{REPLACEMENT CHARACTER}")[:MOST_SAMPLE_CHARACTERS]
