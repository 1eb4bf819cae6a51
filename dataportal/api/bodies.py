"""What requests about collections say: a name, an ACL, a marker; and what listings answer."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from algoport.api.pagination import decode_marker, encode_marker
from algoport.errors import InputValidationError, InvalidMarker, MalformedJson
from algoport.http.asgi import Request
from dataportal.constants import ACL_PATTERNS, ReadAcl
from dataportal.errors import InvalidAcl, InvalidPath
from dataportal.models import HostedFile
from dataportal.paths import check_name
from dataportal.selectors import FilePage, FolderPage
from dataportal.stores.base import FileEntry

LONGEST_BODY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class CollectionBody:
    """The body of a POST or PATCH; None for what it does not say."""

    name: str | None
    read_acl: str | None


async def read_collection_body(request: Request) -> CollectionBody:
    content_type = request.header(b"content-type") or ""
    return parse_collection_body(await request.body(LONGEST_BODY_BYTES), content_type)


def parse_collection_body(body: bytes, content_type: str = "") -> CollectionBody:
    """A JSON object, or a bare name as one client posts it, as text (wire.md 4)."""
    try:
        text = body.decode().strip()
    except UnicodeDecodeError as exc:
        raise MalformedJson from exc
    is_json = content_type.partition(";")[0].strip().lower() == "application/json"
    if text and not is_json and not text.startswith(("{", "[", '"')):
        return CollectionBody(text, None)
    try:
        value = orjson.loads(text or "{}")
    except orjson.JSONDecodeError as exc:
        raise MalformedJson from exc
    if not isinstance(value, dict):
        raise InputValidationError('The body is a JSON object: {"name":...,"acl":{"read":[...]}}.')
    name = value.get("name")
    if name is not None and not isinstance(name, str):
        raise InputValidationError("name is a string.")
    return CollectionBody(name, _parse_acl(value.get("acl")))


def acl_body(read_acl: str) -> dict[str, list[str]]:
    return {"read": list(ACL_PATTERNS[ReadAcl(read_acl)])}


def parse_marker(query: dict[str, str]) -> str:
    """The name behind which a page begins, "" for the first page. Raises InvalidMarker."""
    marker = query.get("marker", "")
    if not marker:
        return ""
    (name,) = decode_marker(marker, "name")
    try:
        check_name(name)
    except InvalidPath as exc:
        raise InvalidMarker from exc
    if encode_marker({"name": name}) != marker:
        raise InvalidMarker
    return name


def folder_listing(page: FolderPage) -> dict[str, Any]:
    listing: dict[str, Any] = {"folders": [{"name": name} for name in page.names], "files": []}
    if page.more:
        listing["marker"] = encode_marker({"name": page.names[-1]})
    return listing


def file_listing(page: FilePage, *, with_acl: bool) -> dict[str, Any]:
    """Clients loop over both arrays unseen, and take any `marker` for a further page."""
    listing: dict[str, Any] = {"folders": [], "files": [file_body(file) for file in page.files]}
    if page.more:
        listing["marker"] = encode_marker({"name": page.files[-1].name})
    if with_acl and page.read_acl is not None:
        listing["acl"] = acl_body(page.read_acl)
    return listing


def file_body(file: HostedFile | FileEntry) -> dict[str, Any]:
    """A file in a listing."""
    return {
        "filename": file.name,
        "last_modified": to_seconds(file.modified_at),
        "size": file.size,
    }


def to_seconds(moment: datetime) -> str:
    """`2020-03-18T17:00:33.000Z`: one client reads the zeros literally (wire.md 4)."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000Z"


def _parse_acl(value: Any) -> str | None:
    if value is None:
        return None
    read = value.get("read") if isinstance(value, dict) else None
    for acl, patterns in ACL_PATTERNS.items():
        if read == list(patterns):
            return acl
    raise InvalidAcl
