import pytest

from algorithms.version_specs import SpecKind, VersionSpec, parse_version_spec

SHA = "a" * 40


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", VersionSpec(SpecKind.LATEST_PUBLIC)),
        ("latest", VersionSpec(SpecKind.LATEST_PUBLIC)),
        ("latestPrivate", VersionSpec(SpecKind.LATEST_PRIVATE)),
        (SHA, VersionSpec(SpecKind.COMMIT, SHA)),
        (SHA.upper(), VersionSpec(SpecKind.COMMIT, SHA)),
        ("1.2.3", VersionSpec(SpecKind.EXACT, numbers=(1, 2, 3))),
        ("1.2.*", VersionSpec(SpecKind.PREFIX, numbers=(1, 2))),
        ("0.1.x", VersionSpec(SpecKind.PREFIX, numbers=(0, 1))),
        ("1.2", VersionSpec(SpecKind.PREFIX, numbers=(1, 2))),
        ("1.*", VersionSpec(SpecKind.PREFIX, numbers=(1,))),
        ("1.*.*", VersionSpec(SpecKind.PREFIX, numbers=(1,))),
        ("1", VersionSpec(SpecKind.PREFIX, numbers=(1,))),
        ("1.*.2", None),
        ("v1", None),
        ("1.2.3.4", None),
        ("1..2", None),
        ("*", None),
        ("LATEST", None),
        ("a" * 39, None),
        ("1.2.3\n", None),
        ("9999999999", None),
        ("\u0661.\u0662", None),
    ],
)
def test_parse_version_spec(text: str, expected: VersionSpec | None) -> None:
    assert parse_version_spec(text) == expected
