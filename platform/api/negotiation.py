"""What DRF would settle with the client: every answer is JSON whatever Accept says (wire.md 2)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rest_framework.metadata import BaseMetadata
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

if TYPE_CHECKING:
    # The views module reads this module's name from the settings while it is imported.
    from rest_framework.views import APIView


class IgnoreAccept(BaseContentNegotiation):
    def select_parser(self, request: Request, parsers: Sequence[BaseParser]) -> BaseParser | None:
        """The one of the body's media type, or else the one that takes any."""
        given = (request.content_type or "").partition(";")[0].strip().lower()
        return next((each for each in parsers if each.media_type in (given, "*/*")), None)

    def select_renderer(
        self,
        request: Request,
        renderers: Sequence[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class AllowOnly(BaseMetadata):
    """OPTIONS is answered by the header Allow; /v1/openapispec has the rest."""

    def determine_metadata(self, request: Request, view: "APIView") -> None:
        return None
