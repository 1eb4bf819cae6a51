"""From the raw path of a Data API request to what it names (wire.md 4, design.md 8)."""

import re
from dataclasses import dataclass
from urllib.parse import unquote, unquote_to_bytes

from dataportal.constants import LONGEST_NAME_BYTES
from dataportal.errors import InvalidPath, PathNotFound

DATA = "data"
PROTOCOLS = frozenset({DATA, "s3", "azureblob", "gs", "dropbox"})

_ROUTE = re.compile(rb"/v1/(data|connector)(?:/(.*))?\Z", re.DOTALL)
_CONNECTOR = re.compile(r"([A-Za-z0-9]+)(\+[A-Za-z0-9_-]+)?\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class DataPath:
    """A place inside a connector; `trailing_slash` when it was named as a directory."""

    connector: str
    segments: tuple[str, ...]
    trailing_slash: bool = False

    @property
    def protocol(self) -> str:
        return self.connector.partition("+")[0]

    @property
    def label(self) -> str:
        """The label of the connector; "" means the default one of its protocol."""
        return self.connector.partition("+")[2]


def parse_raw_path(raw_path: bytes) -> DataPath:
    """The place that a request's undecoded path names. Raises InvalidPath, PathNotFound."""
    route = _ROUTE.match(raw_path)
    if route is None:
        raise PathNotFound
    text = _decode(route[2] or b"")
    segments = [segment for segment in text.split("/") if segment]
    connector = DATA
    if route[1] == b"connector":
        if not segments:
            raise PathNotFound("Name a connector: /v1/connector/data/...")
        connector = _connector_id(segments.pop(0))
    # `data://...` or `s3+label://...` inside the path; no account's name has a colon.
    if connector == DATA and segments and segments[0].endswith(":"):
        connector = _connector_id(segments.pop(0))
    for segment in segments:
        check_name(segment)
    return DataPath(connector, tuple(segments), bool(segments) and text.endswith("/"))


def check_name(name: str) -> None:
    """Raise InvalidPath for a segment that no store may be asked for."""
    # With blanks around them as well: some storages take names without.
    if name.strip() in (".", ".."):
        raise InvalidPath(reason="`.` and `..` are not resolved")
    if "\\" in name:
        raise InvalidPath(reason="backslashes are not allowed")
    if _CONTROL.search(name):
        raise InvalidPath(reason="control characters are not allowed")
    if len(name.encode()) > LONGEST_NAME_BYTES:
        raise InvalidPath(reason=f"a name has at most {LONGEST_NAME_BYTES} bytes")
    # SECURITY: something behind us that decodes once more must not find another path.
    again = unquote(name)
    if again != name and (again in (".", "..") or any(mark in again for mark in "/\\\0")):
        raise InvalidPath(reason="an encoded separator is encoded twice")


def _decode(raw: bytes) -> str:
    # Clients that encode the whole path send a space as `+` and a plus as `%2B`; the others
    # leave both a plus and the separators as they are (wire.md 6).
    if b"%2f" in raw.lower():
        raw = raw.replace(b"+", b" ")
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError as exc:
        raise InvalidPath(reason="it is not UTF-8") from exc


def _connector_id(segment: str) -> str:
    """The connector's id in its one spelling: protocol in lower case, label as given."""
    # `_decode` may have taken the plus before the label for a space.
    match = _CONNECTOR.match(segment.removesuffix(":").replace(" ", "+"))
    if match is None or match[1].lower() not in PROTOCOLS:
        known = ", ".join(sorted(PROTOCOLS))
        raise PathNotFound(f"There is no such kind of connector. The kinds are {known}.")
    return match[1].lower() + (match[2] or "")
