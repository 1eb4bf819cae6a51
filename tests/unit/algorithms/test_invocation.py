"""What comes out of a sandbox is checked as hostile input."""

import pytest

from algorithms.errors import RunFailed
from algorithms.running.frames import HEAD, ProtocolViolation, decode_head, exit_code_of
from algorithms.running.payloads import decode_reply
from algorithms.running.runner import Reply

TEXT = b'{"result":"x","metadata":{"content_type":"text"}}'


def test_a_good_line() -> None:
    assert decode_reply(Reply(TEXT, b"", 0.1)) == ("x", "text")


@pytest.mark.parametrize("text", ["", "AA==", "AAA=", "AAAA", "+/+/"])
def test_good_base64(text: str) -> None:
    line = b'{"result":"%b","metadata":{"content_type":"binary"}}' % text.encode()
    assert decode_reply(Reply(line, b"", 0.1)) == (text, "binary")


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (None, "TooLargeError"),
        (b"x" * 16_000_000, "TooLargeError"),
        (b"", "ParsingError"),
        (b"{", "ParsingError"),
        (b"[" * 100_000, "ParsingError"),
        (b'"text"', "ParsingError"),
        (b"\xff\xfe", "ParsingError"),
        (b'{"result":1}', "ParsingError"),
        (b'{"result":NaN,"metadata":{"content_type":"json"}}', "ParsingError"),
        (b'{"result":1,"metadata":{"content_type":"text"}}', "ParsingError"),
        (b'{"result":1,"metadata":{"content_type":"other"}}', "ParsingError"),
        (b'{"result":1,"metadata":[]}', "ParsingError"),
        (b'{"result":"a","metadata":{"content_type":"binary"}}', "ParsingError"),
        (b'{"result":"a===","metadata":{"content_type":"binary"}}', "ParsingError"),
        (b'{"result":"ab=c","metadata":{"content_type":"binary"}}', "ParsingError"),
        (b'{"result":"a_-b","metadata":{"content_type":"binary"}}', "ParsingError"),
        ('{"result":"\u00fcabc","metadata":{"content_type":"binary"}}'.encode(), "ParsingError"),
        (b'{"error":{}}', "AlgorithmError"),
        (b'{"error":{"message":5,"error_type":[],"stacktrace":{}}}', "AlgorithmError"),
        (b'{"error":{"message":"m","error_type":"InputError"}}', "InputError"),
    ],
)
def test_bad_lines(line: bytes | None, kind: str) -> None:
    with pytest.raises(RunFailed) as caught:
        decode_reply(Reply(line, b"", 0.1))
    assert caught.value.error_type == kind and caught.value.message


@pytest.mark.parametrize("head", [HEAD.pack(b"z", 1), HEAD.pack(b"d", 2**31), b"\0" * 5])
def test_frames_that_no_agent_sends(head: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        decode_head(head)


@pytest.mark.parametrize(
    ("payload", "code"), [(b'{"exit_code":3}', 3), (b"{}", None), (b"[]", None), (b"\xff", None)]
)
def test_exit_codes(payload: bytes, code: int | None) -> None:
    assert exit_code_of(payload) == code
