"""Settings, deletion, secrets and the error log on pages."""

import re
from uuid import uuid4

import pytest
from django.test import Client

from algoport.accounts.models import User
from algoport.encryption import decrypt
from algorithms.features.switching import switch_feature
from algorithms.models import Algorithm, AlgorithmSecret, AsyncCall
from tests.factories.algorithms import make_build, make_error, make_version

PATH = "/algorithms/demo/Hello"
HOSTILE = '"><script>alert(1)</script>'
SECRET = {"name": "Token", "description": "", "variable": "API_TOKEN", "value": " s3cr3t\r\nvalue "}


def filled(client: Client) -> dict[str, str]:
    """What a browser sends when nothing was changed."""
    form = client.get(f"{PATH}/settings").context["form"]
    return {field.html_name: str(field.value()) for field in form}


def test_settings_are_changed(browser: Client, algorithm: Algorithm) -> None:
    given = filled(browser) | {"label": "Greets", "network_access": "full", "pipelining": "no"}
    answer = browser.post(f"{PATH}/settings", given, follow=True)
    assert "The settings are saved." in answer.content.decode()
    algorithm.refresh_from_db()
    assert algorithm.label == "Greets" and algorithm.network_access == "full"
    assert algorithm.pipeline_enabled is False and algorithm.environment_form == "language"


def test_a_sample_of_several_lines_is_not_run_for_nothing(
    browser: Client, algorithm: Algorithm
) -> None:
    make_build(algorithm)
    Algorithm.objects.update(sample_input='{\n"a": 1}\n')
    given = filled(browser)
    given["sample_input"] = given["sample_input"].replace("\n", "\r\n")
    assert browser.post(f"{PATH}/settings", given).status_code == 302
    assert not AsyncCall.objects.exists()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"license": "mit"}, "only the license apl supports closed source"),
        ({"license": "x"}, "Select a valid choice"),
        ({"label": ""}, "required"),
        ({"environment": str(uuid4())}, "Select a valid choice"),
        ({"tagline": "a\x00b"}, "Null characters"),
    ],
)
def test_settings_that_cannot_be(
    browser: Client, algorithm: Algorithm, changed: dict[str, str], reason: str
) -> None:
    answer = browser.post(f"{PATH}/settings", filled(browser) | changed)
    assert answer.status_code == 422 and reason in answer.content.decode()


def test_only_who_manages_sees_settings(visitor: Client, algorithm: Algorithm) -> None:
    make_version(algorithm)
    for path in ("settings", "settings/delete", "secrets", "secrets/new", "errors"):
        assert visitor.get(f"{PATH}/{path}").status_code == 403
    assert visitor.post(f"{PATH}/settings/delete", {"name": "demo/Hello"}).status_code == 403


def test_deleting_needs_the_name(browser: Client, algorithm: Algorithm) -> None:
    page = f"{PATH}/settings/delete"
    modal = {"HX-Request": "true", "HX-Target": "modal-body"}
    text = browser.get(page, headers=modal).content.decode()
    assert "<h1>Delete demo/Hello?</h1>" in text and "<html" not in text
    assert browser.post(page, {"name": "hello"}, headers=modal).status_code == 422
    assert Algorithm.objects.exists()
    answer = browser.post(page, {"name": "demo/Hello"}, headers=modal)
    assert answer.status_code == 204 and answer["HX-Redirect"] == "/algorithms"
    assert not Algorithm.objects.exists()


def test_public_versions_keep_it(browser: Client, algorithm: Algorithm) -> None:
    make_version(algorithm)
    assert "settings/delete" not in browser.get(f"{PATH}/settings").content.decode()
    answer = browser.post(f"{PATH}/settings/delete", {"name": "demo/Hello"})
    assert answer.status_code == 422 and "cannot be deleted" in answer.content.decode()


def test_secrets_are_never_shown(browser: Client, algorithm: Algorithm) -> None:
    assert "No secrets yet" in browser.get(f"{PATH}/secrets").content.decode()
    answer = browser.post(f"{PATH}/secrets/new", SECRET, follow=True)
    text = answer.content.decode()
    assert "API_TOKEN is set." in text and "s3cr3t" not in text
    row = AlgorithmSecret.objects.get()
    assert decrypt(row.value) == " s3cr3t\nvalue "
    before = row.value
    page = f"{PATH}/secrets/{row.pk}"
    assert "s3cr3t" not in browser.get(page).content.decode()
    assert browser.post(page, {"name": "Other", "value": ""}).status_code == 302
    row.refresh_from_db()
    assert row.name == "Other" and row.value == before
    assert browser.post(page, {"name": "Other", "value": "new one"}).status_code == 302
    row.refresh_from_db()
    assert row.value != before
    assert "Delete <code>API_TOKEN" in browser.get(f"{page}/delete").content.decode()
    assert browser.post(f"{page}/delete").status_code == 302
    assert not AlgorithmSecret.objects.exists()


def test_secrets_that_cannot_be(browser: Client, algorithm: Algorithm) -> None:
    page = f"{PATH}/secrets/new"
    for changed in ({"variable": "PATH"}, {"variable": "a b"}, {"value": ""}, {"name": ""}):
        answer = browser.post(page, SECRET | changed)
        assert answer.status_code == 422, changed
        assert "s3cr3t" not in answer.content.decode()
    browser.post(page, SECRET)
    assert "has a secret with this" in browser.post(page, SECRET).content.decode()
    assert browser.get(f"{PATH}/secrets/{uuid4()}").status_code == 404


def test_the_error_log(browser: Client, algorithm: Algorithm, guest: User) -> None:
    page = f"{PATH}/errors"
    assert "The error log is off" in browser.get(page).content.decode()
    switch_feature(name="algorithm-errors", enabled=True)
    assert "No call has failed" in browser.get(page).content.decode()
    make_error(algorithm, guest, 5, message=HOSTILE, input=HOSTILE, stacktrace=HOSTILE)
    make_error(algorithm, guest, message="newer", error_type="SystemError")
    text = browser.get(page).content.decode()
    assert "The error log is off" not in text and "<script>alert" not in text
    assert text.index("newer") < text.index("&lt;script&gt;")
    assert "newer" not in browser.get(page, {"type": "InputError"}).content.decode()
    found = browser.get(page, {"q": "NEWER"}).content.decode()
    assert len(re.findall("<details><summary>", found)) == 1


def test_the_overview_calls_what_there_is(
    browser: Client, visitor: Client, algorithm: Algorithm
) -> None:
    assert "Nothing to call yet" in browser.get(PATH).content.decode()
    build = make_build(algorithm)
    assert f"/v1/algo/demo/Hello/{build.commit_sha}?" in browser.get(PATH).content.decode()
    Algorithm.objects.update(sample_input=HOSTILE)
    make_version(algorithm)
    for client in (browser, visitor):
        for language in ("curl", "python", "go", "rust", "java", "ruby", "r", "x"):
            text = client.get(PATH, {"client": language}).content.decode()
            assert "demo/Hello/0.1.0" in text and "<script>alert" not in text
            assert "API_KEY" in text
