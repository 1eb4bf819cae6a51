"""The steps by which a newcomer comes in: an invite code, the form, the mail, the first key."""

import re

import requests

from tests.acceptance.browser import Window
from tests.acceptance.platform import Platform
from tests.acceptance.steps import unused

PASSWORD = "a long pass phrase"


def make_invite_code(platform: Platform) -> str:
    code = unused("code")
    answer = requests.post(
        f"{platform.url}/v1/admin/invites",
        json={"inviteCode": code, "maxUses": 1},
        headers={"Authorization": platform.first_run["admin_api_key"]},
        timeout=10,
    )
    assert answer.status_code == 200
    return code


def sign_up(window: Window, name: str) -> None:
    """Fill in and send the form that the window shows."""
    window.fill("Username", name)
    window.fill("Email", f"{name}@example.com")
    window.fill("Password", PASSWORD)
    window.fill("Password (again)", PASSWORD)
    window.press("Sign Up")


def confirm_address(window: Window, platform: Platform, name: str) -> str:
    """Follow the link of the mail; the key that is shown then."""
    window.go(_mailed_path(platform, f"{name}@example.com"))
    window.press("Confirm")
    key = re.search(r"sim[A-Za-z0-9+/]{25}", window.text)
    assert key is not None, window.text
    return key[0]


def _mailed_path(platform: Platform, address: str) -> str:
    """The path of the link in the mail that was written for the address last."""
    folder = platform.data / "mail"
    assert folder.stat().st_mode & 0o077 == 0
    mails = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    text = next(text for text in (mail.read_text() for mail in mails) if f"To: {address}" in text)
    found = re.search(rf"{re.escape(platform.url)}(/\S+)", text.replace("=\n", ""))
    assert found is not None, text
    return found[1]
