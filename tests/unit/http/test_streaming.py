"""Answers that are made while they are sent, under both kinds of server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from io import BytesIO

from django.core.handlers.asgi import ASGIRequest
from django.test import RequestFactory

from algoport.http.streaming import stream


def pieces(taken: list[int]) -> Iterator[bytes]:
    for number in range(3):
        taken.append(number)
        yield b"%d" % number


def test_a_synchronous_server_is_given_them_one_by_one() -> None:
    taken: list[int] = []
    given = stream(RequestFactory().get("/"), lambda: pieces(taken))
    assert isinstance(given, Iterator)
    assert next(given) == b"0" and taken == [0]
    assert list(given) == [b"1", b"2"]


def test_an_asynchronous_server_is_given_them_one_by_one() -> None:
    taken: list[int] = []
    request = ASGIRequest({"type": "http", "method": "GET", "path": "/"}, BytesIO())
    given = stream(request, lambda: pieces(taken))
    assert isinstance(given, AsyncIterator)

    async def read() -> None:
        assert await anext(given) == b"0" and taken == [0]
        assert [piece async for piece in given] == [b"1", b"2"]

    asyncio.run(read())
