"""Credentials of connectors: seen by nobody, and encrypted anew."""

import logging
import socket
from typing import Any

import pytest
from django.core import serializers
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algoport.accounts.services import create_user
from algoport.encryption import NotDecryptable, decrypt
from algoport.logs import LineFormatter
from dataportal.connectors.credentials import IamCredential, unseal
from dataportal.models import Connector
from tests.doubles.seaweed import Seaweed
from tests.factories.connector_api import (
    IAM,
    OTHERS,
    SAS,
    URL,
    change,
    create,
)

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("seaweed")]


def test_credentials_show_nowhere(
    api: APIClient,
    account: User,
    seaweed: Seaweed,
    local: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []

    def note(answer: Any) -> Any:
        shown.append(answer.content.decode() + str(answer.headers))
        return answer

    options = {"endpoint_url": seaweed.url, "addressing": "path"}
    note(create(api, options=options))
    note(create(api, options=options))
    for protocol, (cred_type, cred_data) in OTHERS.items():
        note(create(api, protocol=protocol, cred_type=cred_type, cred_data=cred_data))
    for wrong in (
        {"protocol": "gs"},
        {"cred_data": {"secret-canary-0001": "x"}},
        {"cred_data": IAM | {"x": "secret-canary-0001"}},
        {"cred_data": IAM["secret_access_key"]},
        {"cred_data": f'{{"a": "{IAM["secret_access_key"]}'},
        {"cred_data": IAM | {"access_key_id": "AKIDCANARY0001 \u00e9"}},
        {"options": {"secret-canary-0001": "x"}},
        {"options": {"region": "secret-canary-0001!"}},
        {"options": {"endpoint_url": "https://AKIDCANARY0001:secret-canary-0001@host"}},
        {"label": "secret-canary-0001 x"},
        {
            "protocol": "azureblob",
            "cred_type": "sas",
            "cred_data": SAS | {"storage_uri": f"{SAS['storage_uri']}?{SAS['sas_token']}"},
        },
    ):
        assert note(create(api, **{"label": "other"} | wrong)).status_code == 400
    note(api.get(URL))
    assert note(api.post(f"{URL}/s3+lab/test")).json()["ok"] is False
    assert note(api.get(f"{URL}/s3+lab/preview")).status_code == 403
    assert note(api.get(f"{URL}/s3+lab/buckets")).status_code == 403
    note(change(api, cred_type="iam", cred_data=IAM))
    note(change(api, cred_type="iam", cred_data=IAM | {"more": "secret-canary-0001"}))

    rows = list(Connector.objects.all())
    assert len(rows) == 4
    staff = Client()
    staff.force_login(create_user(username="root", email="root@example.com", staff=True))
    note(staff.get("/admin/dataportal/connector/"))
    for row in rows:
        note(staff.get(f"/admin/dataportal/connector/{row.pk}/change/"))
        credential = unseal(row.protocol, row.credential)
        shown += [repr(row), str(row), repr(vars(row)), repr(credential), str(credential)]
    shown.append(serializers.serialize("json", rows))
    shown += [LineFormatter().format(record) for record in caplog.records]
    with connection.cursor() as cursor:
        cursor.execute("SELECT connector::text FROM dataportal_connector connector")
        shown += [line for (line,) in cursor.fetchall()]
    assert any("s3+lab" in text for text in shown)
    for text in shown:
        for canary in (
            "secret-canary",
            "AKIDCANARY",
            "sas-canary",
            "key-id-canary",
            "key-canary",
            "token-canary",
            "refresh-canary",
        ):
            assert canary not in text


def test_credentials_outlive_a_change_of_keys(api: APIClient, settings: Settings) -> None:
    create(api)
    old, new = "1" * 32, "2" * 32
    settings.ENCRYPTION_KEYS = (old,)
    create(api, label="second")
    settings.ENCRYPTION_KEYS = (new, old)
    call_command("encrypt_again", verbosity=0)
    settings.ENCRYPTION_KEYS = (new,)
    settings.SECRET_KEY = "another" * 10
    revisions = []
    for row in Connector.objects.all():
        assert unseal("s3", row.credential) == IamCredential(**IAM)
        revisions.append(row.revision)
    # The credentials are the same: nobody has to open the storage again.
    assert revisions == [0, 0]


def test_one_secret_that_cannot_be_read_does_not_keep_the_others_back(
    api: APIClient, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    create(api)
    create(api, label="broken")
    Connector.objects.filter(label="broken").update(credential="gAAAAnonsense")
    settings.ENCRYPTION_KEYS = ("1" * 32,)
    with pytest.raises(CommandError, match="s3\\+broken of demo"):
        call_command("encrypt_again", verbosity=0)
    settings.SECRET_KEY = "another" * 10
    assert decrypt(Connector.objects.get(label="lab").credential)
    with pytest.raises(NotDecryptable):
        decrypt(Connector.objects.get(label="broken").credential)


def test_failure_of_a_storage_is_logged_without_what_it_came_from(
    api: APIClient, local: None, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    create(api, options={"endpoint_url": f"http://127.0.0.1:{closed}"})
    assert api.get(f"{URL}/s3+lab/preview").status_code == 502
    ours = "algoport.api.exception_handler"
    (entry,) = (each for each in caplog.records if each.name == ours)
    assert "it does not answer" in entry.getMessage() and entry.exc_info is None
