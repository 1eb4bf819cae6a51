"""Connectors of an account: made, changed and deleted by their owner."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from algoport.accounts.constants import KeyType
from algoport.accounts.models import User
from algoport.accounts.permissions import EVERYTHING, Run, Scopes
from algoport.accounts.services import create_key, create_user
from algoport.errors import NotAuthorized
from dataportal.connectors.credentials import IamCredential, unseal
from dataportal.connectors.services import update_connector
from dataportal.constants import MOST_CONNECTORS
from dataportal.models import Connector
from tests.factories.connector_api import BODY, IAM, OAUTH, OTHERS, SAS, URL, change, create
from tests.factories.dataportal import make_caller, make_run

pytestmark = pytest.mark.django_db


def test_answer_to_a_creation_is_the_one_of_the_protocol(api: APIClient) -> None:
    made = create(api)
    assert made.status_code == 200
    assert made.json() == {
        "connector_id": "s3+lab",
        "username": "demo",
        "label": "lab",
        "protocol": "s3",
        "is_default": False,
        "permissions": ["read"],
    }
    assert create(api, label="rw", writeable=True).json()["permissions"] == [
        "read",
        "write",
    ]


def test_connector_is_listed_and_shown_with_what_may_be_seen(api: APIClient) -> None:
    options = {"region": "eu-west-1", "kms_key_id": "alias/demo"}
    create(
        api,
        path="bucket/*",
        options=options,
        cred_data='{"access_key_id":"a", "secret_access_key":"b"}',
    )
    shown = api.get(f"{URL}/s3+lab").json()
    assert shown.pop("created_at")
    assert shown == {
        "connector_id": "s3+lab",
        "username": "demo",
        "label": "lab",
        "protocol": "s3",
        "is_default": False,
        "permissions": ["read"],
        "path": "bucket/*",
        "writeable": False,
        "options": options,
        "cred_type": "iam",
    }
    listed = api.get(URL).json()["connectors"]
    assert [each["connector_id"] for each in listed] == ["s3+lab"]
    assert api.get("/v1/users/.my/connectors").json()["connectors"] == listed
    assert api.get(f"{URL}/S3+LAB").json()["connector_id"] == "s3+lab"


@pytest.mark.parametrize("protocol", OTHERS)
def test_every_protocol_has_its_credentials(api: APIClient, protocol: str) -> None:
    cred_type, cred_data = OTHERS[protocol]
    made = create(api, protocol=protocol, cred_type=cred_type, cred_data=cred_data)
    assert made.status_code == 200 and made.json()["connector_id"] == f"{protocol}+lab"
    for name in cred_data.keys() - {"refresh_token"}:
        lacking = {key: value for key, value in cred_data.items() if key != name}
        answer = create(api, protocol=protocol, cred_type=cred_type, cred_data=lacking)
        assert answer.status_code == 400 and name in answer.json()["message"]
    assert create(api, protocol=protocol, label="b").status_code == 400


def test_label_that_nobody_chose_is_made(api: APIClient) -> None:
    labels = {create(api, label="").json()["label"] for _ in range(20)}
    assert len(labels) == 20


def test_label_is_unique_without_case(api: APIClient) -> None:
    create(api)
    again = create(api, label="LAB")
    assert (again.status_code, again.json()["code"]) == (409, 6001)
    assert create(api, protocol="dropbox", cred_type="oauth", cred_data=OAUTH).status_code == 200
    create(api, label="other")
    assert change(api, label="Other").status_code == 409
    assert change(api, label="LAB").json()["connector_id"] == "s3+LAB"


def test_default_is_the_last_that_was_made_it(api: APIClient) -> None:
    create(api)
    assert api.get(f"{URL}/s3").status_code == 404
    create(api, label="first", is_default=True)
    assert api.get(f"{URL}/s3").json()["label"] == "first"
    create(api, label="second", is_default=True)
    assert api.get(f"{URL}/s3").json()["label"] == "second"
    assert change(api, is_default=True).json()["is_default"] is True
    assert Connector.objects.filter(is_default=True).count() == 1
    assert change(api, is_default=False).status_code == 200
    assert api.get(f"{URL}/s3").status_code == 404


def test_change_says_only_what_it_changes(api: APIClient) -> None:
    create(api, path="bucket/*", options={"region": "eu-west-1"})
    before = Connector.objects.get()
    shown = change(api, writeable=True).json()
    assert (shown["writeable"], shown["path"]) == (True, "bucket/*")
    shown = change(api, path="/bucket/b*", options={}).json()
    assert (shown["writeable"], shown["path"], shown["options"]) == (True, "bucket/b*", {})
    after = Connector.objects.get()
    assert after.credential == before.credential
    # Who has opened the storage has to see that it changed.
    assert after.revision == before.revision + 2


def test_credentials_are_replaced_as_a_whole(api: APIClient) -> None:
    create(api)
    new = {"access_key_id": "other", "secret_access_key": "others"}
    assert change(api, cred_type="iam", cred_data=new).status_code == 200
    row = Connector.objects.get()
    assert unseal("s3", row.credential) == IamCredential("other", "others")
    assert row.revision == 1
    for lacking in (
        {"cred_type": "iam"},
        {"cred_data": new},
        {"cred_type": "iam", "cred_data": {"access_key_id": "other"}},
    ):
        assert change(api, **lacking).status_code == 400
    assert Connector.objects.get().credential == row.credential


def test_stored_credentials_go_to_no_other_endpoint(api: APIClient) -> None:
    create(api)
    there = {"endpoint_url": "https://elsewhere.example"}
    refused = change(api, options=there)
    assert refused.status_code == 400 and "cred_data" in refused.json()["message"]
    assert Connector.objects.get().options == {}
    assert change(api, options=there, cred_type="iam", cred_data=IAM).status_code == 200
    same = {"endpoint_url": "HTTPS://Elsewhere.example:443/", "region": "eu-west-1"}
    assert change(api, options=same).json()["options"] == there | {"region": "eu-west-1"}
    assert change(api, options={}).status_code == 400


def test_deleted_connector_is_gone(api: APIClient) -> None:
    create(api)
    assert api.delete(f"{URL}/s3+lab").status_code == 204
    again = api.delete(f"{URL}/s3+lab")
    assert (again.status_code, again.json()["code"]) == (404, 6001)
    assert api.get(URL).json() == {"connectors": []}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"protocol": "ftp"}, "azureblob"),
        ({"protocol": None}, "protocol"),
        ({"cred_type": "oauth"}, "iam"),
        ({"cred_data": "{"}, "JSON"),
        ({"cred_data": []}, "object"),
        ({"cred_data": IAM | {"session_token": "x"}}, "session_token"),
        ({"cred_data": IAM | {"access_key_id": "a b"}}, "access_key_id"),
        ({"cred_data": IAM | {"access_key_id": "\u00e9"}}, "access_key_id"),
        ({"cred_data": IAM | {"secret_access_key": 5}}, "secret_access_key"),
        ({"cred_data": IAM | {"secret_access_key": "x" * 9000}}, "secret_access_key"),
        ({"label": "a b"}, "label"),
        ({"label": "x" * 61}, "label"),
        ({"label": "a\x00"}, ""),
        ({"path": "a/../b"}, ".."),
        ({"path": "a//b"}, "empty"),
        ({"path": "/"}, "*"),
        ({"path": "x" * 2000}, "1024"),
        ({"path": 5.5}, "path"),
        ({"writeable": "perhaps"}, "writeable"),
        ({"options": {"colour": "red"}}, "endpoint_url"),
        ({"options": {"region": "US East"}}, "region"),
        ({"options": {"region": 7}}, "region"),
        ({"options": {"addressing": "any"}}, "virtual"),
        ({"options": "region"}, "options"),
        ({"username": "guest", "label": "x"}, "username"),
    ],
)
def test_what_cannot_be_a_connector_is_refused(
    api: APIClient, changes: dict[str, Any], told: str
) -> None:
    refused = create(api, **changes)
    assert refused.status_code == 400
    assert told in refused.json()["message"]
    assert refused.json()["code"] == (3007 if "username" in changes else 6001)
    assert not Connector.objects.exists()


@pytest.mark.parametrize(
    "endpoint",
    [
        *("http://127.0.0.1:9000", "http://localhost:9000", "http://[::1]", "http://127.1"),
        *("http://2130706433", "http://0x7f.0.0.1", "https://10.1.2.3", "http://192.168.0.1"),
        *("http://169.254.169.254/latest/meta-data", "http://[fd00:ec2::254]", "http://0"),
        *("http://[::ffff:10.0.0.1]", "http://[64:ff9b::a00:1]", "http://localhost./"),
        *("ftp://storage.example", "//storage.example", "https://a:b@storage.example"),
        *("https://storage.example/?x=1", "https://storage.example\\@10.0.0.1", "https://"),
        *("https://sto_rage.example", "https://storage.example:0", "https://stor age.example"),
    ],
)
def test_endpoint_that_connectors_may_not_lead_to_is_refused(api: APIClient, endpoint: str) -> None:
    refused = create(api, options={"endpoint_url": endpoint})
    assert (refused.status_code, refused.json()["code"]) == (400, 6001)
    sas = SAS | {"storage_uri": endpoint}
    assert create(api, protocol="azureblob", cred_type="sas", cred_data=sas).status_code == 400
    assert not Connector.objects.exists()


def test_account_has_so_many_connectors(api: APIClient, account: User) -> None:
    Connector.objects.bulk_create(
        Connector(owner=account, protocol="s3", label=f"l{n}", credential="x")
        for n in range(MOST_CONNECTORS)
    )
    full = create(api)
    assert full.status_code == 409 and str(MOST_CONNECTORS) in full.json()["message"]


READERS = Scopes(("algo://*",), management=True, native_calls=True, data_read=True)
NO_MANAGEMENT = Scopes(("algo://*",), native_calls=True, data_read=True, data_write=True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("get", ""), ("post", ""), ("get", "/s3+lab"), ("patch", "/s3+lab")),
        *(("delete", "/s3+lab"), ("post", "/s3+lab/test"), ("get", "/s3+lab/preview")),
    ],
)
def test_connectors_are_their_owners_to_manage(
    api: APIClient,
    account: User,
    make_user: Callable[[str], User],
    api_of: Callable[..., APIClient],
    method: str,
    path: str,
) -> None:
    create(api)
    body = BODY | {"label": "mine"} if (method, path) == ("post", "") else {}
    guest = make_user("guest")
    staff = create_user(username="root", email="root@example.com", staff=True)
    administrator = APIClient()
    key = create_key(owner=staff, label="admin", scopes=EVERYTHING, key_type=KeyType.ADMIN).secret
    administrator.credentials(HTTP_AUTHORIZATION=f"Simple {key}")
    for client, status in (
        (APIClient(), 401),
        (api_of(guest), 403),
        (administrator, 403),
        (api_of(account, READERS), 403),
        (api_of(account, NO_MANAGEMENT), 403),
    ):
        answer = getattr(client, method)(f"{URL}{path}", body, format="json")
        assert answer.status_code == status
    strange = api_of(guest)
    body = body and body | {"username": "nobody"}
    nobody = getattr(strange, method)(f"/v1/users/nobody/connectors{path}", body, format="json")
    assert (nobody.status_code, nobody.json()["code"]) == (404, 3000)
    assert Connector.objects.get().label == "lab"


def test_code_of_an_algorithm_does_not_manage_connectors() -> None:
    caller, author = make_caller("demo"), make_caller("guest")
    run = make_run(caller, author)
    assert isinstance(run.run, Run)
    with pytest.raises(NotAuthorized, match="algorithm's code"):
        update_connector(principal=run, owner="demo", connector_id="s3+lab", changes={})


@pytest.mark.parametrize("named", ["s3+none", "s3+", "s3", "ftp+lab", "data", "s3+%00", "lab"])
def test_connector_that_is_not_there_is_not_found(api: APIClient, named: str) -> None:
    create(api)
    missing = api.get(f"{URL}/{named}")
    assert (missing.status_code, missing.json()["code"]) == (404, 6001)


def test_changes_at_the_same_time_leave_one_default(
    transactional_db: None, make_user: Callable[[str], User], api_of: Callable[..., APIClient]
) -> None:
    account = make_user("demo")
    clients = [api_of(account) for _ in range(4)]
    codes: list[int] = []

    def work(number: int) -> None:
        try:
            made = create(clients[number], label=f"l{number}", is_default=True)
            codes.append(made.status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [200] * 4
    assert Connector.objects.filter(is_default=True).count() == 1
