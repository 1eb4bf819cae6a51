from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataportal.errors import InvalidPath, PathNotFound
from dataportal.paths import DataPath, parse_raw_path


@pytest.mark.parametrize(
    ("raw", "connector", "segments"),
    [
        (b"/v1/data", "data", ()),
        (b"/v1/data/", "data", ()),
        (b"/v1/connector/data", "data", ()),
        (b"/v1/connector/data/", "data", ()),
        (b"/v1/data/.my/c/f.txt", "data", (".my", "c", "f.txt")),
        (b"/v1/connector/data/u/c/f.txt", "data", ("u", "c", "f.txt")),
        (b"/v1/data/.my%2Fc%2Ff.txt", "data", (".my", "c", "f.txt")),
        (b"/v1/data/.my%2fc%2fa+b%2B1.txt", "data", (".my", "c", "a b+1.txt")),
        (b"/v1/data/u/c/a+b%201.txt", "data", ("u", "c", "a+b 1.txt")),
        (b"/v1/data//u///c", "data", ("u", "c")),
        (b"/v1/data/data://u/c", "data", ("u", "c")),
        (b"/v1/data/DATA%3A%2F%2Fu%2Fc", "data", ("u", "c")),
        (b"/v1/data/data:/u/c", "data", ("u", "c")),
        (b"/v1/data/s3://bucket/k", "s3", ("bucket", "k")),
        (b"/v1/data/S3+Label://bucket/k", "s3+Label", ("bucket", "k")),
        (b"/v1/data/s3%2BLabel%3A%2F%2Fbucket%2Fk", "s3+Label", ("bucket", "k")),
        (b"/v1/data/s3+Label://bucket/a%2Fb+c", "s3+Label", ("bucket", "a", "b c")),
        (b"/v1/connector/s3+x/bucket/k", "s3+x", ("bucket", "k")),
        (b"/v1/connector/Dropbox%2Bx/k", "dropbox+x", ("k",)),
        (b"/v1/connector/gs/b/a:/c", "gs", ("b", "a:", "c")),
        (b"/v1/data/u/c/%E2%82%AC%20100%25", "data", ("u", "c", "\u20ac 100%")),
        (b"/v1/data/u/c/...", "data", ("u", "c", "...")),
    ],
)
def test_path_names(raw: bytes, connector: str, segments: tuple[str, ...]) -> None:
    found = parse_raw_path(raw)
    assert (found.connector, found.segments) == (connector, segments)


@pytest.mark.parametrize(
    "path",
    [
        "..",
        ".",
        "u/../v",
        "u/%2e%2e/v",
        "u%2F..%2Fv",
        "u/c/a\\b",
        "u/c/%5C",
        "u/c/a%00b",
        "u/c/%0A",
        "u/c/%7F",
        "u/c/%C2%85",
        "u/c/%FF",
        "u/c/a%252Fb",
        "u/c/%252e%252e",
        "u/c/a%255cb",
        "u/c/%2500",
        "u/c/" + "a" * 1025,
    ],
)
def test_path_is_refused_when_it_could_mean_another(path: str) -> None:
    with pytest.raises(InvalidPath):
        parse_raw_path(b"/v1/data/" + path.encode())


@pytest.mark.parametrize(
    "raw",
    [
        b"/v1/database",
        b"/v1/connectors/data",
        b"/v1/connector",
        b"/v1/connector/ftp/x",
        b"/v1/data/ftp://x",
        b"/v1/connector/s3+a+b/x",
        b"/v1/%64ata/u",
    ],
)
def test_path_is_not_found_when_no_connector_is_meant(raw: bytes) -> None:
    with pytest.raises(PathNotFound):
        parse_raw_path(raw)


def test_trailing_slash_is_remembered() -> None:
    assert parse_raw_path(b"/v1/data/u/c/") == DataPath("data", ("u", "c"), True)
    assert not parse_raw_path(b"/v1/data/").trailing_slash


names = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\%"),
    min_size=1,
    max_size=50,
).filter(lambda name: name not in (".", "..") and not name.endswith(":"))


@given(st.lists(names, max_size=4))
def test_both_ways_of_encoding_come_back(segments: list[str]) -> None:
    path = "/".join(segments)
    apart = parse_raw_path(b"/v1/data/" + quote(path, safe="/+").encode())
    assert apart.segments == tuple(segments)
    if "/" in path:
        whole = parse_raw_path(b"/v1/data/" + quote_plus(path).encode())
        assert whole.segments == tuple(segments)


@given(st.binary(max_size=60))
def test_no_path_is_dangerous_or_a_failure(tail: bytes) -> None:
    try:
        found = parse_raw_path(b"/v1/data/" + tail)
    except (InvalidPath, PathNotFound):
        return
    for segment in found.segments:
        assert segment not in ("", ".", "..")
        assert not set(segment) & set("/\\\0\r\n")
