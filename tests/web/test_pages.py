"""Pages that a browser meets first, on a running platform."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.acceptance.platform import Platform, deploy
from tests.acceptance.portal import sign_in, sign_in_administrator
from tests.acceptance.steps import unused

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live")]


def test_home_and_its_style(live: Platform) -> None:
    page = requests.get(live.url, timeout=10)
    assert page.status_code == 200 and live.url in page.text
    assert all(" src=" in tag for tag in re.findall(r"<script[^>]*>", page.text))
    found = re.search(r'"(/static/web/css/site\.[0-9a-f]{12}\.css)"', page.text)
    assert found is not None
    for path, kept in ((found[1], "immutable"), ("/static/web/css/site.css", "no-cache")):
        style = requests.get(f"{live.url}{path}", timeout=10)
        assert style.status_code == 200 and style.headers["Content-Type"].startswith("text/css")
        assert kept in style.headers["Cache-Control"]
        told = {"If-Modified-Since": style.headers["Last-Modified"]}
        again = requests.get(f"{live.url}{path}", headers=told, timeout=10)
        assert again.status_code == 304 and kept in again.headers["Cache-Control"]


def test_what_is_no_static_file(live: Platform) -> None:
    for path in ("", "web", "web/css", "none.css", "..%2fhosted", "%00", "web/css/site.000.css"):
        answer = requests.get(f"{live.url}/static/{path}", timeout=10)
        assert answer.status_code == 404, path


def test_an_administrator_signs_in(live: Platform) -> None:
    session, signed_in = sign_in_administrator(live, "/admin/accounts/apikey/")
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
    first = live.first_run
    _, answer = sign_in(live, first["username"], first["password"])
    assert answer.status_code == 403 and "Not allowed" in answer.text


def test_an_administrator_limits_an_accounts_calls(live: Platform) -> None:
    """In force within a second, in both web processes; over the limit a call is refused at once."""
    account = live.account(unused("limited"))
    source = "import time\n\n\ndef apply(input):\n    time.sleep(input)\n    return input\n"
    path = deploy(account, "Sleeps", source, publish="public").rsplit("/", 1)[0]
    headers = {"Authorization": account.key}

    def call(seconds: float) -> requests.Response:
        url = f"{live.url}/v1/algo/{path}"
        return requests.post(url, json=seconds, headers=headers, timeout=30)

    assert call(0).status_code == 200
    session, _ = sign_in_administrator(live)
    listed = session.get(f"{live.url}/admin/accounts/user/?q={account.name}", timeout=10)
    found = re.search(r"/admin/accounts/user/([0-9a-f-]+)/change/", listed.text)
    assert found is not None
    page = f"{live.url}/admin/accounts/user/{found[1]}/act/work-limits/"
    form = {"call_limit": "2", "csrfmiddlewaretoken": session.cookies["csrftoken"]}
    assert session.get(page, timeout=10).status_code == 200
    saved = session.post(page, data=form, headers={"Referer": page}, timeout=10)
    assert saved.history and saved.history[0].status_code == 302, saved.text
    with ThreadPoolExecutor(6) as pool:

        def refused() -> list[requests.Response]:
            answers = list(pool.map(call, [1.0] * 6))
            assert {answer.status_code for answer in answers} <= {200, 429}
            return [answer for answer in answers if answer.status_code == 429]

        # What was let in before the limit came down may still be there in the first round.
        refused()
        answers = refused()
    assert len(answers) == 4
    assert answers[0].headers["Retry-After"] == "1" and "2 calls" in answers[0].json()["message"]
    assert call(0).status_code == 200
