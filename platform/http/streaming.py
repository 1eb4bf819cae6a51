"""Answers of Django that are made while they are sent."""

from collections.abc import AsyncIterator, Callable, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest


def stream(
    request: HttpRequest, make: Callable[[], Iterator[bytes]]
) -> Iterator[bytes] | AsyncIterator[bytes]:
    """What `make` yields, in the form that the server of this request sends piece by piece.

    Django reads a plain iterator to its end before it sends anything to an asynchronous server.
    """
    return _in_threads(make()) if isinstance(request, ASGIRequest) else make()


async def _in_threads(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    following = sync_to_async(lambda: next(pieces, b""))
    while piece := await following():
        yield piece
