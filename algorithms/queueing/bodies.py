"""A queued call as its caller sees it: the same in /v1/requests and in webhooks."""

from datetime import datetime
from typing import Any

import orjson

from algoport.api.timestamps import to_milliseconds
from algorithms.constants import AsyncState
from algorithms.models import AsyncCall


def request_head(call: AsyncCall) -> dict[str, Any]:
    """What a list shows of a request."""
    return {
        "request_id": f"req-{call.pk}",
        "session_id": f"rses-{call.session_id}",
        "algorithm": f"algo://{call.address}",
        "state": call.state,
        "accepted_at": _time(call.accepted_at),
        "started_at": _time(call.started_at),
        "ended_at": _time(call.ended_at),
        "tries": call.tries,
        "attempts_allowed": call.attempts_allowed,
    }


def request_body(call: AsyncCall) -> dict[str, Any]:
    """A request with its result or error, in the form of a synchronous answer."""
    body = request_head(call)
    if call.state == AsyncState.FINISHED:
        kept = call.result is not None
        body["result"] = orjson.loads(call.result) if kept else None
        body["metadata"] = _metadata(call)
        if not kept:
            body["metadata"]["expired"] = True
    elif call.error:
        body["error"] = {"message": call.error, "error_type": call.error_type}
    return body


def request_body_without_result(call: AsyncCall) -> dict[str, Any]:
    """For a finished request whose result is too large for where this goes."""
    metadata = {**_metadata(call), "truncated": True}
    return {**request_head(call), "result": None, "metadata": metadata}


def _metadata(call: AsyncCall) -> dict[str, Any]:
    return {"content_type": call.content_type, "duration": call.seconds}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else to_milliseconds(moment)
