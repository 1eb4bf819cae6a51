"""The exact answers of the protocol's operations: keys in order, types, forms, what is absent.

Expected answers are in tests/api/responses; `make golden` writes them anew. What changes from run
to run is masked by what it looks like, so that its form is compared.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.acceptance.platform import SETTINGS, Account, Platform, wait_until, working_copy
from tests.factories.scm import GITHUB
from tests.golden import check_text

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(240)]

FOLDER = Path(__file__).resolve().parents[1] / "api" / "responses"
NAME = "golden"
OF = f"/v1/algorithms/{NAME}"
HELLO = f"{OF}/Hello"
DATA = f"/v1/connector/data/{NAME}"
ORGANIZATION = "/v1/organizations/goldenorg"
# What is masked in text, in this order.
MASKS = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z", "<time of whole seconds.000Z>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "<time of milliseconds Z>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(?!\d|Z)", "<time of milliseconds>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?![.\d])", "<time of seconds>"),
    (r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", "<uuid>"),
    (r"\b[0-9a-f]{40}\b", "<commit>"),
    (r"http://127\.0\.0\.1:\d+", "<address>"),
    (r"marker=[A-Za-z0-9_-]+", "marker=<marker>"),
)
# Members whose value is masked as a whole.
WHOLE = {"duration": float, "marker": str, "output": str, "logs": str, "stacktrace": str}
WHOLE |= {"stack_trace": str}


class Script:
    """Requests in their order, and what was answered to each."""

    def __init__(self, account: Account, admin_key: str) -> None:
        self.account = account
        self.answers: dict[str, requests.Response] = {}
        self._admin_key = admin_key

    def ask(self, name: str, request: str, body: Any = None, **options: Any) -> Any:
        method, _, path = request.partition(" ")
        key = self._admin_key if options.pop("admin", False) else self.account.key
        headers = {"Authorization": f"Simple {key}"} | options.pop("headers", {})
        if isinstance(body, bytes):
            options["data"] = body
        elif body is not None:
            options["json"] = body
        url = self.account.platform.url + path
        answer = requests.request(method, url, headers=headers, timeout=60, **options)
        self.answers[name] = answer
        is_json = "json" in answer.headers.get("Content-Type", "") and answer.content
        return answer.json() if is_json else None


def play_algorithms(script: Script) -> None:
    ask = script.ask
    details = {"label": "Hello", "summary": "Greets.", "tagline": "A greeting"}
    creation = {"name": "Hello", "details": details, "settings": SETTINGS}
    ask("create_algorithm", f"POST {OF}", creation)
    ask("create_algorithm_again", f"POST {OF}", creation)
    ask("get_algorithm_without_build", f"GET {HELLO}")
    ask("get_algorithm_missing", f"GET {OF}/Missing")
    with working_copy(script.account, f"{NAME}/Hello") as copy:
        copy.write("src/Hello.py", SOURCE)
        sha = copy.push().sha
    built = ask("compile", f"POST {HELLO}/compile")
    build = f"{HELLO}/builds/{built['build']['build_id']}"
    ask("get_build", f"GET {build}")
    ask("get_build_logs", f"GET {build}/logs")
    ask("list_builds", f"GET {HELLO}/builds?limit=1")
    publication = {
        "settings": {"algorithm_callability": "public"},
        "version_info": {
            "version_type": "minor",
            "release_notes": "A few bug fixes",
            "sample_input": "42",
        },
    }
    ask("publish", f"POST {HELLO}/versions", publication)
    ask("publish_again", f"POST {HELLO}/versions", publication)
    version = f"GET {HELLO}/versions/{sha}"
    # The sample is run when all else is done.
    wait_until(
        lambda: "sample_output" in ask("get_version", version)["version_info"], 60, "the sample ran"
    )
    ask("get_algorithm", f"GET {HELLO}")
    ask("list_versions", f"GET {HELLO}/versions?published=true&callable=true&limit=50")
    ask("list_versions_marker", f"GET {HELLO}/versions?marker=made-up")
    ask("list_builds_limit", f"GET {HELLO}/builds?limit=0")
    ask("get_scm_status", f"GET {HELLO}/scm/status")
    changes = {"details": {"tagline": "Another"}, "settings": {**SETTINGS, "license": "mit"}}
    ask("change_algorithm_closed", f"PUT {HELLO}", changes)
    changes["settings"]["source_visibility"] = "open"
    ask("change_algorithm", f"PUT {HELLO}", changes)
    ask("change_algorithm_method", f"PATCH {HELLO}", changes)


SOURCE = """
def apply(input):
    if input == "fail":
        raise ValueError("bad input")
    if isinstance(input, str):
        print("greeting", input)
    return {"bytes": b"bytes", "void": None, "json": {"b": 1, "a": [None]}}.get(input, input)
"""


def play_calls(script: Script) -> None:
    call = f"POST /v1/algo/{NAME}/Hello"
    text = {"Content-Type": "text/plain"}
    for word in ("text", "bytes", "void", "json", "fail"):
        script.ask(f"call_{word}", call, word.encode(), headers=text)
    script.ask("call_stdout", f"{call}?stdout=true", b"text", headers=text)
    script.ask("call_raw", f"{call}/0.1.0?output=raw", b"text", headers=text)
    script.ask("call_raw_json", f"{call}?output=raw", b"json", headers=text)
    script.ask("call_raw_fail", f"{call}?output=raw", b"fail", headers=text)
    script.ask("call_queued", f"{call}?output=void", b"text", headers=text)
    script.ask("call_missing", f"POST /v1/algo/{NAME}/thisshouldneverexist", b"x", headers=text)
    script.ask("call_malformed", call, b"{", headers={"Content-Type": "application/json"})
    script.ask("call_unknown_key", call, b"x", headers=text | {"Authorization": "Simple simNone"})


def play_data(script: Script) -> None:
    ask = script.ask
    ask("create_collection", f"POST {DATA}", {"name": "files", "acl": {"read": ["user://*"]}})
    ask("create_collection_again", f"POST {DATA}", {"name": "files"})
    ask("put_file", f"PUT {DATA}/files/example.txt", b"Leader")
    ask("put_file_other", f"PUT {DATA}/files/other.png", b"\x89PNG")
    ask("get_file", f"GET {DATA}/files/example.txt")
    ask("get_file_part", f"GET {DATA}/files/example.txt", headers={"Range": "bytes=1-2"})
    ask("head_file", f"HEAD {DATA}/files/example.txt")
    ask("head_file_missing", f"HEAD {DATA}/files/missing.txt")
    ask("get_file_missing", f"GET {DATA}/files/missing.txt")
    ask("list_collection", f"GET {DATA}/files")
    ask("list_collection_acl", f"GET {DATA}/files?acl=true")
    ask("list_account", f"GET {DATA}")
    ask("list_root", "GET /v1/data/")
    ask("change_acl", f"PATCH {DATA}/files", {"acl": {"read": []}})
    ask("change_acl_invalid", f"PATCH {DATA}/files", {"acl": {"read": ["everyone"]}})
    ask("delete_collection_with_files", f"DELETE {DATA}/files")
    ask("delete_file", f"DELETE {DATA}/files/other.png")
    ask("delete_file_missing", f"DELETE {DATA}/files/other.png")
    ask("delete_collection", f"DELETE {DATA}/files?force=true")


def play_accounts(script: Script) -> None:
    def ask(name: str, request: str, body: Any = None) -> None:
        script.ask(name, request, body, admin=True)

    user = {
        "company_name": "Company",
        "company_role": "Role",
        "email": "goldenuser@example.com",
        "fullname": "demo",
        "username": "goldenuser",
    }
    ask("create_user", "POST /v1/users", user)
    ask("create_user_again", "POST /v1/users", user)
    ask("get_user", "GET /v1/users/goldenuser")
    ask("get_user_missing", "GET /v1/users/goldenmissing")
    ask("change_user", "PUT /v1/users/goldenuser", user | {"company_role": "Other"})
    ask("list_users", "GET /v1/users?limit=1")
    script.ask("list_users_standard_key", "GET /v1/users")
    organization = {
        "org_contact_name": "demo",
        "org_email": "goldenorg@example.com",
        "org_label": "Golden",
        "org_name": "goldenorg",
        "org_url": "https://example.com",
    }
    before = {"org_name": "goldenbefore", "org_email": "goldenbefore@example.com"}
    ask("create_organization_before", "POST /v1/organizations", organization | before)
    ask("create_organization", "POST /v1/organizations", organization)
    ask("create_organization_again", "POST /v1/organizations", organization)
    ask("get_organization", f"GET {ORGANIZATION}")
    ask("list_organizations", "GET /v1/organizations?limit=1")
    ask("put_member", f"PUT {ORGANIZATION}/members/goldenuser")
    ask("put_member_again", f"PUT {ORGANIZATION}/members/goldenuser")
    ask("list_members", f"GET {ORGANIZATION}/members")
    ask("delete_member", f"DELETE {ORGANIZATION}/members/goldenuser")
    ask("change_organization", f"PUT {ORGANIZATION}", organization)
    ask("delete_organization", f"DELETE {ORGANIZATION}")
    ask("delete_user", "DELETE /v1/users/goldenuser")


def play_scms(script: Script) -> None:
    def ask(name: str, request: str, body: Any = None) -> None:
        script.ask(name, request, body, admin=True)

    scm = f"/v1/admin/scms/{GITHUB['id']}"
    ask("create_scm", "POST /v1/admin/scms", GITHUB)
    ask("create_scm_again", "POST /v1/admin/scms", GITHUB)
    script.ask("list_scms", "GET /v1/scms")
    script.ask("get_scm", "GET /v1/scms/github")
    script.ask("get_scm_internal", "GET /v1/scms/internal")
    script.ask("get_scm_missing", "GET /v1/scms/missing")
    ask("set_default_scm", f"POST {scm}/default")
    ask("change_scm_default", f"PATCH {scm}", {"enabled": False})
    ask("set_default_scm_back", "POST /v1/admin/scms/internal/default")
    ask("change_scm", f"PATCH {scm}", {"enabled": False})
    ask("set_default_scm_disabled", f"POST {scm}/default")
    ask("delete_scm", f"DELETE {scm}")


@pytest.fixture(scope="module")
def answers(live: Platform) -> Iterator[dict[str, requests.Response]]:
    script = Script(live.account(NAME), live.first_run["admin_api_key"])
    play_algorithms(script)
    play_calls(script)
    play_data(script)
    play_accounts(script)
    play_scms(script)
    script.ask("delete_algorithm_published", f"DELETE {HELLO}")
    script.ask("create_other_algorithm", f"POST {OF}", OTHER)
    script.ask("delete_algorithm", f"DELETE {OF}/Other")
    yield script.answers


OTHER = {
    "name": "Other",
    "details": {"label": "Other"},
    "settings": {key: SETTINGS[key] for key in SETTINGS if key not in ("language", "environment")}
    | {"package_set": "python311"},
}


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.json")))
def test_expected_answer(
    answers: dict[str, requests.Response], name: str, request: pytest.FixtureRequest
) -> None:
    check_text(FOLDER / f"{name}.json", told(answers[name]), request.config)


def test_every_answer_is_expected(
    answers: dict[str, requests.Response], request: pytest.FixtureRequest
) -> None:
    if request.config.getoption("--write-golden"):
        for name, answer in answers.items():
            check_text(FOLDER / f"{name}.json", told(answer), request.config)
    assert {path.stem for path in FOLDER.glob("*.json")} == set(answers)


def told(answer: requests.Response) -> str:
    """An answer as its file has it."""
    headers = {
        name: masked(answer.headers[name])
        for name in ("Content-Type", "X-Data-Type", "X-Error-Message", "Content-Range")
        if name in answer.headers
    }
    if answer.status_code == 405:
        headers["Allow"] = answer.headers["Allow"]
    path = answer.request.path_url
    request = f"{answer.request.method} {path}"
    told: dict[str, Any] = {
        "request": masked(request),
        "status": f"{answer.status_code} {answer.reason}",
        "headers": headers,
    }
    if headers.get("Content-Type") == "application/json" and answer.request.method != "HEAD":
        value = json.loads(answer.content)
        # Compact, and in UTF-8 (wire.md 2); numbers as they are written.
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        assert len(text.encode()) == len(answer.content), answer.content
        if request.startswith("POST") and path.endswith("/versions"):
            # The sample may be done already, or not.
            value.get("version_info", {}).pop("sample_output", None)
        told["body"] = masked(value)
    else:
        told["body"] = answer.content.decode("latin-1")
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def masked(value: Any, name: str = "") -> Any:
    """A value with what is never the same twice replaced by what it looks like."""
    if isinstance(value, dict):
        return {key: masked(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [masked(each) for each in value]
    if name in WHOLE and value is not None:
        assert isinstance(value, WHOLE[name]), (name, value)
        assert value
        return f"<{name}>"
    if isinstance(value, str):
        for pattern, mask in MASKS:
            value = re.sub(pattern, mask, value)
    return value
