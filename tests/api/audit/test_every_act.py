"""Each operation that changes something leaves one entry, and none when it is refused."""

from dataclasses import replace
from typing import Any

import pytest
from rest_framework.test import APIClient

import algoport.celery  # noqa: F401  (its broker takes what wakes workers)
from algoport.accounts.permissions import PrincipalKind
from algoport.audit.models import AuditEntry
from algorithms.api.views import CompileView
from algorithms.constants import BuildState
from algorithms.models import Build, Environment
from dataportal.connectors import buckets
from tests.api.audit.acts import ACTS, NO_ACTS
from tests.api.audit.routes import operations
from tests.api.audit.world import SECRETS, Call, Person, World, make_world
from tests.audit_trail import verify

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(python_environment: Environment) -> World:
    return make_world(python_environment)


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Storages and builds do at once what they are asked for."""

    def build(view: CompileView, row: Build) -> Build:
        row.state = BuildState.SUCCEEDED
        return row

    monkeypatch.setattr(CompileView, "_wait", build)
    monkeypatch.setattr(buckets, "ask", lambda *args: None)


def test_every_operation_is_told_how_to_be_done() -> None:
    there = set(operations("v1/"))
    told = ACTS.keys() | NO_ACTS.keys()
    assert there - told == set(), "tell in tests/api/audit/acts.py how these are asked for"
    assert told - there == set(), "there are none of these any more"
    assert not ACTS.keys() & NO_ACTS.keys()


@pytest.mark.parametrize("operation", ACTS)
def test_what_succeeds_leaves_one_entry_that_says_who(world: World, operation: str) -> None:
    call = ACTS[operation](world)
    before = AuditEntry.objects.count()
    answer = _send(operation, call, call.who)
    assert answer.status_code < 300, answer.content
    assert AuditEntry.objects.count() == before + 1
    entry = AuditEntry.objects.first()
    assert entry is not None
    kind = PrincipalKind.ADMIN_KEY if call.who is world.root else PrincipalKind.KEY
    assert (entry.actor_kind, entry.via) == (kind.value, "api")
    assert (entry.actor_id, entry.actor_name) == (call.who.user.pk, call.who.user.username)
    assert entry.key_id == call.who.key.pk
    assert entry.target_kind and entry.target_id and entry.target_name
    told = f"{entry.changes}{entry.target_name}"
    assert not any(secret in told for secret in SECRETS)
    assert verify() == []


@pytest.mark.parametrize("operation", ACTS)
def test_what_is_refused_leaves_none(world: World, operation: str) -> None:
    call = ACTS[operation](world)
    before = AuditEntry.objects.count()
    answer = _send(operation, call, world.weak)
    assert 400 <= answer.status_code < 500, answer.content
    nobody = replace(world.weak, api=APIClient())
    assert _send(operation, call, nobody).status_code in (401, 403)
    assert AuditEntry.objects.count() == before


def _send(operation: str, call: Call, who: Person) -> Any:
    send = getattr(who.api, operation.split()[0].lower())
    if isinstance(call.body, bytes):
        return send(call.path, call.body, content_type="application/octet-stream")
    return send(call.path, call.body, format="json")
