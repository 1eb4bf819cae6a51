"""What is recorded of each request of the Data API, before its answer begins."""

import time
import uuid
from collections.abc import MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from algoport.accounts.constants import NAME_LENGTH
from algoport.accounts.permissions import Principal, PrincipalKind
from algoport.http.asgi import Receive, Scope, Send
from algoport.http.tracing import SESSION, TRACE, Session, Trace
from algoport.journals.intents import Intents, IntentWriter
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
OPERATIONS = {
    "GET": "read",
    "HEAD": "look",
    "PUT": "write",
    "POST": "make",
    "PATCH": "change",
    "DELETE": "delete",
}
_MY = ".my"
CHANGES = frozenset({"PUT", "POST", "PATCH", "DELETE"})
# The folder, inside the journal's, of what has begun.
INTENTS = "begun"
# What servers write down for a client that did not wait.
_NO_ANSWER = 499
# Of a change whose process was killed: it was made or it was not.
INTERRUPTED, INTERRUPTED_TYPE = 500, "Interrupted"


@lru_cache(maxsize=1024)
def _who(username: str, user_id: UUID | None, kind: PrincipalKind, key_id: UUID | None) -> str:
    """The fields of an account and its key: of few, for many records."""
    return f"{username.lower()}\t{user_id}\t{kind.value}\t{key_id or NO_VALUE}"


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
    intents: Intents | None = None

    def line(self, status: int, bytes_out: int, *, is_listing: bool) -> bytes:
        """One line in PostgreSQL's text format of COPY."""
        assert self.principal is not None
        principal, run, trace = self.principal, self.principal.run, self.trace
        operation = "list" if is_listing else OPERATIONS.get(self.method, "other")
        owner, connector, path = self.target(principal)
        who = _who(principal.username, principal.user_id, principal.kind, principal.key_id)
        code = f"{NO_VALUE}\t{NO_VALUE}"
        if run is not None:
            code = f"{run.algorithm_id}\t{run.request_id or NO_VALUE}"
        return (
            f"{trace.id.hex}\t{trace.session.id.hex}\t{moment_field(time.time())}\t"
            f"{text_field(owner, NAME_LENGTH)}\t{text_field(connector, LABEL_LENGTH + 10)}\t"
            f"{text_field(cut_to_bytes(path, LONGEST_ACCESSED_PATH), LONGEST_ACCESSED_PATH)}\t"
            f"{operation}\t{who}\t{code}\t"
            f"{self.bytes_in}\t{bytes_out}\t{status}\t{text_field(self.error_type, 60)}\t"
            f"{trace.seconds:.6f}\n"
        ).encode("utf-8", "replace")

    def target(self, principal: Principal) -> tuple[str, str, str]:
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
    """The journal of accesses, and of changes that have begun."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._begun = IntentWriter(folder / INTENTS)

    def begin(self, access: Access) -> None:
        """Have a change recorded even if this process is killed before it has an answer."""
        if access.method not in CHANGES:
            return
        access.error_type = INTERRUPTED_TYPE
        line = access.line(INTERRUPTED, 0, is_listing=False)
        access.error_type = ""
        access.intents = self._begun.begin(line)

    def close(self) -> None:
        super().close()
        self._begun.close()

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
                bytes_out, is_listing = 0, False
                for name, value in message["headers"]:
                    if name == b"Content-Length" and access.method != "HEAD":
                        bytes_out = int(value)
                    elif name == b"X-Data-Type":
                        is_listing = value == b"directory" and access.method == "GET"
                access.is_recorded = True
                self.append(access.line(message["status"], bytes_out, is_listing=is_listing))
            await send(message)

        # What comes with a read, if anything, is not looked at.
        return access, counted if access.method in CHANGES else receive, recording

    def end(self, access: Access) -> None:
        """Record a request whose client went before there was an answer; what began has ended."""
        if access.principal is not None and not access.is_recorded:
            access.error_type = access.error_type or "ClientDisconnected"
            self.append(access.line(_NO_ANSWER, 0, is_listing=False))
        if access.intents is not None:
            self._begun.end(access.intents)
