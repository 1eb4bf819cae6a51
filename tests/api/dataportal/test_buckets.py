"""Buckets of S3 connectors, by a real server."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.stub import Stubber
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algoport.accounts.permissions import Scopes
from algoport.http.addresses import OutgoingPolicy
from dataportal.connectors import asking
from dataportal.connectors.credentials import IamCredential
from dataportal.stores.s3 import S3Store
from tests.doubles.recorder import recording_storage
from tests.doubles.seaweed import Seaweed
from tests.factories.connector_api import OAUTH, URL, at_seaweed, change, create

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("seaweed")]

BUCKETS = f"{URL}/s3+lab/buckets"
RULE = {
    "allowed_methods": ["PUT", "POST", "DELETE"],
    "allowed_origins": ["https://www.example.com"],
    "allowed_headers": ["*"],
    "expose_headers": ["x-amz-server-side-encryption"],
    "max_age_seconds": 3000,
}


@pytest.fixture
def bucket(api: APIClient, seaweed: Seaweed, local: None) -> str:
    """With an object a/b.txt, and a connector that may do everything."""
    create(api, **at_seaweed(seaweed, writeable=True))
    name = seaweed.new_bucket()
    seaweed.put(name, "a/b.txt", b"data")
    return name


def put(api: APIClient, path: str, body: dict[str, Any]) -> Any:
    return api.put(f"{BUCKETS}/{path}", body, format="json")


def test_bucket_is_made_and_listed(api: APIClient, bucket: str, seaweed: Seaweed) -> None:
    made = api.post(BUCKETS, {"name": f"{bucket}-new"}, format="json")
    assert (made.status_code, made.json()) == (200, {"name": f"{bucket}-new", "location": ""})
    elsewhere = {"name": f"{bucket}-eu", "location": "EU"}
    assert api.post(BUCKETS, elsewhere, format="json").json() == elsewhere
    listed = {each["name"]: each["created_at"] for each in api.get(BUCKETS).json()["buckets"]}
    assert {bucket, f"{bucket}-new", f"{bucket}-eu"} <= set(listed) and all(listed.values())
    # As the account's own: it is there, which is what was asked for.
    assert api.post(BUCKETS, {"name": f"{bucket}-new"}, format="json").status_code == 200


@pytest.mark.parametrize("name", ["", "ab", "A_b", "a" * 64, "a/b", "arn:aws:s3:::bucket", "a..\n"])
def test_name_that_no_bucket_can_have(api: APIClient, bucket: str, name: str) -> None:
    refused = api.post(BUCKETS, {"name": name}, format="json")
    assert refused.status_code == 400 and refused.json()["code"] == 6001


@pytest.mark.parametrize("acl", ["private", "public-read", "public-read-write"])
def test_acl_of_a_bucket(api: APIClient, bucket: str, acl: str) -> None:
    assert api.get(f"{BUCKETS}/{bucket}/acl").json()["acl"] == "private"
    assert put(api, f"{bucket}/acl", {"acl": acl}).json() == {"acl": acl}
    shown = api.get(f"{BUCKETS}/{bucket}/acl").json()
    assert shown["acl"] == acl and shown["owner"]
    permissions = [(each["type"], each["permission"]) for each in shown["grants"]]
    assert permissions[0] == ("CanonicalUser", "FULL_CONTROL")
    others = {"private": [], "public-read": ["READ"], "public-read-write": ["READ", "WRITE"]}
    assert [name for kind, name in permissions if kind == "Group"] == others[acl]
    assert put(api, f"{bucket}/acl", {"acl": "everything"}).status_code == 400


def test_acl_of_an_object(api: APIClient, bucket: str) -> None:
    path = f"{bucket}/objects/acl?key=a/b.txt"
    assert api.get(f"{BUCKETS}/{path}").json()["acl"] == "private"
    assert put(api, path, {"acl": "public-read"}).status_code == 200
    assert api.get(f"{BUCKETS}/{path}").json()["acl"] == "public-read"
    put(api, path, {"acl": "private"})
    assert api.get(f"{BUCKETS}/{path}").json()["acl"] == "private"


def test_cors_rules_are_set_read_and_removed(api: APIClient, bucket: str) -> None:
    place = f"{BUCKETS}/{bucket}/cors"
    assert api.get(place).json() == {"rules": []}
    short = {"allowed_methods": ["GET"], "allowed_origins": ["*"], "max_age_seconds": 1}
    rules = [RULE, short | {"allowed_headers": [], "expose_headers": []}]
    assert put(api, f"{bucket}/cors", {"rules": [RULE, short]}).json() == {"rules": rules}
    assert api.get(place).json() == {"rules": rules}
    assert api.delete(place).status_code == 204
    assert api.get(place).json() == {"rules": []}


@pytest.mark.parametrize(
    "rules",
    [
        [],
        "all",
        [RULE | {"allowed_methods": ["PATCH"]}],
        [RULE | {"allowed_methods": []}],
        [RULE | {"allowed_origins": []}],
        [RULE | {"max_age_seconds": -1}],
        [RULE] * 101,
    ],
)
def test_rules_that_mean_nothing_are_refused(api: APIClient, bucket: str, rules: Any) -> None:
    assert put(api, f"{bucket}/cors", {"rules": rules}).status_code == 400
    assert api.get(f"{BUCKETS}/{bucket}/cors").json() == {"rules": []}


def test_what_is_not_there_is_not_found(api: APIClient, bucket: str) -> None:
    for path in ("no-such-bucket/acl", "no-such-bucket/cors", f"{bucket}/objects/acl?key=none"):
        missing = api.get(f"{BUCKETS}/{path}")
        assert (missing.status_code, missing.json()["code"]) == (404, 6001)


@pytest.mark.parametrize("key", ["", "a//b", "../b", "a/./b", "a\\b", "a\x00b", "/a", "a%2f..%2fb"])
def test_key_that_no_object_can_have(api: APIClient, bucket: str, key: str) -> None:
    assert api.get(f"{BUCKETS}/{bucket}/objects/acl", {"key": key}).status_code == 400


def calls(api: APIClient, bucket: str) -> dict[str, Callable[[], Any]]:
    """Every call there is, those that change something last."""
    acl, cors = f"{bucket}/acl", f"{bucket}/cors"
    object_acl = f"{bucket}/objects/acl?key=a/b.txt"
    return {
        "list": lambda: api.get(BUCKETS),
        "acl": lambda: api.get(f"{BUCKETS}/{acl}"),
        "cors": lambda: api.get(f"{BUCKETS}/{cors}"),
        "object acl": lambda: api.get(f"{BUCKETS}/{object_acl}"),
        "create": lambda: api.post(BUCKETS, {"name": bucket}, format="json"),
        "set acl": lambda: put(api, acl, {"acl": "private"}),
        "set cors": lambda: put(api, cors, {"rules": [RULE]}),
        "delete cors": lambda: api.delete(f"{BUCKETS}/{cors}"),
        "set object acl": lambda: put(api, object_acl, {"acl": "private"}),
    }


READING = frozenset({"list", "acl", "cors", "object acl"})


def allowed(api: APIClient, bucket: str) -> set[str]:
    """The calls that succeed; the others have to be refused, by us."""
    done = set()
    for name, call in calls(api, bucket).items():
        answer = call()
        if answer.status_code == 403 and answer.json()["code"] == 2001:
            continue
        # Of a bucket that is there and was changed since, this server says that the name is taken.
        assert answer.status_code in (200, 204) or name == "create", answer.content
        done.add(name)
    return done


def test_changing_needs_write_access(api: APIClient, bucket: str) -> None:
    assert allowed(api, bucket) == set(calls(api, bucket))
    change(api, writeable=False)
    assert allowed(api, bucket) == READING
    told = put(api, f"{bucket}/acl", {"acl": "public-read"}).json()["message"]
    assert "read only" in told


def test_bucket_has_to_be_inside_the_restriction_as_a_whole(api: APIClient, bucket: str) -> None:
    everything = set(calls(api, bucket))
    for path, done in (
        (f"{bucket}/", everything),
        (f"{bucket}*", everything),
        (f"{bucket}/*", everything),
        (f"{bucket}/a/*", {"list", "object acl", "set object acl"}),
        (f"{bucket}/*.txt", {"list", "object acl", "set object acl"}),
        (f"{bucket}/a/b.txt", {"list", "object acl", "set object acl"}),
        (f"{bucket}/other/*", {"list"}),
        (f"{bucket}", {"list"}),
        ("elsewhere/*", {"list"}),
    ):
        change(api, path=path)
        assert allowed(api, bucket) == done, path


def test_buckets_outside_the_restriction_are_not_listed(
    api: APIClient, bucket: str, seaweed: Seaweed
) -> None:
    seaweed.new_bucket()
    for path in (f"{bucket}/*", f"{bucket}/a/b.txt"):
        change(api, path=path)
        assert [each["name"] for each in api.get(BUCKETS).json()["buckets"]] == [bucket]
    change(api, path="elsewhere/*")
    assert api.get(BUCKETS).json() == {"buckets": []}


def test_keys_do_what_their_scopes_say(
    api: APIClient, bucket: str, account: User, api_of: Callable[..., APIClient]
) -> None:
    data = {"algo_acl": ("algo://*",), "native_calls": True}
    everything = set(calls(api, bucket))
    assert allowed(api_of(account, Scopes(**data)), bucket) == set()
    assert allowed(api_of(account, Scopes(**data, data_read=True)), bucket) == READING
    writing = Scopes(**data, data_read=True, data_write=True)
    assert allowed(api_of(account, writing), bucket) == everything


def test_connectors_of_others_do_not_exist(
    api: APIClient, bucket: str, make_user: Callable[[str], User], api_of: Callable[..., APIClient]
) -> None:
    for client, status in ((APIClient(), 401), (api_of(make_user("guest")), 404)):
        for name, call in calls(client, bucket).items():
            assert call().status_code == status, name


def test_other_storages_have_no_buckets(api: APIClient) -> None:
    create(api, protocol="dropbox", cred_type="oauth", cred_data=OAUTH, writeable=True)
    refused = api.get(f"{URL}/dropbox+lab/buckets")
    assert (refused.status_code, refused.json()["code"]) == (400, 6001)
    assert "dropbox+lab" in refused.json()["message"]


def test_refused_calls_never_reach_the_storage(api: APIClient, local: None) -> None:
    with recording_storage() as storage:
        options = {"endpoint_url": storage.url, "addressing": "path"}
        create(api, options=options, path="inside/*", writeable=True)
        for name, call in calls(api, "outside").items():
            if name != "list":
                assert call().status_code == 403, name
        change(api, path="outside/*", writeable=False)
        for name, call in calls(api, "outside").items():
            if name not in READING:
                assert call().status_code == 403, name
        assert storage.asked == []


def test_bucket_of_another_region_is_asked_for_where_all_are_made(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def open_store(protocol: str, credential: IamCredential, options: Mapping[str, str]) -> S3Store:
        store = S3Store(credential, options, OutgoingPolicy())
        stubber = Stubber(store.client)
        stubber.add_response("create_bucket", {})
        stubber.activate()
        opened.append(store.client.meta.region_name)
        return store

    monkeypatch.setattr(asking, "open_store", open_store)
    elsewhere = {"name": "bucket", "location": "us-west-2"}
    create(api, writeable=True, options={"region": "eu-west-1"})
    assert api.post(BUCKETS, {"name": "bucket"}, format="json").status_code == 200
    assert api.post(BUCKETS, elsewhere, format="json").status_code == 200
    # Another server than Amazon's has one region: its own.
    options = {"region": "eu-west-1", "endpoint_url": "https://storage.example"}
    create(api, label="other", writeable=True, options=options)
    assert api.post(f"{URL}/s3+other/buckets", elsewhere, format="json").status_code == 200
    assert opened == ["eu-west-1", "us-east-1", "eu-west-1"]
