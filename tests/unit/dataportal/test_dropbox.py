"""What only Dropbox has: tokens that end, and a double that Dropbox's own SDK can talk to."""

import contextlib
from collections.abc import Iterator
from typing import Any

import dropbox
import pytest
from dropbox.exceptions import ApiError
from dropbox.files import CommitInfo, FolderMetadata, UploadSessionCursor, WriteMode
from urllib3.connection import HTTPConnection

from algoport.http.addresses import OutgoingPolicy
from dataportal.connectors.credentials import OAuthCredential
from dataportal.stores.base import NotFound, Refused
from dataportal.stores.dropbox import DropboxStore
from tests.doubles.dropbox import APP_KEY, APP_SECRET, DropboxDouble


@pytest.fixture
def double() -> Iterator[DropboxDouble]:
    with DropboxDouble() as running:
        yield running


def open_store(double: DropboxDouble, refresh_token: str) -> DropboxStore:
    host = ("127.0.0.1", int(double.address.rpartition(":")[2]))
    credential = OAuthCredential(double.token, refresh_token)
    return DropboxStore(credential, {}, OutgoingPolicy(frozenset({host})), address=double.address)


def test_a_token_that_has_ended_is_renewed(double: DropboxDouble, settings: Any) -> None:
    settings.DROPBOX_APP_KEY, settings.DROPBOX_APP_SECRET = APP_KEY, APP_SECRET
    with contextlib.closing(open_store(double, double.refresh_token)) as store:
        store.make_directory("a")
        double.expire()
        assert store.list_page("").folders == ["a"]
        double.expire()
        with store.write("b", "text/plain", {}) as upload:
            upload.write(b"data")
            upload.finish()
        assert [each.name for each in store.list_page("").files] == ["b"]


def test_a_refresh_token_that_is_wrong(double: DropboxDouble, settings: Any) -> None:
    settings.DROPBOX_APP_KEY, settings.DROPBOX_APP_SECRET = APP_KEY, APP_SECRET
    with contextlib.closing(open_store(double, "another")) as store:
        double.expire()
        with pytest.raises(Refused, match="refresh token is not valid"):
            store.list_page("")


def test_without_the_key_of_an_app_tokens_are_not_renewed(double: DropboxDouble) -> None:
    with contextlib.closing(open_store(double, double.refresh_token)) as store:
        double.expire()
        with pytest.raises(Refused, match="ALGOPORT_DROPBOX_APP_KEY"):
            store.list_page("")


def test_without_a_refresh_token_the_end_is_told(double: DropboxDouble) -> None:
    with contextlib.closing(open_store(double, "")) as store:
        double.expire()
        with pytest.raises(Refused, match="expired_access_token"):
            store.list_page("")


class _Client(dropbox.Dropbox):
    """Dropbox's own SDK, which checks every answer by the description of the API."""

    address = ""

    def _get_route_url(self, hostname: str, route_name: str) -> str:
        return f"{self.address}/2/{route_name}"


def test_the_double_answers_as_dropbox_does(
    double: DropboxDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Client, "address", double.address)
    session = dropbox.create_session()
    session.trust_env = False
    with _Client(double.token, session=session, max_retries_on_error=0) as client:
        client.files_upload(b"one", "/Folder/ä.txt", mode=WriteMode.overwrite)
        begun = client.files_upload_session_start(b"12")
        cursor = UploadSessionCursor(begun.session_id, 2)
        client.files_upload_session_append_v2(b"34", cursor)
        cursor = UploadSessionCursor(begun.session_id, 4)
        commit = CommitInfo("/Folder/two", mode=WriteMode.overwrite)
        done = client.files_upload_session_finish(b"56", cursor, commit)
        assert (done.name, done.size) == ("two", 6)
        found, answer = client.files_download("/folder/TWO", extra_headers={"Range": "bytes=1-2"})
        assert (found.rev, answer.status_code, answer.content) == (done.rev, 206, b"23")
        assert client.files_get_metadata("/Folder/ä.txt").size == 3
        assert isinstance(client.files_create_folder_v2("/x").metadata, FolderMetadata)
        page = client.files_list_folder("", limit=1)
        rest = client.files_list_folder_continue(page.cursor)
        assert [each.name for each in (*page.entries, *rest.entries)] == ["Folder", "x"]
        recursive = client.files_list_folder("/Folder", recursive=True)
        assert [each.name for each in recursive.entries] == ["Folder", "two", "ä.txt"]
        assert client.files_delete_v2("/Folder").metadata.name == "Folder"
        with pytest.raises(ApiError) as missing:
            client.files_get_metadata("/Folder")
        assert missing.value.error.get_path().is_not_found()
        with pytest.raises(ApiError) as there:
            client.files_create_folder_v2("/x")
        assert there.value.error.get_path().get_conflict().is_folder()
        with pytest.raises(ApiError) as directory:
            client.files_download("/x")
        assert directory.value.error.get_path().is_not_file()
        with pytest.raises(dropbox.exceptions.AuthError):
            client.clone(oauth2_access_token="wrong").files_list_folder("")


def test_connections_are_used_again(double: DropboxDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    original = HTTPConnection.connect
    monkeypatch.setattr(
        HTTPConnection, "connect", lambda self: (made.append(self), original(self))[1]
    )
    with contextlib.closing(open_store(double, "")) as store:
        for name in ("a", "b", "c"):
            with store.write(f"folder/{name}", "text/plain", {}) as upload:
                upload.write(b"data")
                upload.finish()
            with contextlib.closing(store.open(f"folder/{name}")) as opened:
                assert opened.read(100) == b"data"
            with pytest.raises(NotFound):
                store.stat("missing")
            store.delete(f"folder/{name}")
        assert store.list_page("folder").files == []
    assert len(made) == 1
