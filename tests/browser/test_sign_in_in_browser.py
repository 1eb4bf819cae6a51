"""Who one is, in a real browser: passwords, sessions, passkeys, and who has no way in."""

import pytest
import requests
from playwright.sync_api import Browser

from tests.acceptance.browser import open_window
from tests.acceptance.platform import Account, Platform, deploy
from tests.acceptance.steps import unused
from tests.browser.entrance import PASSWORD
from tests.browser.keyboard import Hands

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(180)]

LOOKS = """import os
import urllib.error
import urllib.request


def apply(input):
    return [status_of(os.environ["ALGORITHMIA_API"] + path) for path in input]


def status_of(url):
    try:
        return urllib.request.urlopen(url, timeout=10).status
    except urllib.error.HTTPError as exc:
        return exc.code
"""


def test_who_signs_in(browser: Browser, live: Platform) -> None:
    """At a name: passkeys are for hosts with one."""
    account = live.account(unused("person"), PASSWORD)
    url = live.url.replace("127.0.0.1", "localhost")
    with open_window(browser, url, kind=Hands) as hands:
        sign_in_and_out(hands, account.name)
        make_passkey(hands)
        hands.sign_out(account.name)
        hands.go("/signin")
        hands.press("Sign in with a passkey")
        hands.sign_out(account.name)
    refuse_password_by_git(account)


def sign_in_and_out(hands: Hands, name: str) -> None:
    hands.go("/signin")
    hands.fill("User name or address", name)
    hands.fill("Password", "wrong")
    hands.press("Sign In")
    assert "not correct" in hands.text
    hands.fill("Password", PASSWORD)
    hands.press("Sign In")
    hands.go("/user/sessions")
    assert "HeadlessChrome" in hands.text and "this one" in hands.text
    hands.press("Sign out everywhere")
    hands.go("/signin")
    hands.fill("User name or address", name)
    hands.fill("Password", PASSWORD)
    hands.press("Sign In")


def make_passkey(hands: Hands) -> None:
    session = hands.page.context.new_cdp_session(hands.page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    hands.go("/user/two-factor/webauthn/add/")
    hands.fill("Password", PASSWORD)
    hands.press("Confirm")
    hands.tick("Passwordless")
    hands.press("Add")
    assert "ecovery" in hands.text


def refuse_password_by_git(account: Account) -> None:
    """It is not enough any more."""
    answer = requests.get(
        f"{account.platform.url}/git/{account.name}/Any.git/info/refs?service=git-upload-pack",
        auth=(account.name, PASSWORD),
        timeout=10,
    )
    assert answer.status_code == 403 and "API key" in answer.text


def test_code_of_an_algorithm_has_no_way_to_the_pages(live: Platform) -> None:
    account = live.account(unused("looks"))
    path = deploy(account, "Looks", LOOKS, publish="public").rsplit("/", 1)[0]
    statuses = account.client.algo(path).pipe(["/signin", "/admin/", "/", "/v1/nothing"]).result
    assert statuses == [404, 404, 404, 404]
    kinds = account.client.algo(path).pipe(["/v1/organization/types"]).result
    assert kinds == [200]
