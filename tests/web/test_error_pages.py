"""Pages in place of those that cannot be shown; paths of the API keep its envelope."""

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from algoport import urls
from algoport.accounts.errors import OrganizationNotFound, OrganizationRequiresOwner
from algoport.accounts.models import User
from algoport.errors import NotAuthenticated, NotAuthorized
from algoport.urls import handler400, handler404, handler429, handler500  # noqa: F401
from orgs.errors import TooManyInvitations

ERRORS: dict[str, Exception] = {
    "unseen": OrganizationNotFound(),
    "forbidden": NotAuthorized("<b>Not</b> yours."),
    "django": PermissionDenied(),
    "conflict": OrganizationRequiresOwner(),
    "often": TooManyInvitations(),
    "nobody": NotAuthenticated(),
    "suspicious": SuspiciousOperation(),
    "broken": RuntimeError("secret detail"),
}


def fail(request: HttpRequest, what: str) -> HttpResponse:
    raise ERRORS[what]


urlpatterns = [path("fail/<str:what>", fail), path("v1/fail/<str:what>", fail), *urls.urlpatterns]


@pytest.fixture
def browser(settings: Any) -> Client:
    settings.ROOT_URLCONF = __name__
    return Client(raise_request_exception=False)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("what", "status", "said"),
    [
        ("unseen", 404, "The requested organization was not found."),
        ("forbidden", 403, "&lt;b&gt;Not&lt;/b&gt; yours."),
        ("django", 403, "Your account may not open this page"),
        ("conflict", 409, "Unable to remove the last owner"),
        ("often", 429, "Try again later"),
    ],
)
def test_a_refusal_is_a_page_with_its_reason(
    browser: Client, what: str, status: int, said: str
) -> None:
    answer = browser.get(f"/fail/{what}")
    page = answer.content.decode()
    assert answer.status_code == status and said in page and 'id="main"' in page
    assert "content-security-policy" in answer.headers
    assert (answer.headers.get("Retry-After") == "3600") == (what == "often")


@pytest.mark.django_db
def test_an_address_that_is_not_there_offers_to_sign_in(browser: Client, demo: User) -> None:
    page = browser.get("/nothing/here?a=b").content.decode()
    assert "Not found" in page and "/signin?next=/nothing/here%3Fa%3Db" in page
    browser.force_login(demo)
    assert "/signin" not in browser.get("/nothing/here").content.decode()


def test_who_has_not_signed_in_is_asked_to(browser: Client) -> None:
    answer = browser.get("/fail/nobody?page=2")
    assert answer["Location"] == "/signin?next=%2Ffail%2Fnobody%3Fpage%3D2"


@pytest.mark.parametrize(("what", "status"), [("suspicious", 400), ("broken", 500)])
def test_a_failure_needs_no_database_and_tells_nothing(
    browser: Client, what: str, status: int
) -> None:
    answer = browser.get(f"/fail/{what}")
    page = answer.content.decode()
    assert answer.status_code == status and "Go to the start page" in page
    assert "secret" not in page and "<script" not in page


@pytest.mark.django_db
def test_a_form_from_elsewhere_leads_back(demo: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(demo)
    here, elsewhere = "http://testserver/user/sessions", "http://example.com/"
    answer = client.post("/user/sessions", {"everywhere": "1"}, HTTP_REFERER=here)
    assert answer.status_code == 403 and f'href="{here}"' in answer.content.decode()
    answer = client.post("/user/sessions", {"everywhere": "1"}, HTTP_REFERER=elsewhere)
    assert answer.status_code == 403 and elsewhere not in answer.content.decode()
    assert client.get("/user/sessions").status_code == 200


@pytest.mark.parametrize(("what", "status"), [("suspicious", 400), ("broken", 500)])
def test_paths_of_the_api_keep_its_envelope(browser: Client, what: str, status: int) -> None:
    answer = browser.get(f"/v1/fail/{what}")
    assert answer.status_code == status and "message" in answer.json()["error"]
