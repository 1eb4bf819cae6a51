"""A client that calls an ASGI application in this process."""

import asyncio
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import orjson


@dataclass
class Answer:
    """What the application sent; `headers` under the names exactly as sent."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[bytes] = field(default_factory=list)
    complete: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    def json(self) -> Any:
        return orjson.loads(self.body)


def call(
    application: Any,
    method: str,
    target: str,
    *,
    headers: dict[str, str] | None = None,
    body: bytes | Iterable[bytes] = b"",
    disconnect: bool = False,
    scope: dict[str, Any] | None = None,
) -> Answer:
    """One request; `disconnect` goes away after the body's last piece, before its end.

    `scope` has further entries of the scope, as servers of our own add them.
    """
    return asyncio.run(
        call_async(
            application,
            method,
            target,
            headers=headers,
            body=body,
            disconnect=disconnect,
            scope=scope,
        )
    )


async def call_async(
    application: Any,
    method: str,
    target: str,
    *,
    headers: dict[str, str] | None = None,
    body: bytes | Iterable[bytes] = b"",
    disconnect: bool = False,
    scope: dict[str, Any] | None = None,
) -> Answer:
    answer = Answer()
    pieces = iter([body] if isinstance(body, bytes) else body)
    ended = False

    async def receive() -> dict[str, Any]:
        nonlocal ended
        if ended:
            return {"type": "http.disconnect"}
        piece = next(pieces, None)
        if piece is not None:
            return {"type": "http.request", "body": piece, "more_body": True}
        ended = True
        if disconnect:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {
                k.decode("latin-1"): v.decode("latin-1") for k, v in message["headers"]
            }
            return
        answer.pieces.append(message.get("body", b""))
        answer.complete = not message.get("more_body", False)

    await application(_scope(method, target, headers or {}) | (scope or {}), receive, send)
    return answer


def _scope(method: str, target: str, headers: dict[str, str]) -> dict[str, Any]:
    path, _, query = target.partition("?")
    return {
        "type": "http",
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in headers.items()
        ],
    }
