"""The first page of the portal."""

import re
import time

import pytest
import redis
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from redis.backoff import NoBackoff
from redis.retry import Retry

from algoport.accounts.models import User
from algorithms.constants import BuildState
from algorithms.models import Environment, Version
from algorithms.running import registry
from algorithms.running.overview import tell_beat
from dataportal.models import HostedUsage
from tests.factories.algorithms import make_algorithm, make_build, make_version
from tests.web.test_portal_lists import fill, make_record

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("pools")]

FIGURES = "/admin/figures/"


@pytest.fixture
def version(demo: User, python_environment: Environment) -> Version:
    return make_version(make_algorithm(demo))


def figures(portal: Client) -> dict[str, list[str]]:
    """The numbers by what stands before them."""
    page = portal.get(FIGURES).content.decode()
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"<dt>([^<]*)</dt><dd>(.*?)</dd>", page):
        found.setdefault(name, []).append(re.sub(r"<[^>]*>", "", value).replace("\xa0", " "))
    return found


def test_it_tells_how_the_platform_is(portal: Client, version: Version, demo: User) -> None:
    make_record(version, demo)
    make_record(version, demo, error_type="InputError")
    make_record(version, demo, status=503)
    make_build(version.algorithm, BuildState.FAILED)
    make_build(version.algorithm, BuildState.IN_PROGRESS)
    HostedUsage.objects.create(owner=demo, bytes=2048, files=7)
    tell_beat()
    told = figures(portal)
    assert told["Last hour"] == told["Last day"] == ["3"]
    assert told["of them failed"] == ["2", "2"]
    assert told["In progress"] == ["1"] and told["Failed, last day"] == ["1"]
    assert told["Bytes"] == ["2.0 KB"] and told["Files"] == ["7"]
    assert told["Beat"] == ["0 s ago"]
    assert told["Runners reserved"] == ["0 of 48"]


def test_a_beat_that_is_late_is_marked(portal: Client) -> None:
    registry.worker_connection().set(registry.BEAT_KEY, time.time() - 100)
    page = portal.get(FIGURES).content.decode()
    assert '<div class="look"><dt>Beat</dt><dd>100 s ago' in page
    registry.worker_connection().delete(registry.BEAT_KEY)
    assert '<div class="look"><dt>Beat</dt><dd>not heard' in portal.get(FIGURES).content.decode()


def test_a_broker_that_is_down_is_told_beside_what_is_known(
    portal: Client, version: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_record(version, version.algorithm.owner)
    nowhere = redis.Redis(unix_socket_path="/no", retry=Retry(NoBackoff(), 0))
    with monkeypatch.context() as patch:
        patch.setattr(registry, "worker_connection", lambda: nowhere)
        answer = portal.get("/admin/")
        told = figures(portal)
    page = answer.content.decode()
    assert answer.status_code == 200 and "broker (Valkey) does not answer" in page
    assert told["Last hour"] == ["1"] and "Busy" not in told


def test_it_takes_as_many_queries_for_ten_thousand_calls(portal: Client, version: Version) -> None:
    # The first page notes where the session is used.
    assert portal.get("/admin/").status_code == 200
    with CaptureQueriesContext(connection) as few:
        assert portal.get("/admin/").status_code == 200
    fill(version, 10_000)
    with CaptureQueriesContext(connection) as many:
        assert portal.get("/admin/").status_code == 200
    assert len(many) == len(few) < 14


def test_the_page_fetches_its_figures_again_without_inline_scripts(portal: Client) -> None:
    page = portal.get("/admin/").content.decode()
    assert f'hx-get="{FIGURES}"' in page and "htmx-2.0.11.min.js" in page
    assert '"allowEval": false' in page
    fragment = portal.get(FIGURES).content.decode()
    assert "<html" not in fragment and "Runners" in fragment
