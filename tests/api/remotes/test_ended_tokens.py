"""Tokens whose time is over: each is taken back at its host, at once or later."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algoport.audit.models import AuditEntry
from scm import receivers
from scm.constants import REVOCATION_DAYS
from scm.models import EndedToken, PendingAuthorization, ScmAuthorization
from scm.revocations import take_back_ended_tokens
from scm.tasks import take_back_ended_tokens_task
from tests.doubles.repository_host import RepositoryHost
from tests.factories.remotes import agree, connect

pytestmark = pytest.mark.django_db

REVOKE = "/v1/scms/github/oauth/revoke"
REVOCATION = "DELETE /api/applications/algoport/token"


def revoke(api: APIClient) -> None:
    connect(api)
    assert api.post(REVOKE).status_code == 204


def make_due() -> None:
    EndedToken.objects.update(due_at=timezone.now())


def test_what_is_revoked_is_taken_back_by_a_worker(
    api: APIClient,
    host: RepositoryHost,
    django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[object] = []
    monkeypatch.setattr(receivers, "send_task", sent.append)
    with django_capture_on_commit_callbacks(execute=True):
        revoke(api)
    assert sent == [take_back_ended_tokens_task]
    assert not host.revoked and "canary" not in EndedToken.objects.get().token
    take_back_ended_tokens_task()
    assert host.revoked == ["gho-canary-0"] and not host.tokens
    assert not EndedToken.objects.exists()


def test_what_a_new_connection_replaces_is_taken_back(api: APIClient, host: RepositoryHost) -> None:
    connect(api)
    connect(api)
    take_back_ended_tokens()
    assert host.revoked == ["gho-canary-0"] and host.tokens == {"gho-canary-1"}
    # A host may give the same token once more.
    host.given_out = 1
    connect(api)
    take_back_ended_tokens()
    assert host.tokens == {"gho-canary-1"}


def test_what_a_new_connection_replaces_may_be_unreadable(
    api: APIClient, host: RepositoryHost, caplog: pytest.LogCaptureFixture
) -> None:
    connect(api)
    ScmAuthorization.objects.update(access_token="garbage")
    connect(api)
    take_back_ended_tokens()
    assert not host.revoked and not EndedToken.objects.exists()
    assert "an ended token at GitHub cannot be read" in caplog.text


def test_an_account_that_ends(
    api: APIClient, administrator: APIClient, host: RepositoryHost
) -> None:
    connect(api)
    agree(api)
    assert administrator.delete("/v1/users/demo").status_code < 300
    assert not ScmAuthorization.objects.exists() and not PendingAuthorization.objects.exists()
    take_back_ended_tokens()
    assert host.revoked == ["gho-canary-0"]
    told = AuditEntry.objects.get(action="user.delete").changes
    assert "scm.revoke" in str(told) and "canary" not in str(told)


@pytest.mark.parametrize("status", [404, 422])
def test_what_the_host_does_not_know_is_taken_back(
    api: APIClient, host: RepositoryHost, status: int
) -> None:
    revoke(api)
    host.failing = {REVOCATION: status}
    take_back_ended_tokens()
    assert not EndedToken.objects.exists()


def test_a_host_that_fails_is_asked_later(api: APIClient, host: RepositoryHost) -> None:
    revoke(api)
    pauses = []
    for status in (500, 401, 429):
        host.failing = {REVOCATION: status}
        host.asked.clear()
        make_due()
        take_back_ended_tokens()
        take_back_ended_tokens()
        assert host.asked == [REVOCATION]
        left = EndedToken.objects.get().due_at - timezone.now()
        pauses.append(round(left.total_seconds() / 60))
    assert pauses == [1, 2, 4]
    host.failing = {}
    EndedToken.objects.update(failures=30_000)
    make_due()
    take_back_ended_tokens()
    assert host.revoked == ["gho-canary-0"] and not EndedToken.objects.exists()


def test_it_is_given_up_in_the_end(
    api: APIClient, host: RepositoryHost, caplog: pytest.LogCaptureFixture
) -> None:
    revoke(api)
    long_ago = timezone.now() - timedelta(days=REVOCATION_DAYS, minutes=1)
    EndedToken.objects.update(created_at=long_ago)
    host.failing = {REVOCATION: 500}
    take_back_ended_tokens()
    assert not EndedToken.objects.exists()
    assert "an ended token lives on at GitHub" in caplog.text and "canary" not in caplog.text


def test_a_host_that_fails_holds_up_nobody_for_long(
    api: APIClient,
    host: RepositoryHost,
    make_user: Callable[[str], User],
    api_of: Callable[..., APIClient],
) -> None:
    revoke(api)
    revoke(api_of(make_user("guest")))
    host.failing = {REVOCATION: 500}
    host.asked.clear()
    take_back_ended_tokens()
    assert host.asked == [REVOCATION]


def test_keys_are_changed_for_them_too(api: APIClient, host: RepositoryHost, settings: Any) -> None:
    revoke(api)
    settings.ENCRYPTION_KEYS = ("1" * 32,)
    call_command("encrypt_again", verbosity=0)
    settings.SECRET_KEY = "another" * 10
    take_back_ended_tokens()
    assert host.revoked == ["gho-canary-0"]
