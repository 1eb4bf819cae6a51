"""Connectors in the admin site."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from algoport.accounts.models import User
from algoport.accounts.services import create_user
from dataportal.models import Connector
from tests.factories.connectors import make_connector
from tests.factories.dataportal import make_caller

pytestmark = pytest.mark.django_db

LIST = "/admin/dataportal/connector/"


@pytest.fixture
def staff() -> Client:
    client = Client()
    client.force_login(create_user(username="root", email="root@example.com", staff=True))
    return client


@pytest.fixture
def connector() -> Connector:
    return make_connector(make_caller("demo"), "lab", path="bucket/*", writeable=True)


def test_connectors_are_listed_and_searched(
    staff: Client, connector: Connector, make_user: Callable[[str], User]
) -> None:
    make_connector(make_caller("guest"), "other", path="photos/*")
    page = staff.get(LIST).content.decode()
    for shown in ("s3+lab", "s3+other", "demo", "guest", "bucket/*", "photos/*"):
        assert shown in page
    for sought in ("lab", "bucket", "demo"):
        page = staff.get(LIST, {"q": sought}).content.decode()
        assert "s3+lab" in page and "s3+other" not in page


def test_connector_is_shown_and_not_edited(staff: Client, connector: Connector) -> None:
    one = f"{LIST}{connector.pk}/change/"
    page = staff.get(one).content.decode()
    assert "bucket/*" in page
    assert connector.credential not in page and "credential" not in page
    assert 'name="path"' not in page and "Save" not in page
    assert staff.post(one, {"path": "*", "credential": "x"}).status_code == 403
    assert staff.get(f"{LIST}add/").status_code == 403
    connector.refresh_from_db()
    assert connector.path == "bucket/*"


@pytest.mark.parametrize("way", ["alone", "chosen"])
def test_connector_may_be_deleted_and_every_process_hears(
    staff: Client, connector: Connector, way: str
) -> None:
    with CaptureQueriesContext(connection) as queries:
        if way == "alone":
            staff.post(f"{LIST}{connector.pk}/delete/", {"post": "yes"})
        else:
            chosen = {"action": "delete_selected", "_selected_action": [connector.pk]}
            staff.post(LIST, chosen | {"post": "yes"})
    assert not Connector.objects.exists()
    assert any("pg_notify" in each["sql"] for each in queries)
