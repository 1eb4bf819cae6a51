"""How /v1 bodies are read."""

from collections.abc import Mapping
from typing import IO, Any

import orjson
from rest_framework.parsers import BaseParser

from algoport.errors import MalformedJson


class JSONBodyParser(BaseParser):
    """JSON under any media type: clients label bodies as they like (wire.md 2)."""

    media_type = "*/*"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = stream.read()
        if not body.strip():
            return {}
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as exc:
            raise MalformedJson from exc
