"""The released npm client, unmodified and run by node: calls, files and directories."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.platform import Platform, deploy
from tests.doubles.npm import NpmMissing, npm_package

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(240)]

VERSION = "0.3.10"
SCRIPT = Path(__file__).with_name("npm_client.js")
MIRROR = """import time


def apply(input):
    if input == "sleep":
        time.sleep(60)
    if input == "fail":
        raise ValueError("on demand")
    return input
"""


@pytest.fixture(scope="module")
def outcomes(live: Platform, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each step of the script came to."""
    try:
        package = npm_package("algorithmia", VERSION)
    except NpmMissing as exc:
        if os.environ.get("ALGOPORT_TEST_STRICT"):
            pytest.fail(str(exc))
        pytest.skip(str(exc))
    assert json.loads((package / "package.json").read_text())["version"] == VERSION
    account = live.account("npmuser")
    path = deploy(account, "Mirror", MIRROR)
    upload = tmp_path_factory.mktemp("npm") / "upload.bin"
    upload.write_bytes(bytes(range(256)) * 4096)
    done = subprocess.run(
        ["node", str(SCRIPT), path, f"{account.name}/npmfiles", str(upload)],
        env={
            "PATH": os.environ["PATH"],
            "NODE_PATH": str(package.parent),
            "NODE_NO_WARNINGS": "1",
            "ALGORITHMIA_API": live.url,
            "KEY": account.key,
        },
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0 and done.stdout, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_calls(outcomes: dict[str, Any]) -> None:
    for name, content_type, result in (
        ("text", "text", "you"),
        ("json", "json", {"list": [1, 2.5, None], "text": "hä"}),
        ("nothing", "json", None),
    ):
        told = outcomes[name]
        assert (told["status"], told["result"]) == (200, result), name
        assert told["metadata"]["content_type"] in (content_type, "void"), name
        assert told["metadata"]["duration"] > 0 and "error" not in told
    assert outcomes["binary"] == [0, 255, 10, 13]
    assert outcomes["json_text"] == [1, 2]
    assert outcomes["raw"] == ["you", 200]


def test_calls_that_fail(outcomes: dict[str, Any]) -> None:
    failure = outcomes["failure"]
    assert failure["status"] == 200 and failure["error"]["message"] == "on demand"
    assert "result" not in failure
    timeout = outcomes["timeout"]
    assert timeout["status"] == 200 and "timed-out" in timeout["error"]["message"]
    missing = outcomes["missing"]
    assert missing["status"] == 404 and "not found" in missing["error"]["message"]
    wrong = outcomes["wrong_key"]
    assert wrong["status"] == 401 and wrong["error"]["code"] == 2002


def test_files(outcomes: dict[str, Any]) -> None:
    assert outcomes["no_file"][:2] == [False, 404]
    body, status = outcomes["put"]
    assert status == 200 and body == {"result": "data://npmuser/npmfiles/text.txt"}
    assert outcomes["file"] == [True]
    assert outcomes["string"] == ["hällo", 200]
    assert outcomes["value"] == [{"a": [1]}, 200]
    assert outcomes["bytes"] == [None, "hällo"]
    assert outcomes["uploaded"] == [0, 1, 2, 3, 256 * 4096]
    assert outcomes["get_missing"][0]["message"]
    assert outcomes["delete_missing"][1] == 404
    assert outcomes["delete"] == [{"result": {"deleted": 1}}, 200]


def test_directories(outcomes: dict[str, Any]) -> None:
    assert outcomes["no_dir"][:2] == [False, 404]
    assert outcomes["create"] == [{"result": "data://npmuser/npmfiles"}, 200]
    assert outcomes["dir"] == [True]
    listed = [["text.txt", 6], ["upload.bin", 256 * 4096], ["value.json", 9]]
    assert outcomes["listed"] == listed
    assert "npmfiles" in outcomes["folders"]
    body, status = outcomes["delete_full"]
    assert status == 409 and body["error"]["message"]
    # Two files, and the directory itself.
    assert outcomes["delete_forced"] == [{"result": {"deleted": 3}}, 200]
    assert outcomes["gone"][:2] == [False, 404]
