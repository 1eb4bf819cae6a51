"""What callers are told when a storage does not do what it was asked."""

import pytest

from dataportal import errors
from dataportal.connectors.failures import as_api_error
from dataportal.stores import base


@pytest.mark.parametrize(
    ("failure", "error", "status", "text"),
    [
        (base.NotFound("NoSuchKey: {key}"), errors.PathNotFound, 404, "path not found"),
        (base.NotEmpty("b/d"), errors.DirectoryNotEmpty, 409, "force=true"),
        (base.Refused("AccessDenied: no {0}"), errors.StorageRefused, 403, "AccessDenied: no {0}"),
        (base.Unreachable("it does not answer."), errors.StorageNotReached, 502, "not answer"),
        (base.NotPossible("no buckets."), errors.NotPossibleHere, 400, "no buckets."),
        (base.PreconditionFailed("another."), errors.PreconditionNotMet, 412, "another."),
        (base.RangeNotSatisfiable(7), errors.PartNotThere, 416, "7 bytes"),
        (base.StoreError("odd."), errors.StorageNotReached, 502, "odd."),
    ],
)
def test_failure_of_a_storage_has_one_error(
    failure: base.StoreError, error: type[errors.PathNotFound], status: int, text: str
) -> None:
    made = as_api_error(failure, "s3+lab")

    assert type(made) is error
    assert made.status == status
    assert text in made.text


def test_connector_is_named_where_the_storage_is_to_blame() -> None:
    for failure in (base.Refused("x"), base.Unreachable("x"), base.NotPossible("x")):
        assert "s3+lab" in as_api_error(failure, "s3+lab").text


def test_end_of_a_file_that_is_too_short_is_told() -> None:
    assert as_api_error(base.RangeNotSatisfiable(7), "s3").headers()["Content-Range"] == "bytes */7"
    known = as_api_error(base.RangeNotSatisfiable(None), "s3").headers()
    assert known["Content-Range"] == "bytes */*"
