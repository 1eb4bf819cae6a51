"""The page on which an algorithm is made: for whom, and what it refuses."""

from typing import Any

import pytest
from django.test import Client

from algoport.accounts.models import User
from algoport.audit.models import AuditEntry
from algorithms.models import Algorithm, Environment
from scm.repositories import head_commit
from tests.factories.algorithms import make_algorithm
from tests.factories.organizations import make_organization

HOSTILE = '"><script>alert(1)</script>'


def given(chosen: Environment, **changes: str) -> dict[str, Any]:
    values = {
        "owner": "demo",
        "name": "Hello",
        "label": "",
        "tagline": "Greets.",
        "environment": str(chosen.pk),
        "source_visibility": "closed",
        "license": "apl",
        "network_access": "isolated",
        "pipeline_enabled": "on",
    }
    return {key: value for key, value in (values | changes).items() if value is not None}


def test_an_algorithm_is_made_with_its_repository(
    browser: Client, demo: User, python_environment: Environment
) -> None:
    page = browser.get("/algorithms/new").content.decode()
    assert '<option value="demo"' in page and "Python 3.11" in page
    made = browser.post("/algorithms/new", given(python_environment))
    assert made.status_code == 302 and made.headers["Location"] == "/algorithms/demo/Hello/source"
    algorithm = Algorithm.objects.get()
    assert (algorithm.label, algorithm.tagline) == ("Hello", "Greets.")
    assert algorithm.pipeline_enabled and algorithm.network_access == "isolated"
    assert head_commit(algorithm.id) is not None
    source = browser.get(made.headers["Location"]).content.decode()
    assert "requirements.txt" in source and "demo/Hello is made" in source


def test_everything_can_be_said(
    browser: Client, demo: User, python_environment: Environment
) -> None:
    team = make_organization("team", demo)
    values = given(
        python_environment,
        owner="team",
        label="Says hello",
        source_visibility="open",
        license="mit",
        network_access="full",
    )
    del values["pipeline_enabled"]
    assert browser.post("/algorithms/new", values).status_code == 302
    made = Algorithm.objects.get()
    assert (made.owner, made.label, made.license) == (team.account, "Says hello", "mit")
    assert (made.source_visibility, made.network_access) == ("open", "full")
    assert not made.pipeline_enabled


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "1st"}, "Begin with a letter"),
        ({"name": "a-b"}, "Begin with a letter"),
        ({"name": "x" * 31}, "at most 30 characters"),
        ({"name": "hello"}, "demo has an algorithm hello already."),
        ({"name": ""}, "This field is required."),
        ({"name": "a\x00b"}, "Null characters are not allowed."),
        ({"license": "mit"}, "Choose the platform licence"),
        ({"owner": "guest"}, "Select a valid choice"),
        ({"environment": "x"}, "Select a valid choice"),
        ({"network_access": "all"}, "Select a valid choice"),
        ({"label": "x" * 201}, "at most 200 characters"),
        ({"name": HOSTILE}, "&lt;script&gt;alert(1)"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(
    browser: Client,
    algorithm: Algorithm,
    python_environment: Environment,
    changes: dict[str, str],
    said: str,
) -> None:
    answer = browser.post("/algorithms/new", given(python_environment, **changes))
    text = answer.content.decode()
    assert answer.status_code == 422
    field = next(iter(changes))
    assert f'id="id_{field}_error"' in text and 'aria-invalid="true"' in text
    assert said in text and "<script>alert" not in text
    assert Algorithm.objects.count() == 1


def test_owners_are_oneself_and_ones_organizations(
    browser: Client, visitor: Client, demo: User, guest: User, python_environment: Environment
) -> None:
    make_organization("team", demo)
    page = browser.get("/algorithms/new?owner=team").content.decode()
    assert page.index('value="demo"') < page.index('value="team" selected')
    assert 'value="team"' not in visitor.get("/algorithms/new?owner=team").content.decode()
    refused = visitor.post("/algorithms/new", given(python_environment, owner="team"))
    assert refused.status_code == 422 and not Algorithm.objects.exists()


def test_a_name_is_judged_while_it_is_typed(
    browser: Client, demo: User, guest: User, algorithm: Algorithm
) -> None:
    def told(**query: str) -> str:
        return browser.get("/algorithms/new/name", query).content.decode()

    assert "<code>demo/NAME</code>" in told(owner="demo", name="")
    assert "<code>demo/Other</code>" in told(owner="demo", name=" Other ")
    assert "has an algorithm HELLO already" in told(owner="demo", name="HELLO")
    assert "Begin with a letter" in told(owner="demo", name=HOSTILE)
    assert "script" not in told(owner="demo", name=HOSTILE)
    # What others have is not told.
    make_algorithm(guest, "Secret")
    assert browser.get("/algorithms/new/name?owner=guest&name=Secret").status_code == 403
    assert browser.get("/algorithms/new/name?owner=a%00&name=Secret").status_code == 404


def test_it_is_one_act(browser: Client, demo: User, python_environment: Environment) -> None:
    browser.post("/algorithms/new", given(python_environment))
    entry = AuditEntry.objects.get(action="algorithm.create")
    assert (entry.actor_name, entry.via, entry.target_name) == ("demo", "web", "demo/Hello")


def test_who_has_not_signed_in_is_asked_to(db: None) -> None:
    for path in ("/algorithms/new", "/algorithms/new/name"):
        assert Client().get(path).headers["Location"].startswith("/signin")
