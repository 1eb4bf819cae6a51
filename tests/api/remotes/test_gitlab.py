"""Algorithms whose source is on GitLab: what differs from GitHub."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from rest_framework.test import APIClient

from algoport.encryption import encrypt
from algorithms.constants import SourceState
from algorithms.models import Algorithm, Build, RemoteRepository
from algorithms.remotes import making
from algorithms.remotes.fetching import perform_fetch
from algorithms.remotes.services import waiting_fetches
from scm.models import EndedToken, ScmAuthorization, ScmConfiguration
from scm.repositories import head_commit
from scm.revocations import take_back_ended_tokens
from tests.doubles.gitlab_host import GitLabHost
from tests.doubles.repository_host import repository_host
from tests.factories.remotes import connect, create, deliver

pytestmark = pytest.mark.django_db

BASE = "/v1/scms/gitlab/oauth"


@pytest.fixture
def gitlab(settings: Any, administrator: APIClient, api: APIClient) -> Iterator[GitLabHost]:
    """A GitLab that an administrator has described, with which demo is connected."""
    settings.SCM_HOSTS = frozenset({("127.0.0.1", None)})
    with repository_host(GitLabHost) as made:
        answer = administrator.post("/v1/admin/scms", made.described(), "json")
        assert answer.status_code == 201, answer.content
        connect(api, "gitlab")
        yield made


def make(api: APIClient, **source: Any) -> Any:
    return create(api, scm="gitlab", **source)


def test_it_is_made_fetched_and_built(api: APIClient, gitlab: GitLabHost) -> None:
    made = make(api)
    assert made.status_code == 201, made.content
    assert made.json()["source"]["repository_https_url"] == f"{gitlab.url}/octo/Hello"
    algorithm = Algorithm.objects.get()
    sha = gitlab.commit("octo/Hello", {"a": "b"}, "master")
    assert deliver(gitlab.event("octo/Hello")).status_code == 204
    perform_fetch(algorithm.id)
    assert head_commit(algorithm.id) == sha
    assert Build.objects.get().commit_sha == sha
    assert api.get("/v1/algorithms/demo/Hello/scm/status").json() == {
        "scm_connection_status": "active",
        "repository_webhook_secret": gitlab.find("octo/Hello").hooks[0]["token"],
        "repository_webhook_url": gitlab.find("octo/Hello").hooks[0]["url"],
    }


def test_events_need_the_token(api: APIClient, gitlab: GitLabHost) -> None:
    make(api)
    good = gitlab.event("octo/Hello")
    github = {"X-GitHub-Event": "push", "X-Hub-Signature": "sha1=0"}
    for headers in (
        {"X-Gitlab-Event": "Push Hook"},
        {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": "\u00e9"},
        {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": "guessed"},
        github,
    ):
        assert deliver({**good, "headers": headers}).status_code == 400
    assert deliver(gitlab.event("octo/Hello", "Tag Push Hook")).status_code == 202
    assert deliver(gitlab.event("octo/Hello", ref="refs/heads/x")).status_code == 202
    assert not waiting_fetches()


def test_groups_inside_others(api: APIClient, gitlab: GitLabHost) -> None:
    named = [{"scm_org_username": "makers/tools", "access_level": "MEMBER"}]
    assert api.get(f"{BASE}/status").json()["scm_organizations"] == named
    refused = make(api, repository_owner="others")
    assert (refused.status_code, refused.json()["code"]) == (409, 1008)
    made = make(api, repository_owner="makers/tools")
    assert made.json()["source"]["repository_owner"] == "makers/tools"
    assert gitlab.find("makers/tools/Hello").hooks


def test_what_fails_is_taken_back(api: APIClient, gitlab: GitLabHost) -> None:
    gitlab.failing = {"POST /api/v4/projects/41/hooks": 422}
    refused = make(api)
    assert (refused.status_code, refused.json()["code"]) == (409, 1008)
    assert "is left" not in refused.content.decode()
    assert not gitlab.repositories and not Algorithm.objects.exists()


def test_what_the_platform_fails_at_is_taken_back(
    api: APIClient,
    gitlab: GitLabHost,
    settings: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.REPOSITORIES_FOLDER = tmp_path

    def fail(algorithm_id: object) -> None:
        # After the webhook was made.
        assert gitlab.repositories[0].hooks
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(making, "head_commit", fail)
    assert make(api).status_code == 503
    assert not gitlab.repositories and not list(tmp_path.glob("*/*"))
    gitlab.failing = {"DELETE /api/v4/projects/41": 500}
    assert make(api).status_code == 503
    assert "octo/Hello is left at GitLab" in caplog.text
    assert not list(tmp_path.glob("*/*")) and not Algorithm.objects.exists()


def test_tokens_are_renewed(api: APIClient, gitlab: GitLabHost) -> None:
    make(api)
    algorithm, first = Algorithm.objects.get(), set(gitlab.tokens)
    sha = gitlab.commit("octo/Hello", {"a": "b"}, "master")
    ScmAuthorization.objects.update(expires_at=timezone.now())
    deliver(gitlab.event("octo/Hello"))
    perform_fetch(algorithm.id)
    assert head_commit(algorithm.id) == sha and not first & gitlab.tokens
    row = ScmAuthorization.objects.get()
    assert row.expires_at is not None and row.expires_at > timezone.now()
    assert "canary" not in row.access_token + row.refresh_token
    ScmAuthorization.objects.update(expires_at=timezone.now())
    gitlab.refreshing.clear()
    deliver(gitlab.event("octo/Hello"))
    perform_fetch(algorithm.id)
    assert RemoteRepository.objects.get().state == SourceState.REFUSED
    ScmAuthorization.objects.update(refresh_token="garbage", expires_at=timezone.now())
    deliver(gitlab.event("octo/Hello"))
    perform_fetch(algorithm.id)
    assert "Authorize it again" in RemoteRepository.objects.get().error


def test_a_host_that_refuses_the_platform_is_asked_again(
    api: APIClient, gitlab: GitLabHost
) -> None:
    make(api)
    algorithm = Algorithm.objects.get()
    sha = gitlab.commit("octo/Hello", {"a": "b"}, "master")
    ScmAuthorization.objects.update(expires_at=timezone.now())
    kept = ScmConfiguration.objects.get(pk="gitlab").client_secret
    ScmConfiguration.objects.filter(pk="gitlab").update(client_secret=encrypt("another"))
    deliver(gitlab.event("octo/Hello"))
    perform_fetch(algorithm.id)
    remote = RemoteRepository.objects.get()
    assert remote.state == SourceState.FAILED and remote.due_at is not None
    assert "It refuses the platform: invalid_client." in remote.error
    ScmConfiguration.objects.filter(pk="gitlab").update(client_secret=kept)
    RemoteRepository.objects.update(due_at=timezone.now())
    perform_fetch(algorithm.id)
    assert head_commit(algorithm.id) == sha


def test_it_is_revoked_at_the_host(api: APIClient, gitlab: GitLabHost) -> None:
    assert api.post(f"{BASE}/revoke").status_code == 204
    take_back_ended_tokens()
    assert not gitlab.tokens and not gitlab.refreshing and not EndedToken.objects.exists()


def test_a_renewal_leaves_nothing_to_take_back(api: APIClient, gitlab: GitLabHost) -> None:
    ScmAuthorization.objects.update(expires_at=timezone.now())
    make(api)
    assert not EndedToken.objects.exists()
