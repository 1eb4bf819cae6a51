"""Log lines: their form, the request they belong to, and what they never hold."""

import asyncio
import base64
import json
import logging
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from urllib.parse import quote_plus

import pytest

from algoport.accounts.models import User
from algoport.accounts.permissions import EVERYTHING
from algoport.accounts.services import create_key
from algoport.db.threads import in_database_thread
from algoport.http.tracing import Session, Trace, current_trace
from algoport.logs import JsonFormatter, LineFormatter, mask_secrets

ROOT = Path(__file__).resolve().parents[2]
UNCAUGHT = """
import asyncio, gc, threading
import algoport, django
django.setup()

async def fail():
    raise ValueError("in a task")

async def main():
    task = asyncio.create_task(fail())
    await asyncio.wait([task])
    del task
    gc.collect()

asyncio.run(main())
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
import warnings
warnings.warn("a warning")
raise RuntimeError("at the end")
"""


def record(message: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord("it", logging.WARNING, "it.py", 1, message, args, None)


def test_a_line_is_one_object() -> None:
    line = JsonFormatter("web").format(record("two\nlines %s", "\udc80"))
    entry = json.loads(line)
    assert "\n" not in line
    assert entry["message"] == "two\nlines \udc80"
    assert (entry["level"], entry["logger"], entry["process"]) == ("warning", "it", "web")
    assert entry["time"].endswith("Z")
    assert datetime.fromisoformat(entry["time"]).utcoffset() is not None
    assert "request_id" not in entry and "exception" not in entry


def test_a_line_names_its_request_also_from_a_database_thread() -> None:
    trace = Trace(Session())

    async def inside() -> str:
        current_trace.set(trace)
        return await in_database_thread(JsonFormatter("web").format, record("it"))

    entry = json.loads(asyncio.run(inside()))
    assert entry["request_id"] == trace.text and entry["session_id"] == trace.session.text


@pytest.mark.parametrize("formatter", [JsonFormatter("web"), LineFormatter()])
def test_keys_and_credentials_are_masked(formatter: logging.Formatter, demo: User) -> None:
    secret = create_key(owner=demo, label="test", scopes=EVERYTHING).secret
    basic = base64.b64encode(b"demo:a pass phrase").decode()
    entry = record("key %s, in an address %s", secret, f"http://demo:{quote_plus(secret)}@host/")
    try:
        raise ValueError({"Authorization": f"Basic {basic}", "key": secret})
    except ValueError:
        entry.exc_info = sys.exc_info()
    line = formatter.format(entry)
    for hidden in (secret, secret[3:], quote_plus(secret), basic):
        assert hidden not in line and json.dumps(hidden)[1:-1] not in line
    assert "ValueError" in line and "key ***" in line


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Simple SECRET",
        "authorization: SECRET",
        "(b'authorization', b'Simple SECRET')",
        "{'HTTP_AUTHORIZATION': 'Bearer SECRET'}",
        "postgresql://demo:SECRET@host/name",
        "Max retries exceeded with url: /container/x?sv=2021&sig=SECRET%3D&se=2030",
        "'sig=SECRET'",
        "GET /bucket/x?X-Amz-Credential=SECRET%2Fus-east-1&X-Amz-Signature=SECRET",
        "Authorization: AWS4-HMAC-SHA256 Credential=SECRET/us-east-1/s3, Signature=SECRET",
    ],
)
def test_headers_and_addresses_are_masked(text: str) -> None:
    assert "SECRET" not in mask_secrets(text) and "***" in mask_secrets(text)


def test_what_is_no_secret_stays() -> None:
    text = "POST /v1/algo/demo/Hello failed: similar names at http://host:8080/simple [id]"
    assert mask_secrets(text) == text


def test_what_nobody_caught_is_logged() -> None:
    environ = os.environ | {"ALGOPORT_LOG_FORMAT": "json"}
    done = subprocess.run(
        [sys.executable, "-c", UNCAUGHT],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    entries = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.returncode == 1
    assert [entry["logger"] for entry in entries] == [
        "asyncio",
        "algoport",
        "py.warnings",
        "algoport",
    ]
    for entry, text in zip(entries, ("in a task", "ZeroDivisionError", "", "at the end"), strict=1):
        assert text in entry.get("exception", "")
