"""Images told from what is in them; what says of itself what it is, is not asked.

SVG is a document that may hold scripts, so it is no image here.
"""

import struct
import zlib
from collections.abc import Callable

from algoport.configuration.constants import MOST_IMAGE_PIXELS
from algoport.configuration.errors import InvalidFileUpload

_PNG = b"\x89PNG\r\n\x1a\n"
_MOST_ICONS = 64
# Start-of-frame markers of JPEG; the numbers between them mean other things.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def content_type_of(content: bytes) -> str:
    """The media type of a PNG, JPEG, GIF or ICO image. Raises InvalidFileUpload."""
    for content_type, begins, size_of in _KINDS:
        if content.startswith(begins):
            try:
                width, height = size_of(content)
            except (struct.error, ValueError, IndexError) as exc:
                raise InvalidFileUpload(reason="the image is damaged or not whole") from exc
            if not (1 <= width <= MOST_IMAGE_PIXELS and 1 <= height <= MOST_IMAGE_PIXELS):
                raise InvalidFileUpload(
                    reason=f"an image has at most {MOST_IMAGE_PIXELS} pixels in each direction"
                )
            return content_type
    raise InvalidFileUpload(reason="upload a PNG, JPEG, GIF or ICO image")


def _png(content: bytes) -> tuple[int, int]:
    """Width and height; every chunk is whole, and nothing follows the last."""
    at, kinds = len(_PNG), []
    while at < len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        (checksum,) = struct.unpack_from(">I", content, at + 8 + length)
        if zlib.crc32(content[at + 4 : at + 8 + length]) != checksum:
            raise ValueError("a chunk is damaged")
        kinds.append(kind)
        at += 12 + length
    if kinds[0] != b"IHDR" or kinds[-1] != b"IEND" or b"IDAT" not in kinds:
        raise ValueError("a chunk is missing")
    width, height = struct.unpack_from(">II", content, 16)
    return width, height


def _gif(content: bytes) -> tuple[int, int]:
    if content[-1:] != b";":
        raise ValueError("the end is missing")
    width, height = struct.unpack_from("<HH", content, 6)
    return width, height


def _jpeg(content: bytes) -> tuple[int, int]:
    if content[-2:] != b"\xff\xd9":
        raise ValueError("the end is missing")
    at = 2
    while content[at] == 0xFF:
        if content[at + 1] in _FRAMES:
            height, width = struct.unpack_from(">HH", content, at + 5)
            return width, height
        (length,) = struct.unpack_from(">H", content, at + 2)
        at += 2 + length
    raise ValueError("there is no frame")


def _ico(content: bytes) -> tuple[int, int]:
    """The largest of its images; each of them is inside the file."""
    (count,) = struct.unpack_from("<H", content, 4)
    if not 1 <= count <= _MOST_ICONS:
        raise ValueError("it has no images, or too many")
    width = height = 0
    for number in range(count):
        wide, high, length, offset = struct.unpack_from("<BB6xII", content, 6 + 16 * number)
        if offset < 6 + 16 * count or not length or offset + length > len(content):
            raise ValueError("an image is outside of the file")
        width, height = max(width, wide or 256), max(height, high or 256)
    return width, height


_KINDS: tuple[tuple[str, tuple[bytes, ...], Callable[[bytes], tuple[int, int]]], ...] = (
    ("image/png", (_PNG,), _png),
    ("image/gif", (b"GIF87a", b"GIF89a"), _gif),
    ("image/jpeg", (b"\xff\xd8\xff",), _jpeg),
    ("image/x-icon", (b"\x00\x00\x01\x00",), _ico),
)
