"""What a browser that has signed in is told besides, so that no file acts as a page of ours."""

from collections.abc import MutableMapping
from typing import Any

from algoport.http.asgi import Send

# Shown where they are linked to. SVG, HTML and XML can hold scripts, PDF forms that lead elsewhere.
_INERT = frozenset(
    {
        *("text/plain", "text/csv", "application/json"),
        *("image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"),
    }
)
# SECURITY: pages of other sites do not get at what a session may read; nothing stays in a cache
# without being asked for again.
_ALWAYS = [
    (b"Cross-Origin-Resource-Policy", b"same-origin"),
    (b"Cache-Control", b"private, no-cache"),
]


def for_browsers(send: Send) -> Send:
    """Sends answers of the data plane to a session."""

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *_ALWAYS, *_disposition(message["headers"])]
        await send(message)

    return sending


def _disposition(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    told = {name.lower(): value for name, value in headers}
    if told.get(b"x-data-type") != b"file":
        return []
    media = told.get(b"content-type", b"").partition(b";")[0].strip().lower().decode("latin-1")
    return [] if media in _INERT else [(b"Content-Disposition", b"attachment")]
