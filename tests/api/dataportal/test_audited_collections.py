"""What is done to collections is in the audit trail, what is done to files is not."""

from collections.abc import Callable
from typing import Any

import pytest

from algoport.audit.models import AuditEntry
from tests.asgi_client import Answer
from tests.factories.dataportal import Caller

Ask = Callable[..., Answer]
ACTS: dict[str, tuple[str, str, bytes]] = {
    "collection.create": ("POST", "/v1/data/demo", b'{"name":"new"}'),
    "collection.update": ("PATCH", "/v1/data/demo/photos", b'{"acl":{"read":["user://*"]}}'),
    "collection.delete": ("DELETE", "/v1/data/demo/photos?force=true", b""),
}


@pytest.fixture(autouse=True)
def photos(request_as: Ask, demo: Caller) -> None:
    """A collection with a file."""
    assert request_as(demo, "POST", "/v1/data/demo", body=b'{"name":"photos"}').status == 200
    assert request_as(demo, "PUT", "/v1/data/demo/photos/a", body=b"a").status == 200


@pytest.mark.parametrize("action", ACTS)
def test_an_act_leaves_one_entry_that_says_who(request_as: Ask, demo: Caller, action: str) -> None:
    method, target, body = ACTS[action]
    before = AuditEntry.objects.count()
    assert request_as(demo, method, target, body=body).status == 200
    assert AuditEntry.objects.count() == before + 1
    entry: Any = AuditEntry.objects.first()
    assert entry.action == action
    assert (entry.actor_name, entry.actor_kind, entry.via) == ("demo", "standard key", "api")
    assert entry.actor_id == entry.owner_id == demo.user.pk
    assert entry.target_kind == "collection" and entry.target_name.startswith("demo/")


@pytest.mark.parametrize("action", ACTS)
def test_what_is_refused_leaves_none(
    request_as: Ask, demo: Caller, guest: Caller, action: str
) -> None:
    method, target, body = ACTS[action]
    before = AuditEntry.objects.count()
    assert request_as(guest, method, target, body=body).status in (403, 404)
    assert request_as(None, method, target, body=body).status == 401
    assert AuditEntry.objects.count() == before


def test_files_have_records_of_their_own(request_as: Ask, demo: Caller) -> None:
    before = AuditEntry.objects.count()
    assert request_as(demo, "PUT", "/v1/data/demo/photos/b", body=b"b").status == 200
    assert request_as(demo, "DELETE", "/v1/data/demo/photos/b").status == 200
    assert AuditEntry.objects.count() == before
