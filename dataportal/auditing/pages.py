"""The record of data that people see and change by pages, beside that of the Data API."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from algoport.accounts.constants import NAME_LENGTH
from algoport.accounts.permissions import Principal
from algoport.errors import ApiError
from algoport.http.tracing import Session, Trace, current_trace
from algoport.journals.records import cut_to_bytes
from dataportal.auditing.records import CHANGES, INTERRUPTED, INTERRUPTED_TYPE, OPERATIONS, Access
from dataportal.constants import LABEL_LENGTH, LONGEST_ACCESSED_PATH
from dataportal.models import DataAccess
from dataportal.paths import DataPath

_OK = 200


@dataclass(slots=True)
class Seen:
    """What becomes known while the page is made: whose it is, how much, whether a list."""

    connector: str = ""
    owner: str = ""
    bytes_out: int = 0
    is_listing: bool = False


@contextmanager
def accessed(principal: Principal, path: DataPath, method: str) -> Iterator[Seen]:
    """Record the block as a request of this method for the path.

    That a change has begun is kept before it is made, as on the data plane (docs/data.md).
    """
    seen, trace = Seen(), current_trace.get() or Trace(Session())
    began = time.perf_counter()
    row = DataAccess(
        id=uuid.uuid4(),
        session_id=trace.session.id,
        accessed_at=datetime.now(UTC),
        account=principal.username.lower(),
        account_id=principal.user_id,
        principal=principal.kind.value,
        bytes_in=0,
        status=INTERRUPTED,
        error_type=INTERRUPTED_TYPE,
    )
    if method in CHANGES:
        _save(row, principal, path, method, seen, began)
    try:
        yield seen
    except ApiError as exc:
        row.status, row.error_type = exc.status, type(exc).__name__[:60]
        raise
    else:
        row.status, row.error_type = _OK, ""
    finally:
        _save(row, principal, path, method, seen, began)


def _save(
    row: DataAccess, principal: Principal, path: DataPath, method: str, seen: Seen, began: float
) -> None:
    access = Access(Trace(Session()), method, principal, path, seen.connector, seen.owner)
    owner, connector, place = access.target(principal)
    row.owner = owner[:NAME_LENGTH]
    row.connector = connector[: LABEL_LENGTH + 10]
    row.path = cut_to_bytes(place, LONGEST_ACCESSED_PATH)
    row.operation = "list" if seen.is_listing else OPERATIONS[method]
    row.bytes_out = seen.bytes_out
    row.seconds = time.perf_counter() - began
    row.save(force_insert=row._state.adding)
