"""Calls from pages in a browser: what it asks first, and what keys allow."""

from typing import Any

import pytest
import requests

from tests.acceptance.platform import Account, Platform, deploy
from tests.acceptance.steps import ECHO, unused

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(120)]

PAGE = {"Origin": "https://page.example", "Referer": "https://page.example/app?x=1"}


@pytest.fixture(scope="module")
def owner(live: Platform) -> Account:
    account = live.account(unused("web"))
    deploy(account, "Echo", ECHO, publish="public")
    return account


def make_key(live: Platform, owner: Account, **permissions: Any) -> str:
    answer = requests.post(
        f"{live.url}/v1/admin/users/{owner.name}/keys",
        json={"key_label": "page", "permissions": {"algo_acl": ["algo://*"], **permissions}},
        headers={"Authorization": live.first_run["admin_api_key"]},
    )
    return str(answer.json()["api_key"])


def ask(live: Platform, owner: Account, key: str | None, **headers: str) -> requests.Response:
    sent = PAGE | ({} if key is None else {"Authorization": f"Simple {key}"}) | headers
    url = f"{live.url}/v1/web/algo/{owner.name}/Echo"
    return requests.post(url, data='"hello"', headers={"Content-Type": "application/json"} | sent)


def test_a_page_asks_first_and_then_calls(live: Platform, owner: Account) -> None:
    url = f"{live.url}/v1/web/algo/{owner.name}/Echo"
    asked = {"Access-Control-Request-Method": "POST"}
    first = requests.options(url, headers=PAGE | asked)
    assert first.status_code == 200
    assert first.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in first.headers["Access-Control-Allow-Methods"]
    allowed = first.headers["Access-Control-Allow-Headers"]
    assert all(name in allowed for name in ("Authorization", "Content-Type", "Accept"))
    answer = ask(live, owner, make_key(live, owner, allow_web_algo=True))
    assert answer.json()["result"] == "hello"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_a_key_for_pages_is_no_key_for_programs(live: Platform, owner: Account) -> None:
    key = make_key(live, owner, allow_web_algo=True)
    headers = {"Authorization": key, "Content-Type": "text/plain"}
    url = f"{live.url}/v1/algo/{owner.name}/Echo"
    assert requests.post(url, data="x", headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("permissions", "headers", "status"),
    [
        ({"allow_algo": True}, {}, 403),
        ({"allow_web_algo": True, "referer_host": "page.example"}, {}, 200),
        ({"allow_web_algo": True, "referer_host": "Page.Example"}, {}, 200),
        ({"allow_web_algo": True, "referer_host": "other.example"}, {}, 403),
        (
            {"allow_web_algo": True, "referer_host": "page.example"},
            {"Referer": "https://page.example.evil.example/", "Origin": "https://page.example"},
            403,
        ),
        ({"allow_web_algo": True, "referer_host": "page.example"}, {"Referer": "http://["}, 403),
        ({"allow_web_algo": True, "algo_acl": ["algo://other/*"]}, {}, 403),
    ],
)
def test_what_keys_allow_pages(
    live: Platform,
    owner: Account,
    permissions: dict[str, Any],
    headers: dict[str, str],
    status: int,
) -> None:
    answer = ask(live, owner, make_key(live, owner, **permissions), **headers)
    assert answer.status_code == status
    # A refusal, too, is for the page to read.
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_a_page_without_a_key_is_told_so(live: Platform, owner: Account) -> None:
    answer = ask(live, owner, None)
    assert (answer.status_code, answer.json()["code"]) == (401, 2002)
