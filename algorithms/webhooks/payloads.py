"""What a webhook says: the body of GET /v1/requests/ID, within bounds."""

from uuid import UUID

import orjson
from django.db.models.functions import Length

from algorithms.constants import WEBHOOK_ERROR_CHARACTERS, WEBHOOK_RESULT_BYTES
from algorithms.models import AsyncCall
from algorithms.queueing.bodies import request_body, request_body_without_result


def payload_of(call_id: UUID) -> bytes:
    """The end of a call, as it stands in the database now."""
    rows = AsyncCall.objects.defer("payload", "result", "stacktrace")
    rows = rows.annotate(size=Length("result"))
    row = rows.get(pk=call_id)
    if row.size is not None and row.size > WEBHOOK_RESULT_BYTES:
        return orjson.dumps(request_body_without_result(row))
    body = request_body(row)
    error = body.get("error")
    if error is not None and len(error["message"]) > WEBHOOK_ERROR_CHARACTERS:
        error["message"] = error["message"][:WEBHOOK_ERROR_CHARACTERS]
        error["truncated"] = True
    return orjson.dumps(body)
