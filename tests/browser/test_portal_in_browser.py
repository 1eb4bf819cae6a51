"""An administrator runs a whole platform from the portal alone, in a real browser."""

import re
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, expect

from tests.acceptance.browser import Window, signed_in
from tests.acceptance.platform import Platform, deploy, wait_until
from tests.acceptance.steps import unused

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(180)]

FAILS = 'def apply(input):\n    raise ValueError(f"bad {input}")\n'


@pytest.fixture(scope="module")
def root(live: Platform) -> tuple[str, str]:
    """Name and password of the administrator."""
    return live.first_run["admin_username"], live.first_run["admin_password"]


@pytest.fixture(scope="module")
def window(browser: Browser, live: Platform, root: tuple[str, str]) -> Iterator[Window]:
    """A window in which the administrator has signed in."""
    with signed_in(browser, live, root) as opened:
        yield opened


def add_user(window: Window, name: str) -> None:
    window.go("/admin/accounts/user/add/")
    window.fill("Username:", name)
    window.fill("Email:", f"{name}@example.com")
    window.fill("Password:", "a long pass phrase")
    window.press("Save")
    assert "was added successfully" in window.text


def open_user(window: Window, name: str) -> None:
    window.go(f"/admin/accounts/user/?q={name}")
    window.follow(name)


def test_the_dashboard_is_fetched_again(
    browser: Browser, live: Platform, root: tuple[str, str]
) -> None:
    with signed_in(browser, live, root) as window:
        window.page.clock.install()
        window.go("/admin/")
        assert "Runners" in window.text and "Beat" in window.text
        stamp = window.page.locator("p.help", has_text="As of").first
        before = stamp.inner_text()
        # It tells seconds.
        window.page.wait_for_timeout(1000)
        window.page.clock.fast_forward(10_000)
        expect(stamp).not_to_have_text(before)


def test_users_and_organizations_are_made(window: Window, live: Platform) -> None:
    name, organization = unused("person"), unused("makers")
    add_user(window, name)
    open_user(window, name)
    window.follow("Update work limits")
    window.fill("Most calls at the same time:", "0")
    window.press("Update work limits")
    assert "greater than or equal to 1" in window.text
    window.fill("Most calls at the same time:", "7")
    window.press("Update work limits")
    assert "may have 7 calls" in window.text
    window.go("/admin/orgs/organization/add/")
    window.fill("Name:", organization)
    window.fill("First owner:", name)
    window.fill("Label:", "Makers")
    window.fill("Contact name:", "demo")
    window.fill("Contact e-mail:", "makers@example.com")
    window.page.get_by_label("Type:", exact=True).select_option(label="basic")
    window.press("Save")
    window.go(f"/admin/orgs/organization/?q={organization}")
    window.follow(organization)
    assert f"{name}: owner" in window.text


def test_a_reservation_is_made_and_removed(window: Window, live: Platform) -> None:
    account = live.account(unused("reserves"))
    deploy(account, "Echo", "def apply(input):\n    return input\n", publish="public")
    window.go("/admin/algorithms/reservation/add/")
    window.fill("Algorithm:", f"{account.name}/Echo")
    window.fill("Caller:", account.name)
    window.page.get_by_label("Version type:", exact=True).select_option(label="Latest Public")
    window.press("Save")
    assert "was added successfully" in window.text
    window.go(f"/admin/algorithms/reservation/?q={account.name}")
    window.follow(f"{account.name}/Echo")
    window.follow("Delete")
    window.press("Yes, I’m sure")
    assert "was deleted successfully" in window.text


def test_a_repository_host_is_added(window: Window) -> None:
    name = unused("host")
    window.go("/admin/scm/scmconfiguration/add/")
    window.fill("Id:", name)
    window.page.get_by_label("Provider:", exact=True).select_option(label="GitLab")
    window.fill("Client id:", name)
    window.fill("Client secret:", "a secret of the host")
    window.fill("Web url:", "https://git.example.com")
    window.fill("Api url:", "https://git.example.com/api/v4")
    window.fill("Ssh url:", "ssh://git@git.example.com")
    window.press("Save")
    window.go(f"/admin/scm/scmconfiguration/{name}/change/")
    assert "https://git.example.com/api/v4" in window.text
    assert "a secret of the host" not in window.page.content()
    window.follow("Disable")
    window.press("Disable")
    window.follow("Delete")
    window.press("Delete")
    assert f"{name} is deleted" in window.text.lower()


def test_an_invite_code_is_made(window: Window) -> None:
    code = unused("welcome-to-the-lab-")
    window.go("/admin/accounts/invitecode/add/")
    window.fill("Code:", code)
    window.fill("Comments:", "for the lab")
    window.fill("Max uses:", "3")
    window.press("Save")
    window.go("/admin/accounts/invitecode/")
    assert code in window.text


def test_an_administrator_is_a_user_and_themselves_again(window: Window, live: Platform) -> None:
    name, root = unused("person"), live.first_run["admin_username"]
    add_user(window, name)
    open_user(window, name)
    window.follow("Impersonate")
    window.press("Impersonate")
    assert f"You are {name}; you signed in as {root}." in window.text
    answer = window.page.request.get(f"{live.url}/admin/", max_redirects=0)
    assert answer.status == 302
    window.press("Stop")
    assert "You are" not in window.text and name in window.text
    window.go("/admin/")


def test_a_failed_call_is_found_with_its_log(window: Window, live: Platform) -> None:
    switch_error_log(live, True)
    try:
        find_failed_call(window, live)
    finally:
        switch_error_log(live, False)


def switch_error_log(live: Platform, enabled: bool) -> None:
    answer = requests.put(
        f"{live.url}/v1/admin/features/algorithm-errors",
        json={"enabled": enabled},
        headers={"Authorization": live.first_run["admin_api_key"]},
        timeout=30,
    )
    answer.raise_for_status()


def find_failed_call(window: Window, live: Platform) -> None:
    account = live.account(unused("fails"))
    path = deploy(account, "Fails", FAILS)

    def request_id() -> str:
        headers = {"Authorization": account.key, "Content-Type": "text/plain"}
        answer = requests.post(f"{live.url}/v1/algo/{path}", "in", headers=headers, timeout=30)
        assert "error" in answer.json()
        return answer.headers["X-Request-Id"]

    def is_logged() -> bool:
        """Each process notes failures only when it has heard that it is to."""
        listed = f"/admin/algorithms/callrecord/?outcome=failed&q={request_id()}"
        found = window.page.get_by_role("link", name=re.compile("^req-"))

        def is_listed() -> bool:
            window.go(listed)
            return found.count() > 0

        wait_until(is_listed, 20, "the call is listed")
        found.first.click()
        window.check()
        return "bad in" in window.text

    wait_until(is_logged, 60, "a failed call with its log")
    assert "Traceback" in window.text and f"{account.name}/Fails" in window.text
    window.page.locator(".field-build a").click()
    window.check()
    assert "Beginning container customization" in window.text or "Log" in window.text


def test_the_portal_is_used_without_a_mouse(window: Window) -> None:
    window.go("/admin/accounts/apikey/")
    window.page.keyboard.press("Tab")
    assert window.page.evaluate("document.activeElement.textContent") == "Skip to main content"
    reached = set()
    for _ in range(120):
        window.page.keyboard.press("Tab")
        reached.add(
            window.page.evaluate(
                "document.activeElement.name || document.activeElement.textContent.trim()"
            )
        )
    assert {"Export as CSV", "q", "action", "index"} <= reached
    window.page.get_by_role("textbox", name="Search").fill("demo")
    window.page.keyboard.press("Enter")
    window.page.wait_for_url("**q=demo**")
    window.check()


PAGES = (
    *("", "audit/auditentry/", "accounts/user/", "accounts/apikey/", "orgs/organization/"),
    *(
        "algorithms/algorithm/",
        "algorithms/build/",
        "algorithms/callrecord/",
        "algorithms/asynccall/",
    ),
    *("algorithms/reservation/add/", "dataportal/hostedusage/add/", "runners/"),
)


def test_every_kind_of_page_is_for_everybody(window: Window) -> None:
    for page in PAGES:
        window.page.set_viewport_size({"width": 1280, "height": 900})
        window.go(f"/admin/{page}")
        look(window, page)
    open_user(window, "demo")
    look(window, "user")
    window.follow("Update work limits")
    look(window, "act")


def look(window: Window, name: str) -> None:
    window.audit()
    window.fits()
    window.picture(f"portal-{name.strip('/').replace('/', '-') or 'dashboard'}-1280")
    window.page.set_viewport_size({"width": 390, "height": 800})
    window.audit("light")
    window.fits()
    window.picture(f"portal-{name.strip('/').replace('/', '-') or 'dashboard'}-390")
