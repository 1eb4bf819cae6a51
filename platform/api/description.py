"""What views say of themselves for /v1/openapispec, beside drf_spectacular's `extend_schema`."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from algoport.errors import ApiError


class Shape(serializers.Serializer[Any]):
    """A body that goes out; it describes what is written elsewhere, key by key."""


class ErrorFieldsShape(Shape):
    id = serializers.UUIDField()
    code = serializers.IntegerField()
    message = serializers.CharField(allow_blank=True)


class ErrorShape(ErrorFieldsShape):
    """Every refusal and failure: nested for clients, and flat beside it (spec.md 15 row 1)."""

    error = ErrorFieldsShape()


class PageShape(Shape):
    """One page of a list; `marker` and `next_link` lead to the next and are null at the end."""

    marker = serializers.CharField(allow_null=True)
    next_link = serializers.URLField(allow_null=True)


@cache
def page_of(each: type[Shape]) -> type[PageShape]:
    """The answer of a list made by `newest_first`; its parameters describe themselves."""
    name = each.__name__.removesuffix("Shape")
    fields = {"results": each(many=True), "__doc__": PageShape.__doc__}
    return type(f"{name}PageShape", (PageShape,), fields)


def refusals(*errors: type[ApiError]) -> dict[int, OpenApiResponse]:
    """The refusals that an operation has beyond those of every one, for its `responses`."""
    statuses = sorted({error.status for error in errors})
    return {
        status: OpenApiResponse(
            ErrorShape, describe(error for error in errors if error.status == status)
        )
        for status in statuses
    }


def page_parameters(
    marker: str = "marker", limit: str = "limit"
) -> tuple[OpenApiParameter, OpenApiParameter]:
    """The parameters of a list; `marker` is the format of its markers, `limit` a name."""
    return (
        OpenApiParameter(
            limit,
            {
                "type": "integer",
                "minimum": 1,
                "maximum": settings.PAGE_SIZE_LIMIT,
                "default": settings.PAGE_SIZE,
            },
            description="How many results a page has at most.",
        ),
        OpenApiParameter(
            "marker",
            {"type": "string", "format": marker},
            description="The `marker` of the page before.",
        ),
    )


def or_empty(*schemas: dict[str, Any]) -> dict[str, Any]:
    """A parameter of a query: what is empty counts as left out."""
    return {"anyOf": [*schemas, {"type": "string", "maxLength": 0}]}


MOMENT = or_empty({"type": "string", "format": "date-time"}, {"type": "string", "format": "date"})
IDENTIFIER = or_empty({"type": "string", "format": "uuid"})


def describe(errors: Iterable[type[ApiError]]) -> str:
    """Codes, names and texts of errors, one a line."""
    return "\n".join(f"- {e.code} `{e.__name__}`: {e.message}" for e in errors)
