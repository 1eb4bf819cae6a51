"""What comes out of a sandbox is checked as hostile input."""

import orjson
import pytest

from algorithms.errors import RunFailed
from algorithms.running.frames import HEAD, ProtocolViolation, decode_head, exit_code_of
from algorithms.running.payloads import Result, decode_reply, in_json
from algorithms.running.runner import Reply

LARGE = 16_000_000


@pytest.mark.parametrize(
    ("payload", "result", "kind", "shown"),
    [
        (b"tx", "x", "text", b'"x"'),
        (b't"\n', '"\n', "text", b'"\\"\\n"'),
        (b"b", b"", "binary", b'""'),
        (b"b\xff\x00", b"\xff\x00", "binary", b'"/wA="'),
        (b'j{"a":1}', b'{"a":1}', "json", b'{"a":1}'),
        (b"v", b"", "void", b"null"),
        (b'l{"result":"x","metadata":{"content_type":"text"}}', "x", "text", b'"x"'),
        (b'l{"result":"AA==","metadata":{"content_type":"binary"}}', b"\0", "binary", b'"AA=="'),
        (b'l{"result":[1],"metadata":{"content_type":"json"}}', b"[1]", "json", b"[1]"),
        (b'l{"result":null,"metadata":{"content_type":"void"}}', b"", "void", b"null"),
    ],
)
def test_good_results(payload: bytes, result: Result, kind: str, shown: bytes) -> None:
    decoded = decode_reply(Reply(memoryview(payload), b"", 0.1))
    assert decoded == (result, kind)
    assert orjson.dumps(in_json(*decoded)) == shown


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (None, "TooLargeError"),
        (b"t" + b"x" * LARGE, "TooLargeError"),
        (b"", "ParsingError"),
        (b"x", "ParsingError"),
        (b"vx", "ParsingError"),
        (b"t\xff\xfe", "ParsingError"),
        (b"j", "ParsingError"),
        (b"jNaN", "ParsingError"),
        (b"j1,2", "ParsingError"),
        (b"j" + b"[" * 100_000, "ParsingError"),
        (b"e[", "ParsingError"),
        (b"e[]", "AlgorithmError"),
        (b'e{"message":"m","error_type":"InputError"}', "InputError"),
        (b"l", "ParsingError"),
        (b"l{", "ParsingError"),
        (b"l" + b"[" * 100_000, "ParsingError"),
        (b'l"text"', "ParsingError"),
        (b"l\xff\xfe", "ParsingError"),
        (b'l{"result":1}', "ParsingError"),
        (b'l{"result":NaN,"metadata":{"content_type":"json"}}', "ParsingError"),
        (b'l{"result":1,"metadata":{"content_type":"text"}}', "ParsingError"),
        (b'l{"result":1,"metadata":{"content_type":"other"}}', "ParsingError"),
        (b'l{"result":1,"metadata":[]}', "ParsingError"),
        (b'l{"result":"a","metadata":{"content_type":"binary"}}', "ParsingError"),
        (b'l{"result":"a===","metadata":{"content_type":"binary"}}', "ParsingError"),
        (b'l{"result":"ab=c","metadata":{"content_type":"binary"}}', "ParsingError"),
        (b'l{"result":"a_-b","metadata":{"content_type":"binary"}}', "ParsingError"),
        ('l{"result":"\u00fcabc","metadata":{"content_type":"binary"}}'.encode(), "ParsingError"),
        (b'l{"error":{}}', "AlgorithmError"),
        (b'l{"error":{"message":5,"error_type":[],"stacktrace":{}}}', "AlgorithmError"),
        (b'l{"error":{"message":"m","error_type":"InputError"}}', "InputError"),
    ],
)
def test_bad_results(payload: bytes | None, kind: str) -> None:
    with pytest.raises(RunFailed) as caught:
        decode_reply(Reply(None if payload is None else memoryview(payload), b"", 0.1))
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
