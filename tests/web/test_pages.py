"""Pages that a browser meets first, on a running platform."""

import pytest
import requests

from tests.acceptance.platform import Platform

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live")]


def test_home_and_its_style(live: Platform) -> None:
    page = requests.get(live.url, timeout=10)
    assert page.status_code == 200 and live.url in page.text
    assert "<script" not in page.text
    style = requests.get(f"{live.url}/static/web/css/site.css", timeout=10)
    assert style.status_code == 200 and style.headers["Content-Type"].startswith("text/css")


def test_an_administrator_signs_in(live: Platform) -> None:
    session = requests.Session()
    form = session.get(f"{live.url}/admin/login/", timeout=10)
    assert form.status_code == 200
    signed_in = session.post(
        f"{live.url}/admin/login/?next=/admin/accounts/apikey/",
        data={
            "username": live.first_run["admin_username"],
            "password": live.first_run["admin_password"],
            "csrfmiddlewaretoken": session.cookies["csrftoken"],
        },
        timeout=10,
    )
    assert signed_in.status_code == 200 and "default-key" in signed_in.text
    assert live.first_run["api_key"] not in signed_in.text
    for model in (
        "accounts/user",
        "algorithms/algorithm",
        "algorithms/build",
        "algorithms/webhookdelivery",
        "dataportal/collection",
    ):
        assert session.get(f"{live.url}/admin/{model}/", timeout=10).status_code == 200, model
    css = session.get(f"{live.url}/static/admin/css/base.css", timeout=10)
    assert css.status_code == 200


def test_others_do_not_sign_in_to_the_admin(live: Platform) -> None:
    session = requests.Session()
    session.get(f"{live.url}/admin/login/", timeout=10)
    answer = session.post(
        f"{live.url}/admin/login/",
        data={
            "username": live.first_run["username"],
            "password": live.first_run["password"],
            "csrfmiddlewaretoken": session.cookies["csrftoken"],
        },
        timeout=10,
    )
    assert "errornote" in answer.text
