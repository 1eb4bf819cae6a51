"""GET /v1/explain: by which rule a request would be allowed or refused (tests/permissions)."""

import pytest
from rest_framework.test import APIClient


def test_explanation_names_the_rule(api: APIClient) -> None:
    answer = api.get("/v1/explain", {"method": "GET", "path": "/v1/admin/features"})
    assert answer.json() == {
        "method": "GET",
        "path": "/v1/admin/features",
        "allowed": False,
        "rule": "administering needs an admin key or a password",
        "action": "administer the platform",
        "status": 403,
        "code": 2001,
        "message": answer.json()["message"],
    }
    allowed = api.get("/v1/explain", {"path": "/v1/users/demo/connectors"}).json()
    assert allowed["allowed"] is True
    assert allowed["rule"] == "the key may manage algorithms"


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({}, 400, 6001),
        ({"path": "/other"}, 400, 6001),
        ({"path": "/v1/nothing"}, 404, 6001),
        ({"path": "/v1/users", "method": "BREW"}, 400, 6001),
        ({"path": "/v1/users", "method": "DELETE"}, 405, 6001),
        ({"path": "/v1/algo/demo/a%00b/1", "method": "POST"}, 200, None),
    ],
)
def test_questions_that_make_no_sense_are_refused(
    api: APIClient, query: dict[str, str], status: int, code: int | None
) -> None:
    answer = api.get("/v1/explain", query)
    assert answer.status_code == status
    if code is not None:
        assert answer.json()["code"] == code


def test_who_has_not_signed_in_is_told_to(db: None) -> None:
    answer = APIClient().get("/v1/explain", {"path": "/v1/requests"}).json()
    assert (answer["allowed"], answer["status"]) == (False, 401)
