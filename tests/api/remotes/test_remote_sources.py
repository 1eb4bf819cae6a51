"""Algorithms whose source is at another host: made there, fetched, built, and what is refused."""

import json
import uuid
from contextvars import Context
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algoport.audit.models import AuditEntry
from algorithms.constants import SourceState
from algorithms.models import Algorithm, Build, Environment, RemoteRepository
from algorithms.remotes.fetching import perform_fetch
from algorithms.remotes.services import waiting_fetches
from algorithms.repository_host import AlgorithmRepositories
from scm.errors import NotOnInternalScm
from scm.hosts import transfer
from scm.models import ScmAuthorization
from scm.repositories import head_commit, read_file, repository_path
from tests.doubles.recorder import recording_storage
from tests.doubles.repository_host import RepositoryHost, git
from tests.factories.accounts import make_principal
from tests.factories.organizations import make_organization
from tests.factories.remotes import connect, create, deliver

pytestmark = pytest.mark.django_db

AT = "/v1/algorithms/demo/Hello"
SECRETS = ("gho-canary", "client-canary")


def code(answer: Any) -> tuple[int, int]:
    return answer.status_code, answer.json()["error"]["code"]


def push(host: RepositoryHost, algorithm: Algorithm, **files: str) -> str:
    """A push there, of which the platform hears, and which a worker fetches."""
    sha = host.commit("octo/Hello", files or {"src/new.py": "1\n"})
    assert deliver(host.event("octo/Hello")).status_code == 204
    perform_fetch(algorithm.id)
    return sha


def test_it_is_made_at_the_host(api: APIClient, host: RepositoryHost) -> None:
    connect(api)
    made = create(api)
    assert made.status_code == 201, made.content
    source = made.json()["source"]
    assert source.pop("scm")["id"] == "github"
    assert source == {
        "repository_https_url": f"{host.url}/octo/Hello",
        "repository_name": "Hello",
        "repository_owner": "octo",
        "repository_ssh_url": "ssh://git@127.0.0.1/octo/Hello.git",
    }
    assert api.get(AT).json()["source"]["repository_name"] == "Hello"
    repository = host.find("octo/Hello")
    algorithm = Algorithm.objects.get()
    assert git(repository.folder, "rev-parse", "main").strip() == head_commit(algorithm.id)
    assert "requirements.txt" in git(repository.folder, "ls-tree", "--name-only", "-r", "main")
    config = repository.hooks[0]["config"]
    assert config["url"] == f"{django_settings.ALGOPORT_URL}{AT}/scm/webhook"
    assert str(uuid.UUID(config["secret"])) == config["secret"]
    assert api.get(f"{AT}/scm/status").json() == {
        "scm_connection_status": "active",
        "repository_webhook_secret": config["secret"],
        "repository_webhook_url": config["url"],
    }
    assert AuditEntry.objects.filter(action="algorithm.create").count() == 1
    kept = "".join(str(vars(each)) for each in AuditEntry.objects.all())
    assert not any(secret in kept for secret in (*SECRETS, config["secret"]))


def test_an_authorization_that_has_ended(api: APIClient, host: RepositoryHost) -> None:
    connect(api)
    host.tokens.clear()
    assert code(create(api)) == (400, 4081)
    connect(api)
    ScmAuthorization.objects.update(expires_at=timezone.now())
    assert code(create(api)) == (400, 4081)
    assert not Algorithm.objects.exists() and not host.repositories


def test_owner_and_name_can_be_chosen(api: APIClient, demo: User, host: RepositoryHost) -> None:
    make_organization("team", demo)
    connect(api)
    made = create(api, owner="team", repository_owner="makers", repository_name="hello-there")
    assert made.status_code == 201, made.content
    assert host.find("makers/hello-there").hooks
    assert made.json()["source"]["repository_owner"] == "makers"


def test_refusals_leave_nothing(
    api: APIClient, host: RepositoryHost, settings: Any, tmp_path: Path
) -> None:
    settings.REPOSITORIES_FOLDER = tmp_path
    assert code(create(api)) == (400, 4080)
    assert host.asked == []
    connect(api)
    assert code(create(api, repository_name="../x")) == (400, 6001)
    assert code(create(api, repository_owner="a b")) == (400, 6001)
    assert code(create(api, existing_repository_name="mine")) == (501, 5005)
    assert code(create(api, repository_owner="others")) == (409, 1008)
    for path in ("POST /api/user/repos", "POST /api/repos/octo/Hello/hooks"):
        host.failing = {path: 422}
        answer = create(api)
        assert code(answer) == (409, 1008) and "It is broken (here)." in answer.content.decode()
        host.failing = {}
        assert not Algorithm.objects.exists()
        assert not list(tmp_path.glob("*/*"))
    assert "octo/Hello is left at GitHub" in answer.content.decode()
    assert "name already exists" in create(api).content.decode()
    assert not AuditEntry.objects.filter(action="algorithm.create").exists()


def test_a_push_is_fetched_and_built(hosted: Algorithm, host: RepositoryHost) -> None:
    assert not Build.objects.exists()
    first = head_commit(hosted.id)
    sha = push(host, hosted)
    assert head_commit(hosted.id) == sha
    assert read_file(hosted.id, sha, "src/new.py", most_bytes=9) == b"1\n"
    assert [build.commit_sha for build in Build.objects.all()] == [sha]
    entry = AuditEntry.objects.get(action="algorithm.fetch")
    assert entry.target_name == "demo/Hello" and first in json.dumps(entry.changes)
    # The same event again changes nothing.
    assert deliver(host.event("octo/Hello")).status_code == 204
    perform_fetch(hosted.id)
    assert (
        Build.objects.count() == 1
        and AuditEntry.objects.filter(action="algorithm.fetch").count() == 1
    )


def test_compiling_fetches_first(
    api: APIClient, hosted: Algorithm, host: RepositoryHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(seconds: float) -> None:
        # As a worker does, outside of the request.
        Context().run(perform_fetch, hosted.id)
        Build.objects.in_progress().update(state="succeeded", finished_at=timezone.now())

    monkeypatch.setattr("algorithms.api.views.time.sleep", work)
    sha = host.commit("octo/Hello", {"a": "b"})
    compiled = api.post(f"{AT}/compile")
    assert compiled.status_code == 200, compiled.content
    assert compiled.json()["version_info"]["git_hash"] == sha
    assert api.post(f"{AT}/compile").status_code == 200
    host.failing = {f"GET /api/repositories/{RemoteRepository.objects.get().host_id}": 404}
    assert code(api.post(f"{AT}/compile")) == (503, 4084)
    assert AuditEntry.objects.filter(action="build.request").count() == 2


def test_rewritten_history_and_another_default_branch(
    hosted: Algorithm, host: RepositoryHost
) -> None:
    push(host, hosted)
    repository = host.find("octo/Hello")
    git(repository.folder, "update-ref", "refs/heads/main", "main~1")
    sha = push(host, hosted, other="2\n")
    assert head_commit(hosted.id) == sha
    there = host.commit("octo/Hello", {"a": "b"}, "trunk")
    repository.default_branch = "trunk"
    event = host.event("octo/Hello", "repository", action="edited")
    assert deliver(event).status_code == 204
    perform_fetch(hosted.id)
    assert head_commit(hosted.id) == there and Build.objects.count() == 3


def test_a_renamed_repository_is_followed(
    api: APIClient, hosted: Algorithm, host: RepositoryHost
) -> None:
    host.rename("octo/Hello", "Bye")
    sha = host.commit("octo/Bye", {"a": "b"})
    event = host.event("octo/Bye", "repository", action="renamed")
    assert deliver(event).status_code == 204
    perform_fetch(hosted.id)
    assert head_commit(hosted.id) == sha
    assert api.get(AT).json()["source"]["repository_name"] == "Bye"


def test_events_that_change_nothing(
    api: APIClient, hosted: Algorithm, host: RepositoryHost
) -> None:
    for event in (
        host.event("octo/Hello", ref="refs/heads/other"),
        host.event("octo/Hello", "issues"),
        host.event("octo/Hello", "ping", zen="x"),
    ):
        answer = deliver(event)
        assert answer.status_code == 202 and answer.json()["reason"]
    by_id = deliver(host.event("octo/Hello", "issues"), str(hosted.id))
    assert by_id.status_code == 202
    good = host.event("octo/Hello")
    bad: list[dict[str, Any]] = [
        {**good, "data": good["data"] + b" "},
        {**good, "headers": {"X-GitHub-Event": "push", "X-Hub-Signature": "sha1=é"}},
        {**good, "headers": good["headers"] | {"X-Hub-Signature-256": "sha256=00"}},
        {**good, "headers": {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": "x"}},
        {**good, "headers": {"X-GitHub-Event": "push"}},
        host.event("octo/Hello", ref=7),
    ]
    for event in bad:
        assert code(deliver(event)) == (400, 4070)
    paths = ("demo/Hello", "demo/No", "x/y", str(uuid.uuid4()))
    strangers = {deliver(bad[0], path).json()["message"] for path in paths}
    assert len(strangers) == 1
    older = {k: v for k, v in good["headers"].items() if k != "X-Hub-Signature-256"}
    assert not waiting_fetches()
    assert deliver({**good, "headers": older}).status_code == 204
    assert waiting_fetches() == [hosted.id]


def test_what_the_host_refuses_is_told(
    api: APIClient, hosted: Algorithm, host: RepositoryHost
) -> None:
    remote = RemoteRepository.objects.get()
    path = f"GET /api/repositories/{remote.host_id}"
    for status, state, waits in (
        (404, SourceState.REFUSED, False),
        (500, SourceState.FAILED, True),
        (401, SourceState.REFUSED, False),
    ):
        host.failing = {path: status}
        assert deliver(host.event("octo/Hello")).status_code == 204
        perform_fetch(hosted.id)
        remote.refresh_from_db()
        assert (remote.state, remote.due_at is not None) == (state, waits), status
        assert remote.error and not Build.objects.exists()
        assert api.get(f"{AT}/scm/status").json()["scm_connection_status"] == state
    host.failing = {}
    push(host, hosted)
    assert api.get(f"{AT}/scm/status").json()["scm_connection_status"] == "active"


def test_it_ends_with_the_authorization_and_comes_back_with_it(
    api: APIClient,
    hosted: Algorithm,
    host: RepositoryHost,
    django_capture_on_commit_callbacks: Any,
) -> None:
    api.post("/v1/scms/github/oauth/revoke")
    sha = push(host, hosted)
    assert api.get(f"{AT}/scm/status").json()["scm_connection_status"] == "deploy_key_error"
    assert head_commit(hosted.id) != sha and not waiting_fetches()
    with django_capture_on_commit_callbacks() as callbacks:
        connect(api)
    callbacks[0]()
    assert waiting_fetches() == [hosted.id]
    perform_fetch(hosted.id)
    assert head_commit(hosted.id) == sha
    User.objects.filter(username="demo").update(is_active=False)
    push(host, hosted, more="x")
    assert RemoteRepository.objects.get().state == SourceState.REFUSED


def test_a_push_of_which_nobody_hears(hosted: Algorithm, host: RepositoryHost) -> None:
    sha = host.commit("octo/Hello", {"a": "b"})
    assert not waiting_fetches()
    _pass_an_hour()
    with CaptureQueriesContext(connection) as queries:
        assert waiting_fetches() == [hosted.id]
    assert len([each for each in queries if "remoterepository" in each["sql"]]) == 3
    perform_fetch(hosted.id)
    assert head_commit(hosted.id) == sha and Build.objects.get().commit_sha == sha
    assert not waiting_fetches()
    RemoteRepository.objects.update(state=SourceState.REFUSED)
    _pass_an_hour()
    assert not waiting_fetches()


def test_a_host_that_is_down_for_days(hosted: Algorithm, host: RepositoryHost) -> None:
    sha = host.commit("octo/Hello", {"a": "b"})
    remote = RemoteRepository.objects.get()
    host.failing = {f"GET /api/repositories/{remote.host_id}": 500}
    _pass_an_hour()
    pauses = []
    for _ in range(8):
        assert waiting_fetches() == [hosted.id]
        perform_fetch(hosted.id)
        remote.refresh_from_db()
        assert remote.due_at is not None and not waiting_fetches()
        pauses.append(round((remote.due_at - timezone.now()).total_seconds() / 60))
        RemoteRepository.objects.update(due_at=timezone.now())
    assert pauses == [1, 2, 4, 8, 60, 60, 60, 60] and remote.failures == 5
    host.failing = {}
    perform_fetch(hosted.id)
    assert head_commit(hosted.id) == sha


def _pass_an_hour() -> None:
    RemoteRepository.objects.update(fetched_at=timezone.now() - timedelta(seconds=3601))


def test_a_token_goes_nowhere_else(
    hosted: Algorithm, host: RepositoryHost, caplog: pytest.LogCaptureFixture
) -> None:
    before = head_commit(hosted.id)
    host.commit("octo/Hello", {"a": "b"})
    with recording_storage() as other:
        host.elsewhere = other.url
        deliver(host.event("octo/Hello"))
        perform_fetch(hosted.id)
        assert other.asked == []
    remote = RemoteRepository.objects.get()
    assert (remote.state, remote.failures) == (SourceState.FAILED, 1)
    assert remote.due_at is not None and remote.due_at > timezone.now()
    assert head_commit(hosted.id) == before and not Build.objects.exists()
    assert not any(secret in caplog.text + remote.error for secret in SECRETS)
    kept = b"".join(p.read_bytes() for p in repository_path(hosted.id).rglob("*") if p.is_file())
    assert b"canary" not in kept


def test_large_repositories_are_not_taken(
    hosted: Algorithm, host: RepositoryHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "PACK_BYTES", 20_000)
    large = "".join(str(uuid.uuid4()) for _ in range(3000))
    host.commit("octo/Hello", {"large": large})
    deliver(host.event("octo/Hello"))
    perform_fetch(hosted.id)
    assert RemoteRepository.objects.get().state == SourceState.FAILED
    packs = repository_path(hosted.id) / "objects" / "pack"
    assert not list(packs.glob("tmp_*")) and not Build.objects.exists()


def test_damaged_objects_are_not_taken(hosted: Algorithm, host: RepositoryHost) -> None:
    folder = host.find("octo/Hello").folder
    blob = git(folder, "hash-object", "-w", "--stdin", stdin="x").strip()
    listing = f"100644 blob {blob}\t.git\n"
    tree = git(folder, "mktree", "--missing", stdin=listing).strip()
    author = ("-c", "user.name=p", "-c", "user.email=p@p")
    sha = git(folder, *author, "commit-tree", tree, "-p", "main", "-m", "bad").strip()
    git(folder, "update-ref", "refs/heads/main", sha)
    deliver(host.event("octo/Hello"))
    perform_fetch(hosted.id)
    assert head_commit(hosted.id) != sha and not Build.objects.exists()


def test_the_platform_is_not_where_it_is_changed(
    api: APIClient, demo: User, hosted: Algorithm, host: RepositoryHost
) -> None:
    principal = make_principal(demo)
    assert AlgorithmRepositories().authorize(principal, "demo", "Hello", write=False)
    with pytest.raises(NotOnInternalScm):
        AlgorithmRepositories().authorize(principal, "demo", "Hello", write=True)
    browser = Client()
    browser.force_login(demo)
    page = browser.get("/algorithms/demo/Hello/source").content.decode()
    assert f"git clone {host.url}/octo/Hello.git" in page and "New file" not in page
    assert "Fetch now" in page and host.find("octo/Hello").hooks[0]["config"]["secret"] in page
    assert browser.get("/algorithms/demo/Hello/source/new").status_code == 400
    sha = host.commit("octo/Hello", {"a": "b"})
    assert browser.post("/algorithms/demo/Hello/source/fetch").status_code == 302
    perform_fetch(hosted.id)
    assert head_commit(hosted.id) == sha
    assert api.delete(AT).status_code == 204
    assert host.find("octo/Hello") and not RemoteRepository.objects.exists()


def test_the_page_makes_it(
    demo: User, host: RepositoryHost, api: APIClient, python_environment: Environment
) -> None:
    browser = Client()
    browser.force_login(demo)
    page = browser.get("/algorithms/new").content.decode()
    assert "GitHub - " in page and "not connected yet" in page
    values = {
        "owner": "demo",
        "name": "Hello",
        "environment": str(python_environment.pk),
        "source_visibility": "closed",
        "license": "apl",
        "network_access": "isolated",
        "scm": "github",
        "repository_name": "from-page",
    }
    refused = browser.post("/algorithms/new", values)
    assert refused.status_code == 422
    assert "Connect your account at GitHub first." in refused.content.decode()
    connect(api)
    host.failing = {"POST /api/user/repos": 500}
    refused = browser.post("/algorithms/new", values)
    assert refused.status_code == 422 and "HTTP status 500" in refused.content.decode()
    host.failing = {}
    assert browser.post("/algorithms/new", values).status_code == 302
    assert host.find("octo/from-page")


def test_secrets_outlive_a_change_of_keys(
    api: APIClient, hosted: Algorithm, host: RepositoryHost, settings: Any
) -> None:
    settings.ENCRYPTION_KEYS = ("1" * 32,)
    call_command("encrypt_again", verbosity=0)
    settings.SECRET_KEY = "another" * 10
    assert ScmAuthorization.objects.count() == 1
    sha = push(host, hosted)
    assert head_commit(hosted.id) == sha
