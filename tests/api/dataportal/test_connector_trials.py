"""Whether a connector works, and what its path restriction lets through."""

import socket
from collections.abc import Iterator

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from dataportal.connectors import asking
from tests.doubles.recorder import recording_storage
from tests.doubles.seaweed import Seaweed
from tests.factories.connector_api import IAM, URL, at_seaweed, change, create

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("seaweed")]


def test_good_connector_is_said_to_work(api: APIClient, seaweed: Seaweed, local: None) -> None:
    create(api, **at_seaweed(seaweed))
    tried = api.post(f"{URL}/s3+lab/test")
    assert (tried.status_code, tried.json()) == (200, {"ok": True})


def test_what_is_wrong_with_a_connector_is_told(
    api: APIClient, seaweed: Seaweed, settings: Settings
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    settings.CONNECTOR_HOSTS = frozenset({("127.0.0.1", None)})
    wrong = {"access_key_id": seaweed.access_key_id, "secret_access_key": "wrong"}
    cases = {
        "key": (at_seaweed(seaweed, cred_data=wrong), "SignatureDoesNotMatch"),
        "id": (at_seaweed(seaweed, cred_data=IAM), "InvalidAccessKeyId"),
        "bucket": (at_seaweed(seaweed, path="no-such-bucket/*"), "no no-such-bucket"),
        "closed": ({"options": {"endpoint_url": f"http://127.0.0.1:{closed}"}}, "not answer"),
    }
    for label, (changes, _) in cases.items():
        assert create(api, label=label, **changes).status_code == 200
    for label, (_, reason) in cases.items():
        told = api.post(f"{URL}/s3+{label}/test").json()
        assert told["ok"] is False and reason in told["reason"]
    # What was allowed once need not be any more.
    settings.CONNECTOR_HOSTS = frozenset()
    told = api.post(f"{URL}/s3+key/test").json()
    assert told["ok"] is False and "ALGOPORT_CONNECTOR_HOSTS" in told["reason"]


def test_credentials_that_cannot_be_read_are_told(
    api: APIClient, settings: Settings, local: None
) -> None:
    settings.ENCRYPTION_KEYS = ("1" * 32,)
    create(api)
    settings.ENCRYPTION_KEYS = ()
    told = api.post(f"{URL}/s3+lab/test").json()
    assert told["ok"] is False and "cred_data" in told["reason"]
    assert api.get(f"{URL}/s3+lab/preview").status_code == 409


@pytest.fixture
def silence() -> Iterator[str]:
    """The address of a server that takes connections, and says nothing until the test ends."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_storage_that_says_nothing_is_not_waited_for(
    api: APIClient, silence: str, local: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "ANSWER_SECONDS", 0.2)
    create(api, options={"endpoint_url": silence, "addressing": "path"})
    for _ in range(asking.MOST_OF_ONE_ACCOUNT):
        told = api.post(f"{URL}/s3+lab/test").json()
        assert told["ok"] is False and "does not answer" in told["reason"]
    # They go on until the storage's own limit, and there may not be ever more of them.
    full = api.post(f"{URL}/s3+lab/test")
    assert full.status_code == 429 and full["Retry-After"]


def test_question_that_is_answered_gives_its_place_back(api: APIClient, local: None) -> None:
    with recording_storage() as storage:
        create(api, options={"endpoint_url": storage.url, "addressing": "path"})
        for _ in range(3 * asking.MOST_AT_ONCE):
            assert api.post(f"{URL}/s3+lab/test").status_code == 200
    assert not asking._askers._asking


@pytest.fixture
def filled(api: APIClient, seaweed: Seaweed, local: None) -> str:
    """A bucket with 30 objects in logs/ and two elsewhere."""
    bucket = seaweed.new_bucket()
    for name in (*(f"logs/{n:02}.txt" for n in range(30)), "logs2/x.txt", "photos/a/b.jpg"):
        seaweed.put(bucket, name, b"data")
    create(api, **at_seaweed(seaweed))
    return bucket


def test_preview_shows_what_a_restriction_would_match(api: APIClient, filled: str) -> None:
    def preview(pattern: str) -> tuple[list[str], bool]:
        shown = api.get(f"{URL}/s3+lab/preview", {"path": pattern}).json()
        assert shown["path"] == pattern
        paths = [each["path"].removeprefix(f"{filled}/") for each in shown["files"]]
        return paths, shown["complete"]

    paths, complete = preview(f"{filled}/logs/")
    assert paths == [f"logs/{n:02}.txt" for n in range(20)] and not complete
    assert preview(f"{filled}/logs2*") == (["logs2/x.txt"], True)
    assert preview(f"{filled}/*.jpg") == (["photos/a/b.jpg"], True)
    assert preview(f"{filled}/logs/07.txt") == (["logs/07.txt"], True)
    assert preview(f"{filled[:-1]}*/b.jpg") == (["photos/a/b.jpg"], True)
    assert preview(f"{filled}/logs/0") == ([], True)
    assert preview(f"{filled}/none/*") == ([], True)
    assert preview("no-such-bucket/*") == ([], True)


def test_preview_without_a_pattern_is_of_the_connector(api: APIClient, filled: str) -> None:
    change(api, path=f"{filled}/photos/")
    shown = api.get(f"{URL}/s3+lab/preview").json()
    (file,) = shown["files"]
    assert (file["path"], file["size"]) == (f"{filled}/photos/a/b.jpg", 4)
    assert file["last_modified"]
    assert api.get(f"{URL}/s3+lab/preview", {"path": "a/../b"}).status_code == 400


def test_preview_of_what_refuses_says_so(api: APIClient, seaweed: Seaweed, local: None) -> None:
    create(api, **at_seaweed(seaweed, cred_data=IAM))
    refused = api.get(f"{URL}/s3+lab/preview")
    assert refused.status_code == 403
    assert "s3+lab" in refused.json()["message"] and "InvalidAccess" in refused.json()["message"]
