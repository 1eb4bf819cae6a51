"""Whatever the admin site lets be changed leaves one entry, and none when it is refused."""

import pytest
from django.contrib import admin
from django.test import Client, RequestFactory

import algoport.celery  # noqa: F401  (its broker takes what wakes workers)
from algoport.audit.models import AuditEntry
from algorithms.models import Environment
from tests.api.audit.world import SECRETS, World, make_world
from tests.audit_trail import verify
from tests.web.admin_acts import ADMIN_ACTS, operations

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(python_environment: Environment) -> World:
    return make_world(python_environment)


def test_every_operation_is_told_how_to_be_done(world: World) -> None:
    request = RequestFactory().get("/admin/")
    request.user = world.root.user
    there = operations(admin.site, request)
    told = ADMIN_ACTS.keys()
    assert there - told == set(), "tell in tests/web/admin_acts.py how these are done"
    assert told - there == set(), "there are none of these any more"


@pytest.mark.parametrize("operation", ADMIN_ACTS)
def test_what_succeeds_leaves_one_entry_that_says_who(world: World, operation: str) -> None:
    path, form = ADMIN_ACTS[operation](world)
    before = AuditEntry.objects.count()
    answer = world.site.post(f"/admin/{path}", form)
    assert answer.status_code == 302, answer.content
    assert AuditEntry.objects.count() == before + 1
    entry = AuditEntry.objects.first()
    assert entry is not None
    assert (entry.actor_kind, entry.via, entry.key_id) == ("session", "admin", None)
    assert (entry.actor_id, entry.actor_name) == (world.root.user.pk, "root")
    assert entry.target_kind and entry.target_id and entry.target_name
    told = f"{entry.changes}{entry.target_name}"
    assert not any(secret in told for secret in SECRETS)
    assert verify() == []


@pytest.mark.parametrize("operation", ADMIN_ACTS)
def test_what_is_refused_leaves_none(world: World, operation: str) -> None:
    path, form = ADMIN_ACTS[operation](world)
    before = AuditEntry.objects.count()
    nobody = Client()
    nobody.force_login(world.weak.user)
    assert nobody.post(f"/admin/{path}", form).status_code in (302, 403)
    assert Client().post(f"/admin/{path}", form).status_code in (302, 403)
    assert AuditEntry.objects.count() == before
