import pytest

from dataportal.content_types import content_type_of


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.png", "image/png"),
        ("a.PNG", "image/png"),
        ("a.json", "application/json"),
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.csv", "text/csv; charset=utf-8"),
        ("a.html", "text/html; charset=utf-8"),
        ("a.tar.gz", "application/gzip"),
        ("a.txt.xz", "application/octet-stream"),
        ("a.unheard-of", "application/octet-stream"),
        ("a", "application/octet-stream"),
        ("data:text/html,a.txt", "text/plain; charset=utf-8"),
    ],
)
def test_content_type_follows_the_extension(name: str, expected: str) -> None:
    assert content_type_of(name) == expected
