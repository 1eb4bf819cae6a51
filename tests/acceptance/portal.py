"""The admin portal of a running platform, as a browser meets it."""

import requests

from tests.acceptance.platform import Platform


def sign_in(
    platform: Platform, name: str, password: str, page: str = "/admin/"
) -> tuple[requests.Session, requests.Response]:
    """A browser that has tried to sign in, and what it was shown then: `page`, or the form."""
    browser = requests.Session()
    form = browser.get(f"{platform.url}/admin/login/", timeout=10)
    assert form.status_code == 200
    shown = browser.post(
        f"{platform.url}/signin",
        data={
            "login": name,
            "password": password,
            "next": page,
            "csrfmiddlewaretoken": browser.cookies["csrftoken"],
        },
        timeout=10,
    )
    return browser, shown


def sign_in_administrator(
    platform: Platform, page: str = "/admin/"
) -> tuple[requests.Session, requests.Response]:
    """As `sign_in`, of the administrator that the first start has made."""
    first = platform.first_run
    return sign_in(platform, first["admin_username"], first["admin_password"], page)
