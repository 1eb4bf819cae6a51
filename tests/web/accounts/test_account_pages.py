"""The pages about one's own account."""

from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from algoport.accounts.models import SignedInSession, User
from algoport.audit.models import AuditEntry
from scm.models import ScmConfiguration

pytestmark = pytest.mark.django_db

PAGES = (
    "/user/profile",
    "/user/keys",
    "/user/notifications",
    "/user/invitations",
    "/user/sessions",
    "/user/two-factor/",
    "/user/password",
    "/user/source-hosts",
)


@pytest.fixture(autouse=True)
def own_limits(settings: Any) -> None:
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "own"}
    }


@pytest.fixture
def browser(client: Client, demo: User) -> Client:
    client.force_login(demo)
    return client


@pytest.mark.parametrize("path", PAGES)
def test_each_page_is_marked_in_the_navigation(browser: Client, path: str) -> None:
    page = browser.get(path).content.decode()
    assert f'<a class="entry" href="{path}" aria-current="page">' in page
    assert all(f'href="{other}"' in page for other in PAGES)
    assert Client().get(path)["Location"].startswith("/signin")


def test_a_profile_is_changed_with_one_entry(browser: Client, demo: User) -> None:
    page = browser.get("/user/profile").content.decode()
    assert "demo@example.com" in page
    form = {"fullname": "<b>Demo", "company_name": "Lab", "company_role": "", "email": "x@y.zz"}
    page = browser.post("/user/profile", form, follow=True).content.decode()
    assert "Your profile is saved" in page and "&lt;b&gt;Demo" in page and "<b>Demo" not in page
    demo.refresh_from_db()
    assert (demo.fullname, demo.company_name, demo.email) == ("<b>Demo", "Lab", "demo@example.com")
    assert [each.action for each in AuditEntry.objects.filter(via="web")] == ["user.update"]


@pytest.mark.parametrize("name", ["x" * 101, "a\x00b"])
def test_a_profile_that_cannot_be_is_refused(browser: Client, demo: User, name: str) -> None:
    assert browser.post("/user/profile", {"fullname": name}).status_code == 422
    demo.refresh_from_db()
    assert demo.fullname == ""


def test_source_hosts_in_use_are_shown(browser: Client) -> None:
    for name, enabled in (("Shown", True), ("Hidden", False)):
        ScmConfiguration.objects.create(
            id=name, name=name, provider="github", enabled=enabled, client_id=name
        )
    page = browser.get("/user/source-hosts").content.decode()
    assert "Shown" in page and "Hidden" not in page and "not connected" in page


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/130.0 Safari/537.36 Edg/130.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("<script>", "A browser"),
    ],
)
def test_sessions_are_named_as_people_call_them(browser: Client, agent: str, name: str) -> None:
    SignedInSession.objects.update(agent=agent)
    page = browser.get("/user/sessions").content.decode()
    assert f"{name} <span" in page and escape(agent) in page and "<script>" not in page
