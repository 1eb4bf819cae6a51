"""A file's media type, by its extension alone (wire.md 4)."""

import mimetypes

_UNKNOWN = "application/octet-stream"
_NOTHING_TOLD = frozenset({"", "application/octet-stream", "binary/octet-stream"})
_COMPRESSIONS = {"gzip": "application/gzip", "bzip2": "application/x-bzip2"}
# The library's own table: the machine's mime.types would make hosts answer differently.
_types = mimetypes.MimeTypes()


def content_type_of(name: str) -> str:
    """The media type, with a charset where clients would else guess Latin-1."""
    guessed, compression = _types.guess_type(name.replace(":", "_"), strict=True)
    if compression is not None:
        return _COMPRESSIONS.get(compression, _UNKNOWN)
    if guessed is None:
        return _UNKNOWN
    return with_charset(guessed)


def with_charset(media: str) -> str:
    """A media type as it is answered: text that says nothing of its charset is UTF-8."""
    needed = media.startswith("text/") and "charset=" not in media.lower()
    return f"{media}; charset=utf-8" if needed else media


def type_told(name: str, told: str) -> str:
    """What a storage says that a file is, or what its name says where the storage knows nothing."""
    return content_type_of(name) if told in _NOTHING_TOLD else with_charset(told)
