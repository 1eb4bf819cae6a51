"""What is done to algorithms leaves one entry each in the audit trail, and a refusal none."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algoport.audit.models import AuditEntry
from algorithms.building import aftermath
from algorithms.building.aftermath import Readme
from algorithms.building.leases import take_build
from algorithms.constants import BuildState
from algorithms.models import Algorithm, Environment, Version
from tests.factories.accounts import administrator_client
from tests.factories.algorithms import SETTINGS, make_algorithm, make_build, make_version
from tests.factories.organizations import make_organization

pytestmark = pytest.mark.django_db

ONE = "/v1/algorithms/demo/Hello"


def entries(do: Callable[[], Any], status: int) -> list[AuditEntry]:
    """What an answer with this status has left in the trail."""
    before = AuditEntry.objects.count()
    assert do().status_code == status
    return list(AuditEntry.objects.order_by("number")[before:])


def test_each_act_leaves_one(api: APIClient, demo: User) -> None:
    body = {"name": "Hello", "details": {"label": "Hello"}, "settings": SETTINGS}
    (made,) = entries(lambda: api.post("/v1/algorithms/demo", body, format="json"), 201)
    algorithm = Algorithm.objects.get()
    assert (made.action, made.target_id, made.owner_id) == (
        "algorithm.create",
        str(algorithm.id),
        demo.id,
    )
    changed = {"settings": {"network_access": "full"}, "version_info": {"sample_input": "1"}}
    make_build(algorithm)
    (updated,) = entries(lambda: api.put(ONE, changed, format="json"), 200)
    assert updated.action == "algorithm.update"
    assert updated.changes["fields"] == {
        "network_access": {"before": "isolated", "after": "full"},
        "sample_input": {"before": "", "after": "1"},
    }
    public = {"settings": {"algorithm_callability": "public"}}
    (published,) = entries(lambda: api.post(f"{ONE}/versions", public, format="json"), 200)
    assert published.action == "algorithm.publish"
    assert published.changes["notes"] == {"version": "0.1.0", "approval": None}
    assert published.changes["fields"] == {"callability": {"before": "private", "after": "public"}}
    root = administrator_client(User.objects.create(username="root", email="root@example.com"))
    (removed,) = entries(lambda: root.delete("/v1/admin/algorithms/demo/Hello?force=true"), 204)
    assert (removed.action, removed.target_name) == ("algorithm.force_delete", "demo/Hello")
    make_algorithm(demo)
    (deleted,) = entries(lambda: api.delete(ONE), 204)
    assert deleted.action == "algorithm.delete"


def test_what_changes_nothing_leaves_none(api: APIClient, demo: User) -> None:
    make_version(make_algorithm(demo))
    for do, status in (
        (lambda: api.put(ONE, {}, format="json"), 200),
        (lambda: api.put(ONE, {"details": {"label": "Hello"}}, format="json"), 200),
        (lambda: api.put(ONE, {"settings": {"license": "bsd"}}, format="json"), 400),
        (lambda: api.post(f"{ONE}/versions", {}, format="json"), 409),
        (lambda: api.delete(ONE), 403),
    ):
        assert entries(do, status) == []


def test_decisions(
    demo: User,
    make_user: Callable[[str], User],
    api_of: Callable[..., APIClient],
    python_environment: Environment,
) -> None:
    guest = make_user("guest")
    algorithm = make_algorithm(make_organization("makers", demo, guest).account)
    body = {"settings": {"algorithm_callability": "public"}}
    path = "/v1/algorithms/makers/Hello/versions"
    member, owner = api_of(guest), api_of(demo)
    for number, decision in (("0.1.0", "approve"), ("0.2.0", "refuse")):
        make_build(algorithm)
        (held,) = entries(lambda: member.post(path, body, format="json"), 200)
        assert held.changes["notes"] == {"version": number, "approval": "held"}
        url = f"{path}/{number}/{decision}"
        assert entries(lambda url=url: member.post(url), 403) == []
        (decided,) = entries(lambda url=url: owner.post(url), 200)
        assert (decided.action, decided.actor_name) == (f"version.{decision}", "demo")
        assert decided.owner_id == algorithm.owner_id
    assert Version.objects.count() == 2


def test_a_build_that_changes_the_summary(demo: User, python_environment: Environment) -> None:
    made = make_build(make_algorithm(demo), BuildState.IN_PROGRESS)
    build = take_build(made.id)
    assert build is not None
    before = AuditEntry.objects.count()
    aftermath.succeed(build, Readme("digest", "<p>New</p>"))
    (entry,) = AuditEntry.objects.order_by("number")[before:]
    assert entry.action == "algorithm.document"
    assert entry.changes["fields"]["summary"] == {"before": "", "after": "<p>New</p>"}
