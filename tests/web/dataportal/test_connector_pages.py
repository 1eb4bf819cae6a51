"""A connector's own page: changed, tried and disconnected by its owners."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from algoport.accounts.models import User
from algoport.audit.models import AuditEntry
from dataportal.connectors.credentials import unseal
from dataportal.models import Connector
from dataportal.web.forms import FORMS
from tests.doubles.seaweed import Seaweed
from tests.factories import connectors
from tests.factories.connectors import make_connector
from tests.factories.dataportal import Caller, make_caller
from tests.factories.organizations import make_organization

PAGE = "/data/connectors/demo/s3+saha"
HTMX = {"HTTP_HX_REQUEST": "true"}
KEPT = {"label": "saha", "path": "*"}
KEYS: dict[str, dict[str, str]] = {
    "s3": {"access_key_id": "AKIADEMO", "secret_access_key": "secret"},
    "azureblob": {"sas_uri": "https://demo.blob.core.windows.net/photos?sv=1&sig=secret"},
    "gs": {"email": "a@b.iam.gserviceaccount.com", "private_key_id": "1", "private_key": "secret"},
    "dropbox": {"access_token": "secret", "refresh_token": ""},
}


@pytest.fixture
def caller(demo: User) -> Caller:
    return make_caller("demo", user=demo)


@pytest.fixture
def saha(caller: Caller) -> Connector:
    return make_connector(caller, "saha")


def save(client: Client, page: str = PAGE, **changes: str) -> Any:
    return client.post(page, KEPT | changes)


def test_the_page_tells_all_but_the_credentials(browser: Client, saha: Connector) -> None:
    text = browser.get(PAGE).content.decode()
    assert 'value="saha"' in text and "Save Changes" in text and "Disconnect Source" in text
    assert "demo-access" not in text and "demo-secret" not in text
    assert PAGE in browser.get("/data").content.decode()


def test_changes_are_saved_and_blank_credentials_kept(browser: Client, saha: Connector) -> None:
    before = saha.credential
    saved = save(
        browser, label="lab", path="bucket/*", writeable="on", is_default="on", region="EU"
    )
    assert saved.status_code == 422
    saved = save(browser, label="lab", path="bucket/*", writeable="on", is_default="on")
    assert saved["Location"] == "/data/connectors/demo/s3+lab"
    saha.refresh_from_db()
    assert (saha.label, saha.path, saha.writeable, saha.is_default, saha.credential) == (
        *("lab", "bucket/*", True, True),
        before,
    )
    assert AuditEntry.objects.filter(action="connector.update").count() == 1
    same = {"label": "lab", "path": "bucket/*", "writeable": "on", "is_default": "on"}
    again = browser.post(saved["Location"], same, follow=True)
    assert "Nothing has changed" in again.content.decode()
    assert AuditEntry.objects.filter(action="connector.update").count() == 1


def test_credentials_are_replaced_as_a_whole(browser: Client, saha: Connector) -> None:
    half = save(browser, access_key_id="AKIANEW")
    assert half.status_code == 422 and "or none to keep them" in half.content.decode()
    assert save(browser, **KEYS["s3"]).status_code == 302
    saha.refresh_from_db()
    stored = unseal("s3", saha.credential)
    assert getattr(stored, "access_key_id") == "AKIADEMO"  # noqa: B009


def test_stored_credentials_stay_with_their_server(
    browser: Client, saha: Connector, local: None
) -> None:
    elsewhere = {"endpoint_url": "http://127.0.0.1:9"}
    for act in ("", "test"):
        refused = browser.post(PAGE, KEPT | elsewhere | {"act": act})
        assert "needs the credentials again" in refused.content.decode()
    seen = browser.post(f"{PAGE}/preview?matches", KEPT | elsewhere, **HTMX)
    assert "a form that is complete" in seen.content.decode()
    assert save(browser, **elsewhere, **KEYS["s3"]).status_code == 302


def test_a_label_that_is_taken(browser: Client, saha: Connector, caller: Caller) -> None:
    make_connector(caller, "lab")
    taken = save(browser, label="LAB")
    assert taken.status_code == 422 and "Choose another label" in taken.content.decode()


def test_disconnecting(browser: Client, saha: Connector) -> None:
    asked = browser.get(f"{PAGE}/disconnect", **HTMX, HTTP_HX_TARGET="modal-body")
    assert "Disconnect s3+saha?" in asked.content.decode()
    gone = browser.post(f"{PAGE}/disconnect", **HTMX)
    assert gone["HX-Redirect"] == "/data" and not Connector.objects.exists()
    assert browser.get(PAGE).status_code == browser.post(f"{PAGE}/disconnect").status_code == 404


def test_only_owners_manage(
    browser_of: Callable[[User], Client],
    make_user: Callable[[str], User],
    demo: User,
    saha: Connector,
) -> None:
    guest = make_user("guest")
    member = browser_of(guest)
    makers = make_organization("makers", demo, guest)
    Connector.objects.update(owner=makers.account)
    page = "/data/connectors/makers/s3+saha"
    for path in (page, f"{page}/disconnect"):
        assert member.get(path).status_code == member.post(path, KEPT).status_code == 403
    assert member.post(f"{page}/preview", KEPT).status_code == 403
    listed = member.get("/data").content.decode()
    assert "s3+saha://" in listed and page not in listed
    assert browser_of(demo).get(page).status_code == 200


@pytest.mark.parametrize("protocol", FORMS)
def test_every_kind_is_connected_and_changed(browser: Client, protocol: str) -> None:
    page = f"/data/new/{protocol}"
    text = browser.get(page).content.decode()
    kind = FORMS[protocol].protocol.label
    assert f">Connect {kind}</button>" in text and "Cancel</a>" in text
    given = {"owner": "demo", "label": "one", "path": "*"} | KEYS[protocol]
    made = browser.post(page, given)
    assert made.status_code == 302, made.content.decode()
    row = Connector.objects.get(protocol=protocol)
    assert "secret" in str(unseal(protocol, row.credential).__reduce_ex__(2)) and row.label == "one"
    own = f"/data/connectors/demo/{row.name}"
    for path in (own, f"{own}/disconnect", "/data"):
        assert "secret" not in browser.get(path).content.decode().replace("secret_access_key", "")
    assert browser.post(own, {"label": "two", "path": "*"})["Location"].endswith("+two")


@pytest.mark.parametrize(
    "uri", ["nothing", "http://[", "https://demo.blob.core.windows.net/?sv=1", "ftp://a/b?c"]
)
def test_addresses_of_azure_that_are_none(browser: Client, uri: str) -> None:
    given = {"owner": "demo", "label": "one", "path": "*", "sas_uri": uri}
    assert browser.post("/data/new/azureblob", given).status_code == 422
    assert "bad" in browser.post("/data/new/azureblob", given | {"act": "test"}).content.decode()


@pytest.mark.xdist_group("seaweed")
def test_a_connector_is_tried_as_it_would_be(
    browser: Client, caller: Caller, seaweed: Seaweed, local: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connectors.CREDENTIALS, "s3", ("iam", seaweed.credentials))
    make_connector(caller, "saha", endpoint=seaweed.url)
    bucket = seaweed.new_bucket()
    seaweed.put(bucket, "a.txt", b"a")
    said = KEPT | {"endpoint_url": seaweed.url, "addressing": "path", "path": f"{bucket}/*"}
    tried = browser.post(PAGE, said | {"act": "test"}, **HTMX).content.decode()
    assert "It works" in tried
    seen = browser.post(f"{PAGE}/preview?matches", said, **HTMX).content.decode()
    assert "1 file" in seen and "a.txt" in seen
    assert Connector.objects.get().path == "*"
