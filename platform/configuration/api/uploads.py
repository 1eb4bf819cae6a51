"""How a file is uploaded: as the body itself, or as the one file of a form."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from algoport.configuration.errors import InvalidFileUpload


class BytesParser(BaseParser):
    """The body as it is, under any media type."""

    media_type = "*/*"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return stream.read()


def uploaded_file(request: Request) -> bytes:
    """The file's bytes. Raises InvalidFileUpload."""
    content = request.data
    if isinstance(content, bytes):
        return content
    files = [each for name in request.FILES for each in request.FILES.getlist(name)]
    if len(files) != 1:
        raise InvalidFileUpload(reason="send one file")
    found: bytes = files[0].read()
    return found
