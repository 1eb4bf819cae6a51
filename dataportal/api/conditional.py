"""Range and conditional headers of a request for a file (RFC 9110, 13 and 14)."""

import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from algoport.http.asgi import Request
from dataportal.stores.base import ByteRange, Conditions, ObjectInfo

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z")
_ETAG = re.compile(r'(?:W/)?"([^"]*)"|(\*)')


def parse_range(request: Request) -> ByteRange | None:
    """The one range that is asked for; whoever asks for several, or oddly, gets the whole file."""
    match = _RANGE.match((request.header(b"range") or "").strip().replace(" ", ""))
    if match is None or not (match[1] or match[2]):
        return None
    start = int(match[1]) if match[1] else None
    end = int(match[2]) if match[2] else None
    if start is not None and end is not None and end < start:
        return None
    return ByteRange(start, end)


def parse_conditions(request: Request) -> Conditions:
    """Dates that are none are as if they were not there."""
    return Conditions(
        _etags(request.header(b"if-match")),
        _etags(request.header(b"if-none-match")),
        _date(request.header(b"if-modified-since")),
        _date(request.header(b"if-unmodified-since")),
    )


def range_still_counts(request: Request, info: ObjectInfo) -> bool:
    """Whether the file is the one of which If-Range wants a part."""
    wanted = request.header(b"if-range")
    if wanted is None:
        return True
    if wanted.lstrip().startswith(('"', "W/")):
        return not wanted.lstrip().startswith("W/") and info.etag in _etags(wanted)
    moment = _date(wanted)
    return moment is not None and moment == _seconds(info.modified_at)


def validators(info: ObjectInfo) -> dict[str, str]:
    """The headers by which a client can ask again."""
    headers = {"ETag": f'"{info.etag}"'} if info.etag else {}
    if info.modified_at is not None:
        moment = info.modified_at.astimezone(UTC)
        headers["Last-Modified"] = format_datetime(moment, usegmt=True)
    return headers


def content_range(span: tuple[int, int], size: int) -> str:
    """The header's value for a part of a file, from its first byte to its last."""
    return f"bytes {span[0]}-{span[1]}/{size}"


def _etags(value: str | None) -> tuple[str, ...]:
    return tuple(each[1] or each[0] for each in _ETAG.findall(value or ""))


def _date(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _seconds(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(microsecond=0)
