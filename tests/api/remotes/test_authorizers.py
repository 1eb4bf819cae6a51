"""By whose authorization a source is read: by that of somebody who may still push to it."""

from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algoport.audit.models import AuditEntry
from algorithms.constants import SourceState
from algorithms.models import Algorithm, Build, RemoteRepository
from algorithms.remotes.fetching import perform_fetch
from tests.doubles.repository_host import RepositoryHost
from tests.factories.organizations import make_organization
from tests.factories.remotes import connect, create, deliver

pytestmark = pytest.mark.django_db

MEMBER = "/v1/organizations/team/members"
AT = "/v1/algorithms/team/Hello"


@dataclass
class Team:
    """An organization of `owner`, whose algorithm's source demo has connected."""

    owner: APIClient
    owner_user: User
    algorithm: Algorithm
    host: RepositoryHost

    def push(self, **files: str) -> str:
        sha = self.host.commit("octo/Hello", files)
        assert deliver(self.host.event("octo/Hello"), "team/Hello").status_code == 204
        self.work()
        return sha

    def work(self, seconds: float = 0) -> None:
        # As a worker does, outside of the request.
        Context().run(perform_fetch, self.algorithm.id)
        Build.objects.in_progress().update(state="succeeded", finished_at=timezone.now())

    def remote(self) -> RemoteRepository:
        return RemoteRepository.objects.select_related("authorizer").get()

    def authorizer(self) -> str:
        authorizer = self.remote().authorizer
        assert authorizer is not None
        return authorizer.username


@pytest.fixture
def team(
    api: APIClient,
    demo: User,
    host: RepositoryHost,
    make_user: Callable[[str], User],
    api_of: Callable[..., APIClient],
) -> Team:
    owner = make_user("guest")
    make_organization("team", owner, demo)
    connect(api)
    assert create(api, owner="team").status_code == 201
    return Team(api_of(owner), owner, Algorithm.objects.get(), host)


def remove_demo(team: Team) -> None:
    assert team.owner.delete(f"{MEMBER}/demo").status_code < 300


def browser_of(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def test_who_was_removed_pushes_nothing_any_more(team: Team) -> None:
    team.push(a="1")
    assert Build.objects.count() == 1
    remove_demo(team)
    asked = list(team.host.asked)
    team.push(a="2")
    remote = team.remote()
    assert Build.objects.count() == 1 and team.host.asked == asked
    assert (remote.state, remote.due_at) == (SourceState.REFUSED, None)
    assert "does not act for team any more" in remote.error and "Fetch now" in remote.error


def test_an_organization_that_has_ended_builds_nothing(
    team: Team, administrator: APIClient
) -> None:
    assert administrator.delete("/v1/organizations/team").status_code < 300
    team.host.commit("octo/Hello", {"a": "1"})
    RemoteRepository.objects.update(due_at=timezone.now())
    team.work()
    assert not Build.objects.exists() and team.remote().state == SourceState.REFUSED


def test_a_connected_member_takes_over(team: Team) -> None:
    remove_demo(team)
    sha = team.push(a="1")
    connect(team.owner)
    browser = browser_of(team.owner_user)
    assert browser.post("/algorithms/team/Hello/source/fetch").status_code == 302
    assert team.authorizer() == "guest"
    team.work()
    assert [build.commit_sha for build in Build.objects.all()] == [sha]
    entry = AuditEntry.objects.get(action="algorithm.take_over_source")
    assert (entry.actor_name, entry.target_name) == ("guest", "team/Hello")
    assert entry.changes["notes"] == {"repository": "octo/Hello", "authorizer": "guest"}


def test_compiling_takes_over_from_who_is_not_connected(
    team: Team, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("algorithms.api.views.time.sleep", team.work)
    api.post("/v1/scms/github/oauth/revoke")
    connect(team.owner)
    sha = team.host.commit("octo/Hello", {"a": "1"})
    compiled = team.owner.post(f"{AT}/compile")
    assert compiled.status_code == 200, compiled.content
    assert compiled.json()["version_info"]["git_hash"] == sha and team.authorizer() == "guest"


def test_who_is_not_connected_takes_over_nothing(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("algorithms.api.views.time.sleep", team.work)
    remove_demo(team)
    refused: Any = team.owner.post(f"{AT}/compile")
    assert (refused.status_code, refused.json()["code"]) == (503, 4084)
    assert "does not act for team any more" in refused.json()["message"]
    assert team.authorizer() == "demo" and not Build.objects.exists()


def test_who_may_still_push_is_not_replaced(team: Team) -> None:
    connect(team.owner)
    browser_of(team.owner_user).post("/algorithms/team/Hello/source/fetch")
    team.work()
    assert team.authorizer() == "demo" and team.remote().state == SourceState.ACTIVE
    assert not AuditEntry.objects.filter(action="algorithm.take_over_source").exists()
