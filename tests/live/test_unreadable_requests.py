"""What cannot be read as a request at all, or is too large, is refused in the same form."""

import socket
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
import requests

from tests.acceptance.platform import Platform

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live")]


def send(platform: Platform, request: bytes) -> tuple[int, dict[str, str], Any]:
    """Status, headers and body of the answer to raw bytes."""
    address = urlsplit(platform.url)
    with socket.create_connection((str(address.hostname), address.port), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(first.split()[1]), headers, orjson.loads(body)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /v1/" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET /v1/users HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 17000 + b"\r\n\r\n", 431),
        (b"GET /v1/users HTTP/1.1\r\nno header\r\n\r\n", 400),
        (b"POST /v1/users HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
    ],
)
def test_unreadable_request(live: Platform, request_bytes: bytes, status: int) -> None:
    answered, headers, body = send(live, request_bytes)
    assert answered == status
    assert headers["Content-Type"] == "application/json"
    assert headers["Connection"] == "close"
    assert headers["X-Error-Message"] == body["message"] == body["error"]["message"]
    assert body["code"] == 2015
    assert headers["X-Request-Id"].startswith("req-")
    assert headers["X-Session-Id"].startswith("rses-") and "total;dur=" in headers["Server-Timing"]
    assert "gunicorn" not in str(body)


@pytest.mark.parametrize("path", ["/v1/users", "/v1/algo/demo/Hello"])
def test_too_large_body(live: Platform, path: str) -> None:
    answer = requests.post(
        live.url + path,
        data=b" " * (12 * 1024 * 1024),
        headers={"Authorization": live.demo.key, "Content-Type": "application/json"},
        timeout=30,
    )
    assert answer.status_code in (404, 413), answer.text
    if path == "/v1/users":
        assert answer.status_code == 413
    assert answer.json()["error"]["code"] in (1000, 2015)
