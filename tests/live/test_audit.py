"""The audit trail of a platform that runs."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.acceptance.platform import Platform, wait_until
from tests.acceptance.portal import sign_in_administrator

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(180)]


def entries(platform: Platform, **query: str) -> list[dict[str, Any]]:
    answer = requests.get(
        f"{platform.url}/v1/admin/audit",
        query,
        headers={"Authorization": platform.first_run["admin_api_key"]},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


def test_acts_of_all_ways_are_told_with_their_requests(live: Platform, tmp_path: Path) -> None:
    output = live.manage("create_user", "audited", "--email", "audited@example.com")
    headers = {"Authorization": output.strip().splitlines()[-1]}
    # One connection, on which others' requests come as well.
    with requests.Session() as session:
        made = session.post(f"{live.url}/v1/data/audited", json={"name": "a"}, headers=headers)
        admin = {"Authorization": live.first_run["admin_api_key"]}
        key = {"key_label": "laptop", "permissions": {}}
        new = session.post(f"{live.url}/v1/users/audited/keys", json=key, headers=admin)
        refused = session.post(f"{live.url}/v1/users/demo/keys", json=key, headers=headers)
    assert (made.status_code, new.status_code, refused.status_code) == (200, 200, 404)
    (collection,) = entries(live, request_id=made.headers["X-Request-Id"])
    assert collection["action"] == "collection.create"
    assert (collection["actor"]["name"], collection["actor"]["via"]) == ("audited", "api")
    (created,) = entries(live, request_id=new.headers["X-Request-Id"])
    assert (created["action"], created["actor"]["name"]) == ("key.create", "admin")
    assert created["changes"]["fields"]["digest"] == "hidden"
    assert entries(live, request_id=refused.headers["X-Request-Id"]) == []
    (command,) = entries(live, action="user.create", target="audited")
    assert command["actor"]["kind"] == command["actor"]["via"] == "command"


def test_a_push_is_one_entry_with_its_refs(live: Platform, tmp_path: Path) -> None:
    account = live.account("pusher")
    body = {
        "name": "Pushed",
        "details": {"label": "Pushed"},
        "settings": {
            "language": "python3-1",
            "environment": "cpu",
            "license": "apl",
            "network_access": "isolated",
            "pipeline_enabled": True,
            "source_visibility": "closed",
        },
    }
    headers = {"Authorization": account.key}
    made = requests.post(f"{live.url}/v1/algorithms/pusher", json=body, headers=headers, timeout=60)
    assert made.status_code == 201, made.text
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", account.repository("pusher/Pushed"), str(clone))
    git(clone, "config", "user.email", "p@example.com")
    git(clone, "config", "user.name", "p")
    git(clone, "commit", "-q", "--allow-empty", "-m", "change")
    git(clone, "tag", "first")
    git(clone, "push", "-q", "origin", "HEAD:master", "first")
    told = entries(live, target="pusher/Pushed")
    assert [each["action"] for each in told] == ["algorithm.push", "algorithm.create"]
    actor = told[0]["actor"]
    assert (actor["name"], actor["via"], actor["kind"]) == ("pusher", "git", "standard key")
    assert actor["key_id"] and told[0]["request_id"]
    refs = {each["ref"] for each in told[0]["changes"]["notes"]["refs"]}
    assert refs == {"refs/heads/master", "refs/tags/first"}


def test_it_is_verified_while_the_platform_runs(live: Platform) -> None:
    checkpoints = live.data / "audit" / "checkpoints"
    wait_until(checkpoints.exists, 60, "a checkpoint")
    assert "the trail is whole" in live.manage("verify_audit")


def test_the_export_comes_from_the_running_server(live: Platform) -> None:
    browser, _ = sign_in_administrator(live)
    answer = browser.get(f"{live.url}/admin/audit/auditentry/export.csv", timeout=30)
    assert answer.status_code == 200 and answer.text.startswith("number,at,")
