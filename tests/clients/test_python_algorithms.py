"""The whole life of an algorithm, by the released Python client."""

import json
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path
from typing import Any

import Algorithmia
import pytest

from tests.acceptance.platform import SETTINGS, Account, Platform, deploy, wait_until, working_copy

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(240)]

INTERNAL = {"id": "internal", "provider": "internal", "default": True, "enabled": True}
FAILING = """def apply(input):
    raise ValueError("on demand")
"""
READING = """import os


def apply(input):
    return os.environ.get("THE_WORD", "nothing")
"""
REPORTING = """import Algorithmia


def apply(input):
    Algorithmia.client().report_insights({"risk": 0.2})
    return "reported"
"""


@pytest.fixture(scope="module")
def owner(live: Platform) -> Account:
    return live.account("pyowner")


@pytest.fixture(scope="module")
def administrator(live: Platform) -> Algorithmia.client:
    return Algorithmia.client(live.first_run["admin_api_key"], live.url)


@pytest.fixture(scope="module")
def compiled(owner: Account) -> Iterator[tuple[Any, dict[str, Any]]]:
    """An algorithm that was created and compiled by the client, and what compiling gave."""
    algo = owner.client.algo("pyowner/Managed")
    assert algo.exists() is False
    created = algo.create(
        details={"label": "Managed", "tagline": "By the client"},
        settings=SETTINGS,
        version_info={"sample_input": '"you"'},
        source={"scm": "internal"},
    )
    assert created["source"]["scm"] == INTERNAL and created["details"]["label"] == "Managed"
    assert algo.exists() is True and algo.get_algorithm_id() == created["id"]
    yield algo, algo.compile()


def test_what_compiling_gives(compiled: tuple[Any, dict[str, Any]]) -> None:
    algo, told = compiled
    sha = told["version_info"]["git_hash"]
    assert told["compilation"]["successful"] is True and told["build"]["commit_sha"] == sha
    assert algo.client.algo(f"{algo.path}/{sha}").pipe("you").result == "hello you"
    # Nothing has changed since: the same commit can be compiled again.
    assert algo.compile()["version_info"]["git_hash"] == sha


def test_builds(compiled: tuple[Any, dict[str, Any]]) -> None:
    algo, told = compiled
    listed = algo.get_builds()["results"]
    build = algo.get_build(told["build"]["build_id"])
    assert build == told["build"] and build in listed
    assert build["status"] == "succeeded"
    assert "Beginning container customization" in algo.get_build_logs(build["build_id"])["logs"]
    first = algo.get_builds(limit=1)
    assert len(first["results"]) == 1
    assert algo.get_scm_status() == {"scm_connection_status": "active"}


def test_publishing_and_versions(compiled: tuple[Any, dict[str, Any]]) -> None:
    algo, _ = compiled
    algo.compile()
    published = algo.publish(
        settings={"algorithm_callability": "private"},
        version_info={"version_type": "minor", "release_notes": "First", "sample_input": '"x"'},
    )
    assert published["version_info"]["semantic_version"] == "0.1.0"
    assert published["version_info"]["release_notes"] == "First"
    # Nothing was compiled since; the client repeats it once and tells no more than the status.
    with pytest.raises(Exception, match="409"):
        algo.publish(settings={"algorithm_callability": "private"})
    sha = published["version_info"]["git_hash"]
    # The sample is run meanwhile: its output comes when there is one.
    assert published["version_info"].items() <= algo.info(sha)["version_info"].items()
    (version,) = algo.versions(limit=1, published=True)["results"]
    assert version["version_info"]["semantic_version"] == "0.1.0"
    assert version["self_link"] in [each["self_link"] for each in algo.info()["results"]]
    assert algo.versions(callable=True)["results"] == []
    assert algo.client.algo(f"{algo.path}/latestPrivate").pipe("you").result == "hello you"


def test_an_update_whose_values_the_client_loses(compiled: tuple[Any, dict[str, Any]]) -> None:
    algo, _ = compiled
    # It sends the names of the fields as a form (wire.md 5): nothing can be changed by that.
    told = algo.update(details={"label": "Lost"}, settings={"license": "mit"})
    assert told["id"] == algo.get_algorithm_id() and told["details"]["label"] == "Managed"
    # What it was made to send arrives.
    changed = algo.client.putHelper(
        "/v1/algorithms/pyowner/Managed", json.dumps({"details": {"label": "Changed"}})
    )
    assert changed["details"]["label"] == "Changed"


def test_what_is_not_there_and_what_is_not_ones_own(
    live: Platform, compiled: tuple[Any, dict[str, Any]]
) -> None:
    stranger = live.account("pystranger").client
    # A private algorithm of somebody else does not exist.
    assert stranger.algo("pyowner/Managed").exists() is False
    for ask in ("get_scm_status", "get_builds", "versions", "get_algorithm_id"):
        with pytest.raises(Exception, match=r"not found|No such algorithm"):
            getattr(stranger.algo("pyowner/Managed"), ask)()
    # All that the client tells of a refusal of what it posts.
    with pytest.raises(Exception, match="403"):
        stranger.algo("pyowner/Other").create(details={"label": "x"}, settings=SETTINGS)


def test_a_creation_that_is_refused(owner: Account) -> None:
    algo = owner.client.algo("pyowner/Refused")
    for settings, status in (({"language": "cobol"}, 400), ({"environment": "abcd-123"}, 400)):
        with pytest.raises(Exception, match=str(status)):
            algo.create(details={"label": "x"}, settings={**SETTINGS, **settings})
    with pytest.raises(Exception, match="404"):
        algo.create(details={"label": "x"}, settings=SETTINGS, source={"scm": "nowhere"})
    assert algo.exists() is False


def test_a_build_that_fails(owner: Account) -> None:
    algo = owner.client.algo("pyowner/Broken")
    algo.create(details={"label": "Broken"}, settings=SETTINGS)
    with working_copy(owner, "pyowner/Broken") as copy:
        copy.write("src/Broken.py", "def apply(input)\n")
        copy.push()
    with pytest.raises(Exception, match="400"):
        algo.compile()
    newest = algo.get_builds(limit=1)["results"][0]
    assert newest["status"] == "failed"
    assert "SyntaxError" in algo.get_build_logs(newest["build_id"])["logs"]


def test_scms_and_organization_errors(
    owner: Account, live: Platform, administrator: Algorithmia.client
) -> None:
    assert owner.client.scms() == {"results": [INTERNAL]}
    profile = {
        "org_name": "pyorg",
        "org_label": "x",
        "org_contact_name": "demo",
        "org_email": "pyorg@example.com",
        "type_id": "basic",
    }
    administrator.create_org(dict(profile))
    assert administrator.invite_to_org("pyorg", "pyowner").status_code == 201
    assert owner.client.get_organization_errors("pyorg") == []
    told = live.account("pystranger").client.get_organization_errors("pyorg")
    assert told["error"]["code"] == 3100


def test_error_logs(owner: Account, administrator: Algorithmia.client) -> None:
    toggle = {"enabled": True}
    # For this account alone: others look at when theirs begins to be kept.
    url = "/v1/admin/features/algorithm-errors?username=pyowner"
    assert administrator.putHelper(url, json.dumps(toggle)).ok
    path = deploy(owner, "Failing", FAILING)
    client = owner.client
    with pytest.raises(Exception, match="on demand"):
        client.algo(path).pipe("x")
    algorithm_id = client.algo("pyowner/Failing").get_algorithm_id()
    user_id = administrator.getJsonHelper("/v1/users/pyowner")["id"]
    wait_until(lambda: client.get_algorithm_errors(algorithm_id), 20, "the failure is in the log")
    (entry,) = client.get_algorithm_errors(algorithm_id)
    assert entry["username"] == "pyowner" and "on demand" in entry["error"]
    assert entry in client.get_user_errors(user_id)


def test_freezing_a_manifest(owner: Account, tmp_path: Path) -> None:
    client = owner.client
    client.dir("data://pyowner/models").create()
    client.file("data://pyowner/models/model.bin").put(b"weights")
    named = {"name": "model", "source_uri": "data://pyowner/models/model.bin"}
    manifest = {"required_files": [named], "optional_files": []}
    (tmp_path / "model_manifest.json").write_text(json.dumps(manifest))
    client.freeze(str(tmp_path / "model_manifest.json"), str(tmp_path))
    frozen = json.loads((tmp_path / "model_manifest.json.freeze").read_text())
    (file,) = frozen["required_files"]
    assert file["md5_checksum"] == md5(b"weights").hexdigest()
    assert frozen["lock_checksum"] and frozen["timestamp"]


def test_secrets(owner: Account) -> None:
    deploy(owner, "Secretive", READING)
    algo = owner.client.algo("pyowner/Secretive")
    assert algo.get_secrets()["secrets"] == []
    made = algo.set_secret("The word", "THE_WORD", "client-canary-0001", "For the test")
    assert made["id"] and made["short_name"] == "The word"
    listed = algo.get_secrets()
    assert [each["id"] for each in listed["secrets"]] == [made["id"]]
    assert "canary" not in str(made) + str(listed)
    providers = owner.client.get_secret_providers()
    assert providers[0]["isDefault"] is True
    # It is in the environment of what runs after it was set.
    sha = algo.get_builds(limit=1)["results"][0]["commit_sha"]
    called = owner.client.algo(f"{algo.path}/{sha}")
    wait_until(lambda: called.pipe("x").result == "client-canary-0001", 60, "the secret is there")


def test_reporting_insights_disturbs_no_algorithm(owner: Account) -> None:
    path = deploy(owner, "Reporting", REPORTING)
    assert owner.client.algo(path).pipe("x").result == "reported"


def test_an_algorithm_by_its_id(owner: Account) -> None:
    path = deploy(owner, "ById", "def apply(input):\n    return input\n", publish="public")
    client, sha = owner.client, path.rpartition("/")[2]
    one = client.algo(path).get_algorithm_id()
    again = client.postJsonHelper(f"/v1/algorithms/{one}/compile", {})
    assert again["version_info"]["git_hash"] == sha
    for version in ("", "/0.1.0", f"/{sha}"):
        assert client.postJsonHelper(f"/v1/algo/{one}{version}", "you")["result"] == "you"
