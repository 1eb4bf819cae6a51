"""What is recorded of each request of the Data API, before its answer begins."""

import time
import uuid
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from algoport.accounts.constants import NAME_LENGTH
from algoport.accounts.permissions import Principal
from algoport.http.asgi import Receive, Scope, Send
from algoport.http.tracing import SESSION, TRACE, Session, Trace
from algoport.journals.records import NO_VALUE, RecordKind, cut_to_bytes, moment_field, text_field
from algoport.journals.segments import SegmentWriter
from dataportal.constants import LABEL_LENGTH, LONGEST_ACCESSED_PATH
from dataportal.paths import DATA, DataPath
from dataportal.system_paths import SYSTEM_FOLDERS

ACCESSES = RecordKind(
    "dataportal_dataaccess",
    (
        "id",
        "session_id",
        "accessed_at",
        "owner",
        "connector",
        "path",
        "operation",
        "account",
        "account_id",
        "principal",
        "key_id",
        "algorithm_id",
        "run_id",
        "bytes_in",
        "bytes_out",
        "status",
        "error_type",
        "seconds",
    ),
)
_OPERATIONS = {
    "GET": "read",
    "HEAD": "look",
    "PUT": "write",
    "POST": "make",
    "PATCH": "change",
    "DELETE": "delete",
}
_MY = ".my"
# What servers write down for a client that did not wait.
_NO_ANSWER = 499


@dataclass(slots=True)
class Access:
    """A request of the Data API; who asks, and for what, is told as it becomes known."""

    trace: Trace
    method: str
    principal: Principal | None = None
    path: DataPath | None = None
    # As it is called, and whose it is, where it was found.
    connector: str = ""
    owner: str = ""
    error_type: str = ""
    bytes_in: int = 0
    is_recorded: bool = False

    def line(self, status: int, bytes_out: int, *, is_listing: bool) -> bytes:
        """One line in PostgreSQL's text format of COPY."""
        assert self.principal is not None
        principal, run, trace = self.principal, self.principal.run, self.trace
        operation = "list" if is_listing else _OPERATIONS.get(self.method, "other")
        owner, connector, path = self._target(principal)
        path = cut_to_bytes(path, LONGEST_ACCESSED_PATH)
        return (
            f"{trace.id}\t{trace.session.id}\t{moment_field(time.time())}\t"
            f"{text_field(owner, NAME_LENGTH)}\t{text_field(connector, LABEL_LENGTH + 10)}\t"
            f"{text_field(path, LONGEST_ACCESSED_PATH)}\t{operation}\t"
            f"{principal.username.lower()}\t{principal.user_id}\t{principal.kind.value}\t"
            f"{principal.key_id or NO_VALUE}\t{NO_VALUE if run is None else run.algorithm_id}\t"
            f"{NO_VALUE if run is None else run.request_id or NO_VALUE}\t"
            f"{self.bytes_in}\t{bytes_out}\t{status}\t{text_field(self.error_type, 60)}\t"
            f"{trace.seconds:.6f}\n"
        ).encode("utf-8", "replace")

    def _target(self, principal: Principal) -> tuple[str, str, str]:
        """Whose data, which connector and what in it; as asked for, where it was not found."""
        own = principal.username.lower()
        if self.path is None:
            return own, DATA, ""
        path, segments = self.path, self.path.segments
        if path.connector != DATA:
            owner = self.owner.lower() or own
            return owner, (self.connector or path.connector).lower(), "/".join(segments)
        if not segments or segments[0] in SYSTEM_FOLDERS:
            return own, DATA, "/".join(segments)
        owner = own if segments[0] == _MY else segments[0].lower()
        # Collections compare without case, their files with it.
        collection = (segment.lower() for segment in segments[1:2])
        return owner, DATA, "/".join((owner, *collection, *segments[2:]))


class AccessJournal(SegmentWriter):
    """The journal of accesses."""

    def recorded(self, scope: Scope, receive: Receive, send: Send) -> tuple[Access, Receive, Send]:
        """The request's record, which is written before the answer's head is sent."""
        trace = scope.get(TRACE) or Trace(scope.get(SESSION) or Session(), uuid.uuid4())
        access = Access(trace, scope["method"])

        async def counted() -> MutableMapping[str, Any]:
            message = await receive()
            access.bytes_in += len(message.get("body", b""))
            return message

        async def recording(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start" and access.principal is not None:
                headers = dict(message["headers"])
                length = headers.get(b"Content-Length", b"0")
                is_listing = headers.get(b"X-Data-Type") == b"directory" and access.method == "GET"
                bytes_out = 0 if access.method == "HEAD" else int(length)
                access.is_recorded = True
                self.append(access.line(message["status"], bytes_out, is_listing=is_listing))
            await send(message)

        return access, counted, recording

    def end(self, access: Access) -> None:
        """Record a request whose client went before there was an answer."""
        if access.principal is not None and not access.is_recorded:
            access.error_type = access.error_type or "ClientDisconnected"
            self.append(access.line(_NO_ANSWER, 0, is_listing=False))
