from datetime import UTC, datetime, timedelta, timezone

import pytest

from algoport.api.pagination import encode_marker
from algoport.errors import InputValidationError, InvalidMarker, MalformedJson
from dataportal.api.bodies import parse_collection_body, parse_marker, to_seconds
from dataportal.constants import ReadAcl
from dataportal.errors import InvalidAcl


@pytest.mark.parametrize(
    ("body", "name", "acl"),
    [
        (b'{"name":"a"}', "a", None),
        (b"bare_name", "bare_name", None),
        (b" 123\n", "123", None),
        (b'{"name":"a","acl":null,"_dummy":null}', "a", None),
        (b'{"name":"a","acl":{"read":[]}}', "a", ReadAcl.PRIVATE),
        (b'{"acl":{"read":["algo://.my/*"]}}', None, ReadAcl.MY_ALGORITHMS),
        (b'{"acl":{"read":["user://*"],"write":[]}}', None, ReadAcl.PUBLIC),
        (b"", None, None),
    ],
)
def test_collection_body(body: bytes, name: str | None, acl: ReadAcl | None) -> None:
    said = parse_collection_body(body)
    assert (said.name, said.read_acl) == (name, acl)


@pytest.mark.parametrize(
    "acl",
    [
        b"{}",
        b"[]",
        b'""',
        b'{"read":null}',
        b'{"read":["user://guest"]}',
        b'{"read":["user://*","algo://.my/*"]}',
        b'{"read":"user://*"}',
    ],
)
def test_collection_body_with_another_acl_is_refused(acl: bytes) -> None:
    with pytest.raises(InvalidAcl):
        parse_collection_body(b'{"name":"a","acl":' + acl + b"}")


@pytest.mark.parametrize("body", [b'{"name":', b"\xff", b'["a"', b'"a'])
def test_collection_body_that_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedJson):
        parse_collection_body(body)


@pytest.mark.parametrize("body", [b'{"name":1}', b'["a"]', b'"a"'])
def test_collection_body_of_another_shape_is_refused(body: bytes) -> None:
    with pytest.raises(InputValidationError):
        parse_collection_body(body)


def test_marker_comes_back_and_needs_no_escaping() -> None:
    marker = encode_marker({"name": "\u20ac ?&/x".replace("/", "_")})
    assert parse_marker({"marker": marker}) == "\u20ac ?&_x"
    assert marker.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    "marker",
    [
        "x",
        "!!",
        "\u20ac",
        encode_marker({"other": "a"}),
        encode_marker({"name": "a\0"}),
        encode_marker({"name": "a"}) + "=",
        " " + encode_marker({"name": "a"}),
    ],
)
def test_marker_that_we_did_not_make_is_refused(marker: str) -> None:
    with pytest.raises(InvalidMarker):
        parse_marker({"marker": marker})


def test_timestamps_have_no_milliseconds() -> None:
    moment = datetime(2020, 3, 18, 19, 0, 33, 987654, timezone(timedelta(hours=2)))
    assert to_seconds(moment) == "2020-03-18T17:00:33.000Z"
    assert to_seconds(datetime(2020, 1, 2, tzinfo=UTC)) == "2020-01-02T00:00:00.000Z"
