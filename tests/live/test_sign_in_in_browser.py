"""A newcomer's way in, in a real browser: invite code, mail, first key, passkey, sessions."""

import re
from collections.abc import Iterator

import pytest
import requests

from tests.acceptance.browser import Window, chromium, open_window
from tests.acceptance.platform import Platform, deploy
from tests.acceptance.steps import unused

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(180)]

PASSWORD = "a long pass phrase"
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


@pytest.fixture
def window(live: Platform) -> Iterator[Window]:
    """At a name: passkeys are for hosts with one."""
    url = live.url.replace("127.0.0.1", "localhost")
    with chromium() as browser, open_window(browser, url) as opened:
        yield opened


def mailed_path(live: Platform, address: str) -> str:
    """The path of the link in the mail that was written for the address last."""
    folder = live.data / "mail"
    assert folder.stat().st_mode & 0o077 == 0
    mails = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    text = next(text for text in (mail.read_text() for mail in mails) if f"To: {address}" in text)
    found = re.search(rf"{re.escape(live.url)}(/\S+)", text.replace("=\n", ""))
    assert found is not None, text
    return found[1]


def sign_up(window: Window, live: Platform, name: str) -> str:
    """A new account's first key."""
    code = unused("code")
    answer = requests.post(
        f"{live.url}/v1/admin/invites",
        json={"inviteCode": code, "maxUses": 1},
        headers={"Authorization": live.first_run["admin_api_key"]},
        timeout=10,
    )
    assert answer.status_code == 200
    window.go(f"/signup?code={code}")
    window.fill("Username:", name)
    window.fill("Email:", f"{name}@example.com")
    window.fill("Password:", PASSWORD)
    window.fill("Password (again):", PASSWORD)
    window.press("Sign Up")
    window.go(mailed_path(live, f"{name}@example.com"))
    window.press("Confirm")
    key = re.search(r"sim[A-Za-z0-9+/]{25}", window.text)
    assert key is not None, window.text
    return key[0]


def test_a_newcomers_way_in(window: Window, live: Platform) -> None:
    name = unused("newcomer")
    key = sign_up(window, live, name)
    keys = f"{live.url}/v1/users/{name}/keys"
    (listed,) = requests.get(keys, headers={"Authorization": key}, timeout=10).json()
    assert listed["key_label"] == "default-key"
    window.go("/user/sessions")
    assert "HeadlessChrome" in window.text and "this one" in window.text
    window.press("Sign out everywhere")
    window.go("/signin")
    window.fill("User name or address:", name)
    window.fill("Password:", "wrong")
    window.press("Sign In")
    assert "not correct" in window.text
    window.fill("Password:", PASSWORD)
    window.press("Sign In")
    window.sign_out(name)


def test_code_of_an_algorithm_has_no_way_to_the_pages(live: Platform) -> None:
    account = live.account(unused("looks"))
    path = deploy(account, "Looks", LOOKS, publish="public").rsplit("/", 1)[0]
    statuses = account.client.algo(path).pipe(["/signin", "/admin/", "/", "/v1/nothing"]).result
    assert statuses == [404, 404, 404, 404]
    kinds = account.client.algo(path).pipe(["/v1/organization/types"]).result
    assert kinds == [200]


def test_a_passkey(window: Window, live: Platform) -> None:
    name = unused("passkey")
    sign_up(window, live, name)
    session = window.page.context.new_cdp_session(window.page)
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
    window.go("/user/two-factor/webauthn/add/")
    window.fill("Password:", PASSWORD)
    window.press("Confirm")
    window.page.get_by_label("Passwordless").check()
    window.press("Add")
    assert "ecovery" in window.text
    window.sign_out(name)
    window.go("/signin")
    window.press("Sign in with a passkey")
    window.sign_out(name)
    # By git the password is not enough any more.
    answer = requests.get(
        f"{live.url}/git/{name}/Any.git/info/refs?service=git-upload-pack",
        auth=(name, PASSWORD),
        timeout=10,
    )
    assert answer.status_code == 403 and "API key" in answer.text
