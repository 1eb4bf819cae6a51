"""The data plane with accounts, and a client of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from algoport.accounts.api.browser_sessions import SessionAuthenticator
from algoport.accounts.callers import CallerAuthenticator
from algoport.accounts.models import User
from algoport.db.changes import ChangeListener
from algoport.http.tracing import SESSION, Session
from dataportal.api.data_plane import DataPlane
from tests.asgi_client import Answer, call
from tests.doubles.seaweed import Seaweed, running_seaweed
from tests.factories.dataportal import Caller, host_files_in, make_caller


@pytest.fixture
def hosted(settings: Settings, tmp_path: Path) -> Path:
    """The folder of the hosted storage, empty."""
    host_files_in(tmp_path, settings)
    settings.DATA_JOURNAL_FOLDER = tmp_path / "journal"
    return tmp_path / "hosted"


@pytest.fixture
def plane(transactional_db: None, hosted: Path) -> Iterator[DataPlane]:
    """The plane as composed, save that its keys are never cached: nobody listens for changes."""
    listener = ChangeListener()
    plane = DataPlane(SessionAuthenticator(CallerAuthenticator(listener)), listener)
    yield plane
    plane.close()


@pytest.fixture
def demo(transactional_db: None) -> Caller:
    return make_caller("demo")


@pytest.fixture
def guest(transactional_db: None) -> Caller:
    return make_caller("guest")


@pytest.fixture
def request_as(plane: DataPlane) -> Callable[..., Answer]:
    """`request_as(caller, method, target, ...)`; a caller of None sends no key."""

    def send(caller: Caller | None, method: str, target: str, **options: object) -> Answer:
        given = options.pop("headers", {})
        headers = (caller.headers if caller else {}) | given  # type: ignore[operator]
        scope = {SESSION: Session()}
        return call(plane, method, target, headers=headers, scope=scope, **options)  # type: ignore[arg-type]

    return send


@pytest.fixture(scope="session")
def seaweed() -> Iterator[Seaweed]:
    """An S3 server, started once for the tests of one group."""
    with running_seaweed() as server:
        yield server


@pytest.fixture
def account(make_user: Callable[[str], User]) -> User:
    return make_user("demo")


@pytest.fixture
def api(account: User, api_of: Callable[..., APIClient]) -> APIClient:
    return api_of(account)


@pytest.fixture
def local(settings: Settings) -> None:
    """Connectors may lead to this machine."""
    settings.CONNECTOR_HOSTS = frozenset({("127.0.0.1", None)})
