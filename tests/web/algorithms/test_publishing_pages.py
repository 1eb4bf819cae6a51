"""The wizard that publishes, and the list of versions."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from algoport.accounts.models import User
from algorithms.constants import ApprovalState
from algorithms.models import Algorithm, Environment, Version
from tests.factories.algorithms import make_algorithm, make_build, make_version
from tests.factories.organizations import make_organization

PATH = "/algorithms/demo/Hello/versions"
HOSTILE = "</textarea><script>alert(1)</script>"
FIRST = {"step": "1", "callability": "private", "version_type": "minor"}
WORDS = {"release_notes": "", "sample_input": ""}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """No web process is there to have a runner ready."""
    monkeypatch.setattr("algorithms.services.warm_build", lambda *given: None)


def offered(client: Client, path: str = PATH) -> list[str]:
    text = client.get(f"{path}/publish").content.decode()
    return re.findall(r'name="version_type" value="(\w+)"', text)


def send(client: Client, path: str = PATH, **fields: str) -> tuple[int, str]:
    answer = client.post(f"{path}/publish", fields)
    return answer.status_code, answer.content.decode()


def test_three_steps(browser: Client, algorithm: Algorithm) -> None:
    build = make_build(algorithm)
    assert offered(browser) == ["major", "minor"]
    status, text = send(browser, **FIRST, to="2")
    assert status == 200 and "What readers of 0.1.0 find" in text
    said = FIRST | {"release_notes": "Finds more.", "sample_input": '"you"\r\n'}
    status, text = send(browser, **said, to="3")
    assert status == 200 and "Publish 0.1.0" in text and "Finds more." in text
    status, text = send(browser, **said, to="1")
    assert status == 200 and 'value="Finds more."' in text
    status, _ = send(browser, **said, git_hash=build.commit_sha, to="publish")
    assert status == 302
    version = Version.objects.get()
    assert (str(version), version.build, version.callability) == ("0.1.0", build, "private")
    assert version.release_notes == "Finds more."
    assert version.sample_input == '"you"\n'
    answer = browser.get(PATH)
    assert "demo/Hello/0.1.0 is published." in answer.content.decode()


def test_a_larger_step_where_permissions_change(browser: Client, algorithm: Algorithm) -> None:
    make_version(algorithm, "private")
    make_build(algorithm)
    assert offered(browser) == ["major", "minor", "patch"]
    public = FIRST | {"callability": "public"}
    status, text = send(browser, **public, to="2")
    assert status == 422 and "1.0.0 at least" in text
    status, text = send(browser, **(public | WORDS), to="publish")
    assert status == 422 and Version.objects.count() == 1
    Algorithm.objects.update(network_access="full")
    assert offered(browser) == ["major"]


def test_a_build_that_came_meanwhile_is_looked_at_first(
    browser: Client, algorithm: Algorithm
) -> None:
    seen = make_build(algorithm)
    make_build(algorithm)
    fields = FIRST | WORDS | {"git_hash": seen.commit_sha, "to": "publish"}
    status, text = send(browser, **fields)
    assert status == 422 and "most recently compiled" in text
    assert not Version.objects.exists()


def test_nothing_to_publish(browser: Client, algorithm: Algorithm) -> None:
    assert browser.get(f"{PATH}/publish").status_code == 302
    make_version(algorithm)
    answer = browser.get(f"{PATH}/publish", follow=True)
    assert "Version already published" in answer.content.decode()


@pytest.mark.parametrize(
    "fields", [{}, {"callability": "x", "version_type": "minor"}, FIRST | {"version_type": "\x00"}]
)
def test_what_is_not_offered(browser: Client, algorithm: Algorithm, fields: dict[str, str]) -> None:
    make_build(algorithm)
    assert send(browser, **fields, to="publish")[0] == 422


def test_what_is_carried_along_is_text(browser: Client, algorithm: Algorithm) -> None:
    make_build(algorithm)
    said = FIRST | {"release_notes": HOSTILE, "sample_input": f'"{HOSTILE}'}
    for to in ("1", "2", "3"):
        assert "<script>alert" not in send(browser, **said, to=to)[1]
    send(browser, **said, to="publish")
    for path in (PATH, "/algorithms/demo/Hello"):
        assert "<script>alert" not in browser.get(path).content.decode()


def test_others_do_not_publish(visitor: Client, algorithm: Algorithm) -> None:
    make_version(algorithm)
    make_build(algorithm)
    assert visitor.get(f"{PATH}/publish").status_code == 403
    assert send(visitor, **FIRST, **WORDS, to="publish")[0] == 403


def test_a_member_waits_for_approval(
    demo: User,
    guest: User,
    visitor: Client,
    browser: Client,
    python_environment: Environment,
    make_user: Callable[[str], User],
    browser_of: Callable[[User], Client],
) -> None:
    team = make_organization("team", demo, guest).account
    make_build(make_algorithm(team, "Ours"))
    path = "/algorithms/team/Ours/versions"
    fields = FIRST | WORDS | {"callability": "public"}
    _, text = send(visitor, path, **fields, to="3")
    assert "An owner of team has to approve" in text
    send(visitor, path, **fields, to="publish")
    assert Version.objects.get().approval_state == ApprovalState.HELD
    assert "Waits for approval" in visitor.get(path).content.decode()
    assert "approve" not in visitor.get(path).content.decode()
    assert browser_of(make_user("other")).get(path).status_code == 404
    assert visitor.post(f"{path}/0.1.0/approve").status_code == 403
    assert browser.get(f"{path}/0.1.0/approve").status_code == 405
    assert browser.post(f"{path}/0.9.0/approve").status_code == 404
    assert f"{path}/0.1.0/refuse" in browser.get(path).content.decode()
    answer = browser.post(f"{path}/0.1.0/approve", follow=True)
    assert "Version 0.1.0 is approved." in answer.content.decode()
    assert "Everybody" in browser.get(path).content.decode()
    answer = browser.post(f"{path}/0.1.0/refuse", follow=True)
    assert "Version 0.1.0 is approved already." in answer.content.decode()


def test_versions_that_others_see(browser: Client, visitor: Client, algorithm: Algorithm) -> None:
    assert "No versions yet" in browser.get(PATH).content.decode()
    make_version(algorithm)
    make_version(algorithm, "private")
    own, others = (client.get(PATH).content.decode() for client in (browser, visitor))
    assert ">1.0.0<" in own and ">0.1.0<" in own
    assert ">1.0.0<" not in others and ">0.1.0<" in others and "/builds/" not in others
    chosen = browser.get(PATH, {"callers": "private"}).content.decode()
    assert "Hello/1.0.0</code>" in chosen and '<th scope="row">0.1.0' not in chosen
    assert "Nothing found" in browser.get(PATH, {"q": "notes"}).content.decode()
