"""The frames between the platform and the agent in a sandbox.

A frame is one type byte, the payload's length in 4 bytes, and the payload. What a call and a result
have in it is told in `platform/containers/agent/program.py`; of one that goes apart
(`algorithms/running/bulk.py`) a frame has the length only. Whatever comes from a sandbox is
hostile: lengths are bounded, unknown types end the connection.
"""

import struct
from enum import Enum

import orjson

HEAD = struct.Struct(">cI")
LONGEST_PAYLOAD = 17 * 1024 * 1024
# What an algorithm may print in one call; the agent keeps half of it.
MOST_OUTPUT = 2 * 1024 * 1024


class FrameType(Enum):
    BEGIN = b"b"
    CALL = b"c"
    CALL_APART = b"k"
    LEASE = b"h"
    OUTPUT = b"o"
    READY = b"r"
    RESULT = b"d"
    RESULT_APART = b"a"
    TOO_LARGE = b"l"
    ENDED = b"e"


class ProtocolViolation(Exception):
    """The sandbox sent what no agent of ours sends."""


_TYPES = {kind.value: kind for kind in FrameType}


def encode(kind: FrameType, payload: bytes) -> bytes:
    return encode_head(kind, len(payload)) + payload


def encode_head(kind: FrameType, length: int) -> bytes:
    """What goes before a payload of so many bytes."""
    return HEAD.pack(kind.value, length)


def encode_length(length: int) -> bytes:
    """The payload of a frame for what goes apart."""
    return length.to_bytes(4, "big")


def decode_length(payload: bytes | memoryview) -> int:
    """The length of what comes apart. Raises ProtocolViolation."""
    length = int.from_bytes(payload, "big")
    if len(payload) != 4 or not 0 < length <= LONGEST_PAYLOAD:
        raise ProtocolViolation(f"{length} bytes apart")
    return length


def exit_code_of(payload: bytes | memoryview) -> int | None:
    """The exit code in an ENDED frame; None when it holds something else."""
    try:
        message = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    code = message.get("exit_code") if isinstance(message, dict) else None
    return code if isinstance(code, int) else None


def decode_head(head: bytes | memoryview) -> tuple[FrameType, int]:
    """Type and payload length. Raises ProtocolViolation."""
    code, length = HEAD.unpack(head)
    kind = _TYPES.get(code)
    if kind is None or length > LONGEST_PAYLOAD:
        raise ProtocolViolation(f"frame {code!r} of {length} bytes")
    return kind, length
