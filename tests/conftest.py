"""Fixtures that every kind of test may use."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, connections
from django.db.models.signals import post_migrate
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algoport.accounts.permissions import EVERYTHING, Scopes
from algoport.accounts.services import create_key, create_user
from algoport.audit.actors import set_actor
from algoport.audit.constants import GENESIS
from algoport.audit.models import AuditHead
from algoport.http.tracing import current_trace
from algorithms.models import Environment
from tests.acceptance.platform import Platform, running_platform
from tests.doubles.seaweed import Seaweed, running_seaweed
from tests.factories.scm import make_internal_scm


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-golden", action="store_true", help="write expected answers instead of checking"
    )


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any) -> Iterator[None]:
    """A database of this worker's own, copied from the migrated template."""
    name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'only')}"
    template = connection.settings_dict["NAME"]
    with django_db_blocker.unblock():
        connections.close_all()
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name}")
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        connection.settings_dict["NAME"] = name
        _let_the_audit_trail_be_emptied()
    yield


def _let_the_audit_trail_be_emptied() -> None:
    """Tests with real transactions empty all tables when they end; the trail begins anew then."""
    with connection.cursor() as cursor:
        for table, trigger in (
            ("audit_auditentry", "entries_are_not_emptied"),
            ("audit_audithead", "head_is_not_emptied"),
        ):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
    post_migrate.connect(_begin_audit_trail, sender=apps.get_app_config("audit"))


def _begin_audit_trail(**kwargs: object) -> None:
    AuditHead.objects.get_or_create(defaults={"number": 0, "hash": GENESIS})


@pytest.fixture(autouse=True)
def nobody_acts() -> Iterator[None]:
    """Who acted, and in which request, in the test before is forgotten."""
    set_actor(None)
    current_trace.set(None)
    yield


@pytest.fixture(autouse=True)
def empty_query_log() -> None:
    """Nothing is captured any more when Django's log is full, which whoever captures much fills."""
    connection.queries_log.clear()


@pytest.fixture(scope="session")
def live() -> Iterator[Platform]:
    """A whole platform, started once for the tests that share it; its connectors may lead here."""
    with running_platform(ALGOPORT_CONNECTOR_HOSTS="127.0.0.1") as platform:
        yield platform


@pytest.fixture(scope="session")
def s3() -> Iterator[Seaweed]:
    """An S3 server with the bucket `algorithmia`, for the tests that connect it to `live`."""
    with running_seaweed() as server:
        server.client.create_bucket(Bucket="algorithmia")
        yield server


@pytest.fixture
def python_environment(db: None) -> Environment:
    """What the migrations made for algorithms; tests with real transactions empty the tables."""
    make_internal_scm()
    environment, _ = Environment.objects.get_or_create(
        name="python311",
        defaults={
            "id": "6b1d3a5e-5d0c-4c5e-9a53-7f1f3f6f7a11",
            "display_name": "Python 3.11",
            "language": "python3-1",
            "recipe": "python3",
        },
    )
    return environment


@pytest.fixture
def make_user(db: None) -> Callable[[str], User]:
    def make(name: str) -> User:
        return create_user(username=name, email=f"{name}@example.com", password="a pass phrase")

    return make


@pytest.fixture
def api_of(db: None) -> Callable[..., APIClient]:
    """A client that sends a new key of the user."""

    def make(user: User, scopes: Scopes = EVERYTHING) -> APIClient:
        secret = create_key(owner=user, label="test", scopes=scopes).secret
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Simple {secret}")
        return client

    return make


@pytest.fixture
def demo(make_user: Callable[[str], User]) -> User:
    return make_user("demo")


@pytest.fixture
def api(demo: User, api_of: Callable[..., APIClient], python_environment: Environment) -> APIClient:
    """demo, with a key that may do everything."""
    return api_of(demo)
