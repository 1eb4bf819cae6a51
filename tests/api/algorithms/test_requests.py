"""Queued calls through /v1/requests, without a worker."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algorithms.constants import AsyncState
from algorithms.models import AsyncCall
from tests.factories.queueing import make_call

pytestmark = pytest.mark.django_db


@pytest.fixture
def failed(demo: User) -> AsyncCall:
    """A call of demo's that has failed."""
    now = timezone.now()
    return make_call(
        demo,
        state=AsyncState.FAILED,
        error="bad input",
        error_type="InputError",
        stacktrace="Traceback",
        started_at=now,
        ended_at=now,
    )


def test_a_list_does_not_load_what_it_does_not_show(api: APIClient, failed: AsyncCall) -> None:
    with CaptureQueriesContext(connection) as made:
        (listed,) = api.get("/v1/requests").json()["results"]
    assert listed["request_id"] == f"req-{failed.pk}" and "error" not in listed
    (query,) = [each["sql"] for each in made if '"accepted_at"' in each["sql"]]
    for column in ("payload", "result", "error", "stacktrace"):
        assert f'"{column}"' not in query
    shown = api.get(f"/v1/requests/req-{failed.pk}").json()
    assert shown["error"] == {"message": "bad input", "error_type": "InputError"}
