"""Request bodies are read as they are described, without DRF's leniency (docs/adr/0032)."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import get_resolver
from rest_framework import serializers

from algoport.api import strict
from algoport.api.description import Shape

LENIENT = {
    serializers.CharField,
    serializers.RegexField,
    serializers.BooleanField,
    serializers.IntegerField,
    serializers.UUIDField,
}
OURS = ("algoport.", "orgs.", "scm.", "dataportal.", "algorithms.")


class Body(serializers.Serializer[Any]):
    text = strict.CharField(required=False, max_length=5)
    code = strict.RegexField(r"\A[a-z]+\Z", required=False)
    switch = strict.BooleanField(required=False, allow_null=True)
    count = strict.IntegerField(required=False, min_value=0)
    identifier = strict.UUIDField(required=False)


@pytest.mark.parametrize(
    "given",
    [
        {"text": 7},
        {"text": True},
        {"text": ["a"]},
        {"text": None},
        {"text": "   "},
        {"text": "a     "},
        {"code": " a"},
        {"code": "a\n"},
        {"switch": "true"},
        {"switch": 1},
        {"switch": ""},
        {"switch": "null"},
        {"count": "7"},
        {"count": True},
        {"count": 0.5},
        {"count": float("inf")},
        {"count": -1},
        {"identifier": 7},
        {"identifier": "00000000000000000000000000000001"},
        {"identifier": "{00000000-0000-0000-0000-000000000001}"},
    ],
)
def test_another_type_or_form_is_refused(given: dict[str, Any]) -> None:
    assert not Body(data=given).is_valid()


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"text": " a "}, "a"),
        ({"code": "abc"}, "abc"),
        ({"switch": True}, True),
        ({"switch": None}, None),
        ({"count": 7}, 7),
        ({"count": 1.0}, 1),
    ],
)
def test_what_is_described_is_read(given: dict[str, Any], read: object) -> None:
    body = Body(data=given)
    assert body.is_valid(), body.errors
    (value,) = body.validated_data.values()
    assert value == read
    assert type(value) is type(read)


def request_bodies(of: type[serializers.BaseSerializer[Any]]) -> Iterator[type[Any]]:
    for each in of.__subclasses__():
        if each.__module__.startswith(OURS) and not issubclass(each, Shape):
            yield each
        yield from request_bodies(each)


def test_no_body_is_read_with_lenient_fields() -> None:
    # The views, and with them their serializers, are there once the routes are.
    assert get_resolver().url_patterns
    bodies = set(request_bodies(serializers.Serializer))
    assert len(bodies) > 20
    lenient = [
        f"{body.__module__}.{body.__name__}.{name}"
        for body in bodies
        for name, field in body().fields.items()
        if {type(field), type(getattr(field, "child", None))} & LENIENT
    ]
    assert not lenient
