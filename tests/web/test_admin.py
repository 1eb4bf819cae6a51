"""Pages of the admin portal, without a platform around them."""

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import redis
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from redis.backoff import NoBackoff
from redis.retry import Retry

from algoport.accounts.authentication import principal_of_user
from algoport.accounts.models import User
from algoport.accounts.services import create_user
from algorithms.constants import ReservedVersion
from algorithms.models import (
    AlgorithmError,
    AsyncCall,
    CallRecord,
    Environment,
    Reservation,
    Version,
)
from algorithms.running import overview, registry
from algorithms.running.groups import Reserved
from algorithms.running.hosts import (
    WorkerHost,
    announce_worker,
    capacity_now,
    unannounce_worker,
)
from algorithms.running.overview import publish_pool
from algorithms.running.pool import RunnerPool
from algorithms.running.program import Loader, Program, loader_for
from algorithms.running.runner import GatewayRunner, LoadFailed
from dataportal.models import HostedUsage
from tests.factories.algorithms import make_algorithm, make_program, make_version

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("pools")]

PAGE = "/admin/runners/"
GATEWAYS = ("a", "b")


@pytest.fixture
def staff() -> Client:
    client = Client()
    client.force_login(create_user(username="root", email="root@example.com", staff=True))
    return client


@pytest.fixture
def version(demo: User, python_environment: Environment) -> Version:
    return make_version(make_algorithm(demo))


class Fails:
    """A starter without runners."""

    async def start(self, program: Program, loader: Loader) -> GatewayRunner:
        raise LoadFailed(1, "")

    async def stop(self, runner: GatewayRunner) -> None:
        raise AssertionError


def publish(gateway_id: str, *groups: tuple[uuid.UUID, User]) -> None:
    """As a gateway does whose pool has these groups, each with three runners reserved."""

    reserved = [
        Reserved(make_program(build_id=build_id), loader_for(principal_of_user(user)), 3)
        for build_id, user in groups
    ]

    async def tell() -> None:
        pool = RunnerPool(Fails())
        pool.reserve(reserved)
        valkey = registry.gateway_connection()
        await publish_pool(valkey, gateway_id, "web", pool)
        await valkey.aclose()

    asyncio.run(tell())


@pytest.fixture(autouse=True)
def no_pools(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # Longer than a first page takes on a busy machine.
    monkeypatch.setattr(overview, "KEPT_SECONDS", 120)
    yield
    forget_pools()


def forget_pools() -> None:
    registry.worker_connection().delete(*map(registry.pool_key, GATEWAYS))


def names_shown(staff: Client) -> set[str]:
    """The callers of the groups on the page."""
    page = staff.get(PAGE).content.decode()
    return set(re.findall(r"</td><td>([a-z]\w*)</td>", page))


def test_hosts_are_told_with_what_isolates_on_them(staff: Client) -> None:
    capacity = capacity_now("docker", 3, 5)
    worker = WorkerHost("w1", "east", "10.0.0.2:7000", "docker: engine 1", capacity)

    async def tell(act: Callable[..., Awaitable[None]], said: object) -> None:
        valkey = registry.gateway_connection()
        await act(valkey, said)
        await valkey.aclose()

    asyncio.run(tell(announce_worker, worker))
    page = staff.get(PAGE).content.decode()
    assert "east" in page and "docker: engine 1" in page and "10.0.0.2:7000" in page
    asyncio.run(tell(unannounce_worker, "w1"))
    assert "east" not in staff.get(PAGE).content.decode()


def test_runners_are_told_by_name(staff: Client, version: Version, make_user: Any) -> None:
    guest = make_user("guest")
    publish("a", (version.build_id, guest))
    answer = staff.get(PAGE)
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "demo/Hello" in page and version.build.commit_sha[:8] in page and "guest" in page
    assert "<td>3</td>" in page and "web process" in page
    assert "<script" not in page.split('id="content-main"')[1]
    gone = uuid.uuid4()
    publish("a", (gone, guest))
    page = staff.get(PAGE).content.decode()
    assert str(gone) in page and "demo/Hello" not in page


def test_two_queries_name_everything(
    staff: Client, version: Version, make_user: Callable[[str], User]
) -> None:
    first = (version.build_id, make_user("guest"))
    others = [
        (make_version(version.algorithm).build_id, make_user(f"user{number}"))
        for number in range(10)
    ]
    publish("a", first)
    # The first page notes where the session is used.
    assert names_shown(staff) == {"guest"}
    with CaptureQueriesContext(connection) as few:
        assert names_shown(staff) == {"guest"}
    # Gateways repeat what they tell.
    publish("a", first)
    publish("b", *others)
    with CaptureQueriesContext(connection) as many:
        assert names_shown(staff) == {"guest", *(user.username for _, user in others)}
    assert len(many) == len(few)


def test_a_gateway_that_says_nothing_is_not_shown(staff: Client, version: Version) -> None:
    publish("a", (version.build_id, version.algorithm.owner))
    ttl = registry.worker_connection().ttl(registry.pool_key("a"))
    assert isinstance(ttl, int) and 0 < ttl <= 120
    forget_pools()
    assert "No process has told of its runners" in staff.get(PAGE).content.decode()


def test_a_broker_that_is_down_is_told(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        nowhere = redis.Redis(unix_socket_path="/no", retry=Retry(NoBackoff(), 0))
        patch.setattr(registry, "worker_connection", lambda: nowhere)
        answer = staff.get(PAGE)
    assert answer.status_code == 503 and "broker does not answer" in answer.content.decode()


def test_only_staff_sees_runners(demo: User) -> None:
    client = Client()
    for _ in range(2):
        answer = client.get(PAGE)
        assert answer.status_code == 302 and "/admin/login/" in answer["Location"]
        client.force_login(demo)


def test_rows_are_shown_and_never_changed(staff: Client, version: Version, demo: User) -> None:
    now, algorithm = timezone.now(), version.algorithm
    record = CallRecord.objects.create(
        request_id=uuid.uuid4(),
        session_id=uuid.uuid4(),
        caller_id=demo.pk,
        algorithm_id=algorithm.pk,
        build_id=version.build_id,
        version="0.1.0",
        kind="sync",
        started_at=now,
        total_seconds=1,
        queue_seconds=0,
        start_seconds=0,
        load_seconds=0,
        run_seconds=1,
        status=200,
        bytes_in=1,
        bytes_out=1,
    )
    call = AsyncCall.objects.create(
        id=uuid.uuid4(),
        session_id=uuid.uuid4(),
        caller=demo,
        owner_name="demo",
        algorithm_name="Hello",
        algorithm_id=algorithm.pk,
        build_id=version.build_id,
        version="0.1.0",
        payload=b"payload-in",
        result=b'"payload-out"',
        error="payload-error",
        bytes_in=1,
        timeout=1,
        digest=b"payload-digest",
        idempotency_key="payload-key",
        not_before=now,
        accepted_at=now,
    )
    error = AlgorithmError.objects.create(
        id=uuid.uuid4(),
        request_id=uuid.uuid4(),
        algorithm_id=algorithm.pk,
        version="0.1.0",
        caller_id=demo.pk,
        created_at=now,
        message="bad input",
        error_type="InputError",
        worker="host",
    )
    reservation = Reservation.objects.create(
        algorithm=algorithm,
        caller=demo,
        version_type=ReservedVersion.LATEST_PUBLIC,
        num_slots=1,
    )
    for row in (record, call, error, reservation):
        base = f"/admin/algorithms/{row._meta.model_name}/"
        listed = staff.get(base)
        assert listed.status_code == 200, base
        one = staff.get(f"{base}{row.pk}/change/")
        assert one.status_code == 200 and b"payload" not in one.content, base
        assert b"payload" not in listed.content
        if row is not reservation:
            assert staff.get(f"{base}add/").status_code == 403
            assert staff.post(f"{base}{row.pk}/delete/", {"post": "yes"}).status_code == 403
        for query in ("nothing", str(row.pk)):
            assert staff.get(f"{base}?q={query}").status_code == 200, base
    assert b"Runners" in staff.get("/admin/").content


def test_limits_of_hosted_data_are_changed_and_its_sums_are_not(staff: Client, demo: User) -> None:
    page = staff.get("/admin/dataportal/hostedusage/add/").content.decode()
    assert "most bytes" in page.lower()
    said = {"owner": str(demo.pk), "byte_limit": "1000", "file_limit": "", "bytes": "7"}
    assert staff.post("/admin/dataportal/hostedusage/add/", said).status_code == 302
    row = HostedUsage.objects.get()
    assert (row.owner, row.bytes, row.byte_limit, row.file_limit) == (demo, 0, 1000, None)
    # Somebody puts a file while the form is open.
    HostedUsage.objects.update(bytes=5, files=1)
    change = f"/admin/dataportal/hostedusage/{demo.pk}/change/"
    assert staff.post(change, {"byte_limit": "", "file_limit": "0"}).status_code == 302
    row.refresh_from_db()
    assert (row.bytes, row.files, row.byte_limit, row.file_limit) == (5, 1, None, 0)
    assert "demo" in staff.get("/admin/dataportal/hostedusage/").content.decode()
