"""Approvals and reports on the pages of an organization."""

import uuid
from typing import Any

import pytest
from django.test import Client

from algoport.accounts.authentication import principal_of_user
from algoport.accounts.models import User
from algoport.audit.models import AuditEntry
from algorithms.models import Approval, Environment
from algorithms.services import Publication, publish_version
from algorithms.updates import AlgorithmChanges
from orgs.models import Organization
from tests.factories.algorithms import make_algorithm, make_build
from tests.web.test_home import make_call

pytestmark = pytest.mark.django_db

PAGE = "/organizations/Team/approvals"


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.fixture
def held(team: Organization, guest: User, python_environment: Environment) -> Approval:
    """A version that guest has published for everybody."""
    algorithm = make_algorithm(team.account, "Shared")
    make_build(algorithm)
    publish_version(
        algorithm=algorithm,
        publisher=principal_of_user(guest),
        publication=Publication(
            "default",
            release_notes="<script>notes",
            changes=AlgorithmChanges(callability="public"),
        ),
    )
    return Approval.objects.get()


@pytest.mark.parametrize(("decision", "state"), [("approve", "approved"), ("refuse", "refused")])
def test_an_owner_decides_with_a_comment(
    owner: Client, member: Client, held: Approval, decision: str, state: str
) -> None:
    one = f"{PAGE}/{held.pk}"
    page = text_of(owner.get(PAGE))
    assert "Team/Shared" in page and one in page
    assert "&lt;script&gt;notes" in page and "<script>notes" not in page
    seen = text_of(member.get(PAGE))
    assert "Team/Shared" in seen and one not in seen
    form = {"decision": decision, "comment": "<b>Because"}
    assert member.post(one, form).status_code == 403
    assert owner.post(one, form | {"decision": "maybe"}).status_code == 422
    assert owner.post(one, form | {"comment": "x" * 1001}).status_code == 422
    held.refresh_from_db()
    assert held.state == "held"
    assert owner.post(one, form).status_code == 302
    held.refresh_from_db()
    assert (held.state, held.comment) == (state, "<b>Because")
    assert "Nothing waits" in text_of(owner.get(PAGE))
    assert "&lt;b&gt;Because" in text_of(member.get(f"{PAGE}?state={state}"))
    answer = owner.post(one, form)
    assert answer.status_code == 422 and f"{state} already" in text_of(answer)
    acts = AuditEntry.objects.filter(via="web").values_list("action", flat=True)
    assert list(acts) == [f"version.{decision}"]


def test_approvals_of_others_do_not_exist(owner: Client, stranger: Client, held: Approval) -> None:
    assert stranger.get(PAGE).status_code == 404
    assert stranger.post(f"{PAGE}/{held.pk}", {"decision": "approve"}).status_code == 404
    assert owner.get(f"{PAGE}/{uuid.uuid4()}").status_code == 404


def test_an_owner_reads_how_often_what_was_called(
    owner: Client, member: Client, held: Approval, guest: User
) -> None:
    page = "/organizations/Team/reports"
    assert "No calls" in text_of(owner.get(page))
    algorithm = held.version.algorithm
    for error in ("", "", "InputError"):
        make_call(guest, algorithm, error_type=error)
    make_call(guest, make_algorithm(guest, "Elsewhere"))
    by_version = text_of(owner.get(page))
    assert "Shared" in by_version and "Elsewhere" not in by_version
    assert 'data-label="Calls">3<' in by_version and ">1</span>" in by_version
    by_caller = text_of(owner.get(f"{page}?by=caller&days=30"))
    assert "guest</th>" in by_caller and 'data-label="Calls">3<' in by_caller
    assert owner.get(f"{page}?days=x").status_code == 200
    assert member.get(page).status_code == 403
