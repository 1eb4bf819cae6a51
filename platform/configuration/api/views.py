"""/v1/config: images for everybody, entries for every account, changes for administrators."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import IsSignedIn, MayAdminister, principal_of
from algoport.api import strict
from algoport.api.description import Shape, page_of, page_parameters, refusals
from algoport.api.pagination import decode_marker, encode_marker, page_body, read_limit
from algoport.configuration import selectors, services
from algoport.configuration.api.uploads import BytesParser, uploaded_file
from algoport.configuration.constants import KEY_LENGTH, KEY_PATTERN, ImageKind
from algoport.configuration.errors import (
    ConfigEntryNotFound,
    FaviconSizeLimitExceeded,
    InvalidConfigEntry,
    InvalidFileUpload,
    LogoSizeLimitExceeded,
)
from algoport.configuration.models import FrontendEntry
from algoport.errors import InvalidLimit, InvalidMarker


class FileSerializer(serializers.Serializer[Any]):
    """The name of its field does not matter."""

    file = serializers.FileField()


class ImageView(APIView):
    """One image; `kind` says which."""

    parser_classes = [MultiPartParser, BytesParser]
    body_required = True
    kind = ImageKind.LOGO

    def get_permissions(self) -> list[BasePermission]:
        return [] if self.request.method in ("GET", "HEAD") else [MayAdminister()]

    @extend_schema(
        responses={(200, "image/*"): OpenApiTypes.BINARY, 303: OpenApiResponse(None, "The default")}
    )
    def get(self, request: Request) -> HttpResponse:
        """Show the image, or where the default one is; open to everyone."""
        image = selectors.find_image(self.kind)
        if image is None:
            location = selectors.default_image(self.kind)
            return HttpResponse(status=303, headers={"Location": location})
        headers = {
            "Cache-Control": "public, max-age=300",
            # SECURITY: whatever else its bytes can be read as, a browser shall see an image.
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
        }
        return HttpResponse(bytes(image.content), content_type=image.content_type, headers=headers)

    @extend_schema(
        request={"image/*": OpenApiTypes.BINARY, "multipart/form-data": FileSerializer},
        responses={
            201: None,
            **refusals(InvalidFileUpload, FaviconSizeLimitExceeded, LogoSizeLimitExceeded),
        },
    )
    def post(self, request: Request) -> Response:
        """Upload a PNG, JPEG, GIF or ICO image."""
        services.set_image(kind=self.kind, content=uploaded_file(request))
        return Response(status=201)

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        """Have the default image again."""
        services.reset_image(kind=self.kind)
        return Response(status=204)


_KEYNAME = OpenApiParameter(
    "keyname",
    {"type": "string", "pattern": f"^{KEY_PATTERN.pattern}", "maxLength": KEY_LENGTH},
    OpenApiParameter.PATH,
)


class EntrySerializer(serializers.Serializer[Any]):
    keyname = strict.CharField(required=False)
    value = strict.CharField(allow_blank=True, trim_whitespace=False)


class FrontendEntryShape(Shape):
    keyname = serializers.CharField()
    value = serializers.CharField(allow_blank=True)
    created_at = serializers.IntegerField(help_text="Milliseconds since 1970.")
    updated_at = serializers.IntegerField(help_text="Milliseconds since 1970.")
    resource_type = serializers.CharField()


class EntryListView(APIView):
    @extend_schema(
        parameters=[*page_parameters("keyname-marker")],
        responses={200: page_of(FrontendEntryShape), **refusals(InvalidLimit, InvalidMarker)},
    )
    def get(self, request: Request) -> Response:
        """List the settings of the frontend by their names."""
        limit = read_limit(request)
        rows = selectors.entries_for(principal_of(request))
        marker = request.query_params.get("marker")
        if marker:
            (last,) = decode_marker(marker, "keyname")
            if "\x00" in last:
                raise InvalidMarker
            rows = rows.filter(pk__gt=last)
        page = list(rows[: limit + 1])
        more = len(page) > limit
        page = page[:limit]
        next_marker = encode_marker({"keyname": page[-1].keyname}) if more else None
        return Response(page_body(request, next_marker, limit, map(entry_body, page)))


class EntryView(APIView):
    def get_permissions(self) -> list[BasePermission]:
        return [IsSignedIn() if self.request.method in ("GET", "HEAD") else MayAdminister()]

    @extend_schema(responses={200: FrontendEntryShape, **refusals(ConfigEntryNotFound)})
    def get(self, request: Request, keyname: str) -> Response:
        """Show a setting of the frontend."""
        return Response(entry_body(selectors.get_entry_for(principal_of(request), keyname)))

    @extend_schema(
        parameters=[_KEYNAME],
        request=EntrySerializer,
        responses={200: FrontendEntryShape, **refusals(InvalidConfigEntry)},
    )
    def put(self, request: Request, keyname: str) -> Response:
        """Make or change a setting of the frontend."""
        given = EntrySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        if given.validated_data.get("keyname", keyname) != keyname:
            raise InvalidConfigEntry(reason="the keyname in the body is another than in the path")
        entry = services.set_entry(keyname=keyname, value=given.validated_data["value"])
        return Response(entry_body(entry))

    @extend_schema(responses={204: None, **refusals(ConfigEntryNotFound)})
    def delete(self, request: Request, keyname: str) -> Response:
        """Delete a setting of the frontend."""
        services.delete_entry(keyname=keyname)
        return Response(status=204)


def entry_body(entry: FrontendEntry) -> dict[str, Any]:
    return {
        "keyname": entry.keyname,
        "value": entry.value,
        "created_at": int(entry.created_at.timestamp() * 1000),
        "updated_at": int(entry.updated_at.timestamp() * 1000),
        "resource_type": "frontend_configuration",
    }
