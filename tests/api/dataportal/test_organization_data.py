"""Collections and connectors of organizations: open to their members, and to nobody else."""

from collections.abc import Callable, Iterator

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from algoport.errors import NotAuthorized
from algoport.http.relay import PRINCIPAL
from algoport.http.tracing import SESSION, Session
from dataportal.api.data_plane import DataPlane
from dataportal.models import Collection, Connector
from orgs.models import Organization
from orgs.services import delete_organization, remove_member
from tests.asgi_client import Answer, call
from tests.doubles.recorder import Recorder, recording_storage
from tests.factories.accounts import principal_of_key
from tests.factories.connectors import make_connector
from tests.factories.dataportal import Caller, make_caller, make_file, make_run
from tests.factories.organizations import make_organization

RequestAs = Callable[..., Answer]

FILE = "/v1/data/makers/c/f"
OBJECT = "/v1/connector/s3+shared/b/k"


@pytest.fixture
def stranger(transactional_db: None) -> Caller:
    return make_caller("stranger")


@pytest.fixture
def makers(demo: Caller, guest: Caller) -> Organization:
    """demo owns it, guest is in it."""
    return make_organization("makers", demo.user, guest.user)


@pytest.fixture
def storage(settings: Settings) -> Iterator[Recorder]:
    settings.CONNECTOR_HOSTS = frozenset({("127.0.0.1", None)})
    with recording_storage() as recorder:
        yield recorder


def now(caller: Caller) -> Caller:
    """The caller as authentication finds them now."""
    key = caller.user.api_keys.filter(label="test").earliest("created_at")
    return Caller(caller.user, caller.secret, principal_of_key(key))


def share(demo: Caller, storage: Recorder) -> Connector:
    """A connector of makers, made by its owner."""
    makers = Organization.objects.get().account
    in_its_place = Caller(makers, "", now(demo).principal)
    return make_connector(in_its_place, "shared", endpoint=storage.url, writeable=True)


def test_members_read_and_write_its_collections(
    makers: Organization, demo: Caller, guest: Caller, stranger: Caller, request_as: RequestAs
) -> None:
    made = request_as(guest, "POST", "/v1/data/makers", body=b'{"name":"c"}')
    assert (made.status, made.json()["result"]) == (200, "data://makers/c")
    assert request_as(guest, "PUT", FILE, body=b"shared").status == 200
    for member in (demo, guest):
        assert request_as(member, "GET", FILE).body == b"shared"
        names = [
            each["name"] for each in request_as(member, "GET", "/v1/data/makers").json()["folders"]
        ]
        assert names == ["c"]
    for method in ("GET", "PUT", "DELETE", "HEAD"):
        assert request_as(stranger, method, FILE, body=b"x").status == 404
    assert request_as(stranger, "POST", "/v1/data/makers", body=b'{"name":"d"}').status == 403
    assert request_as(stranger, "GET", "/v1/data/makers").json()["folders"] == []
    assert request_as(demo, "DELETE", FILE).status == 200


def test_algorithms_that_a_member_runs_read_what_the_member_may(
    plane: DataPlane, makers: Organization, guest: Caller, stranger: Caller
) -> None:
    collection = Collection.objects.create(owner=makers.account, name="c", read_acl="private")
    make_file(collection, "f")
    for caller, status in ((guest, 200), (stranger, 404)):
        run = make_run(now(caller), stranger)
        scope = {SESSION: Session(), PRINCIPAL: run}
        assert call(plane, "GET", FILE, scope=scope).status == status


def test_open_to_its_algorithms_is_open_to_whoever_runs_them(
    plane: DataPlane, makers: Organization, stranger: Caller, request_as: RequestAs
) -> None:
    collection = Collection.objects.create(owner=makers.account, name="c")
    make_file(collection, "f")
    its_own = Caller(makers.account, "", stranger.principal)
    scope = {SESSION: Session(), PRINCIPAL: make_run(stranger, its_own)}
    assert call(plane, "GET", FILE, scope=scope).status == 200
    assert request_as(stranger, "GET", FILE).status == 404


def test_members_use_its_connectors(
    makers: Organization,
    demo: Caller,
    guest: Caller,
    stranger: Caller,
    request_as: RequestAs,
    storage: Recorder,
) -> None:
    share(demo, storage)
    for member in (demo, guest):
        storage.asked.clear()
        request_as(member, "GET", OBJECT)
        assert storage.asked
    storage.asked.clear()
    for method in ("GET", "PUT", "DELETE", "HEAD", "POST"):
        assert request_as(stranger, method, OBJECT, body=b"{}").status == 404
    assert storage.asked == []


def test_owners_manage_its_connectors_and_members_do_not(
    makers: Organization,
    demo: Caller,
    guest: Caller,
    stranger: Caller,
    storage: Recorder,
    api_of: Callable[..., APIClient],
) -> None:
    share(demo, storage)
    statuses = [
        api_of(caller.user).get("/v1/users/makers/connectors").status_code
        for caller in (demo, guest, stranger)
    ]
    assert statuses == [200, 403, 403]
    with pytest.raises(NotAuthorized):
        share(guest, storage)
    acl = "/v1/users/makers/connectors/s3+shared/buckets/bucket/acl"
    refused = api_of(guest.user).put(acl, {"acl": "public-read"}, format="json")
    assert (refused.status_code, storage.asked) == (403, [])
    api_of(demo.user).put(acl, {"acl": "public-read"}, format="json")
    assert storage.asked
    assert Connector.objects.get().owner == makers.account


def test_a_members_own_connector_comes_first(
    makers: Organization, demo: Caller, guest: Caller, request_as: RequestAs, storage: Recorder
) -> None:
    share(demo, storage)
    with recording_storage() as own:
        make_connector(now(guest), "shared", endpoint=own.url)
        request_as(guest, "GET", OBJECT)
        assert own.asked and not storage.asked
    # Without a label it is one's own default, never an organization's.
    Connector.objects.filter(owner=makers.account).update(is_default=True)
    assert request_as(guest, "GET", "/v1/connector/s3/b/k").status == 404


def test_whoever_leaves_reaches_nothing_any_more(
    makers: Organization, demo: Caller, guest: Caller, request_as: RequestAs, storage: Recorder
) -> None:
    share(demo, storage)
    Collection.objects.create(owner=makers.account, name="c", read_acl="private")
    assert request_as(guest, "GET", "/v1/data/makers/c").status == 200
    remove_member(organization=makers, username="guest")
    for target in ("/v1/data/makers/c", OBJECT):
        assert request_as(guest, "GET", target).status == 404
    assert storage.asked == []
    delete_organization(organization=makers)
    for target in ("/v1/data/makers/c", OBJECT):
        assert request_as(demo, "GET", target).status == 404
