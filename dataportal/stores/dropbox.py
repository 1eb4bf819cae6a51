"""Dropbox, by its SDK."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from dropbox import Dropbox, create_session
from dropbox.exceptions import ApiError, AuthError, BadInputError, HttpError
from dropbox.files import (
    CommitInfo,
    FileMetadata,
    FolderMetadata,
    ListFolderResult,
    UploadSessionCursor,
    WriteMode,
)
from dropbox.session import HOST_API, HOST_CONTENT, HOST_NOTIFY
from stone.backends.python_rsrc.stone_base import Union
from stone.backends.python_rsrc.stone_validators import ValidationError
from urllib3.exceptions import HTTPError

from algoport.http.addresses import OutgoingPolicy
from algoport.http.checked import ConnectionNotAllowed, checked_session
from dataportal.connectors.credentials import OAuthCredential
from dataportal.stores.base import (
    PAGE_SIZE,
    ByteRange,
    Conditions,
    Deleted,
    DirectoryInfo,
    FileEntry,
    NotEmpty,
    NotFound,
    NotPossible,
    ObjectInfo,
    Opened,
    Page,
    RangeNotSatisfiable,
    Refused,
    Store,
    StoreError,
    Unreachable,
    Upload,
)
from dataportal.stores.http_client import (
    CONNECT_SECONDS,
    READ_SECONDS,
    open_answer,
    range_header,
)
from dataportal.stores.uploads import PartedUpload

API, CONTENT, NOTIFY = "api.dropboxapi.com", "content.dropboxapi.com", "notify.dropboxapi.com"
# Dropbox takes this for an approximate number; a page of ours has an exact one.
_LIMIT = 950
# How long an access token lasts; the SDK would renew one of unknown age before its first use.
_TOKEN_HOURS = 4


class DropboxStore(Store):
    """Paths are inside the account, or the folder of the app.

    Dropbox compares names without case, and keeps neither media types nor metadata. Without
    DROPBOX_APP_KEY an access token that has ended is not renewed. `address` is for tests.
    """

    def __init__(
        self,
        credential: OAuthCredential,
        options: Mapping[str, str],
        policy: OutgoingPolicy,
        *,
        address: str = "",
    ) -> None:
        session = checked_session(policy, _Elsewhere(address) if address else create_session())
        session.max_redirects = 0
        with _errors():
            self.client = _Client(credential, session)

    def list_page(
        self, directory: str, *, begins: str = "", marker: str = "", most: int = PAGE_SIZE
    ) -> Page:
        with _errors():
            if marker:
                found = self.client.files_list_folder_continue(marker)
            else:
                found = self.client.files_list_folder(_path(directory), limit=min(most, _LIMIT))
            return _page(found, directory, begins)

    def stat(self, path: str) -> ObjectInfo | DirectoryInfo:
        if not path:
            return DirectoryInfo()
        with _errors():
            found = self.client.files_get_metadata(_path(path))
            return _info(found) if isinstance(found, FileMetadata) else DirectoryInfo()

    def open(
        self, path: str, part: ByteRange | None = None, conditions: Conditions | None = None
    ) -> Opened:
        if not path:
            raise NotFound(path)
        headers = {"Accept-Encoding": "identity"}
        if part is not None:
            headers["Range"] = range_header(part)
        with _errors():
            found, answer = self.client.files_download(_path(path), extra_headers=headers)
            info = _info(found)
        return open_answer(answer, info, conditions)

    def write(self, path: str, content_type: str, metadata: Mapping[str, str]) -> Upload:
        if not path:
            raise NotPossible("a file needs a name.")
        if metadata:
            raise NotPossible("Dropbox keeps no metadata.")
        return _DropboxUpload(self.client, path)

    def delete(self, path: str) -> None:
        with _errors():
            found = self.client.files_get_metadata(_path(path))
            if not isinstance(found, FileMetadata):
                raise NotFound(path)
            # By its revision: what was put in its place meanwhile stays.
            self.client.files_delete_v2(_path(path), parent_rev=found.rev)

    def delete_directory(self, path: str, *, force: bool) -> Deleted:
        """In one step; how many files went is as it was shortly before."""
        if not path:
            raise NotPossible("an account's own directory cannot be deleted.")
        with _errors():
            found = self.client.files_list_folder(_path(path), recursive=force)
            if found.entries and not force:
                raise NotEmpty(path)
            count = _count_files(found)
            while found.has_more:
                found = self.client.files_list_folder_continue(found.cursor)
                count += _count_files(found)
            self.client.files_delete_v2(_path(path))
        return Deleted(count)

    def make_directory(self, path: str) -> None:
        try:
            with _errors():
                self.client.files_create_folder_v2(_path(path))
        except NotPossible as exc:
            if "conflict/folder" not in str(exc):
                raise

    def check(self, begins: str = "") -> None:
        with _errors():
            self.client.files_list_folder(_path(begins.rpartition("/")[0]), limit=1)

    def close(self) -> None:
        self.client.close()


class _Client(Dropbox):
    """The SDK's client, at the hosts of Dropbox.

    SECURITY: the SDK would take its hosts from variables of the machine.
    """

    def __init__(self, credential: OAuthCredential, session: requests.Session) -> None:
        self._has_refresh_token = bool(credential.refresh_token)
        self._is_renewable = bool(credential.refresh_token and settings.DROPBOX_APP_KEY)
        renewal: dict[str, Any] = {}
        if self._is_renewable:
            ends_at = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=_TOKEN_HOURS)
            renewal = {
                "oauth2_refresh_token": credential.refresh_token,
                "oauth2_access_token_expiration": ends_at,
                "app_key": settings.DROPBOX_APP_KEY,
                "app_secret": settings.DROPBOX_APP_SECRET or None,
            }
        super().__init__(
            credential.access_token,
            max_retries_on_error=1,
            # It would wait for as long as the answer says.
            max_retries_on_rate_limit=0,
            session=session,
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            **renewal,
        )
        # There is no public way to tell it.
        self._host_map = {HOST_API: API, HOST_CONTENT: CONTENT, HOST_NOTIFY: NOTIFY}

    def refresh_access_token(self, host: str = API, scope: list[str] | None = None) -> None:
        """The SDK calls this when a token has ended. Raises Refused."""
        if not self._has_refresh_token:
            raise Refused("expired_access_token: there is no refresh token, enter a new one.")
        if not self._is_renewable:
            raise Refused(
                "the access token has ended, and the site has no key of an app to renew it with: "
                "enter a new one, or have the administrator set ALGOPORT_DROPBOX_APP_KEY."
            )
        try:
            super().refresh_access_token(host, scope)
        except (AuthError, BadInputError):
            text = "the access token has ended, and its refresh token is not valid."
            raise Refused(text) from None


class _Elsewhere(requests.Session):
    """Asks one server for all that Dropbox would be asked for."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def request(  # type: ignore[override]
        self, method: str, url: str, *args: Any, **asked: Any
    ) -> requests.Response:
        return super().request(method, self._address + urlsplit(url).path, *args, **asked)


class _DropboxUpload(PartedUpload[None]):
    parts_at_once = 1

    def __init__(self, client: Dropbox, path: str) -> None:
        super().__init__()
        self._client = client
        self._path = _path(path)
        self._session_id = ""

    def put_whole(self, body: bytes) -> None:
        with _errors():
            self._client.files_upload(body, self._path, mode=WriteMode.overwrite, mute=True)

    def begin(self) -> None:
        with _errors():
            self._session_id = self._client.files_upload_session_start(b"").session_id

    def put_part(self, number: int, offset: int, body: bytes) -> None:
        cursor = UploadSessionCursor(self._session_id, offset)
        with _errors():
            self._client.files_upload_session_append_v2(body, cursor)

    def complete(self, parts: list[None], offset: int, rest: bytes) -> None:
        cursor = UploadSessionCursor(self._session_id, offset)
        commit = CommitInfo(self._path, mode=WriteMode.overwrite, mute=True)
        with _errors():
            self._client.files_upload_session_finish(rest, cursor, commit)

    def give_up(self) -> None:
        """Dropbox forgets what was not finished by itself within a week."""


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    """Errors of the SDK as ours.

    SECURITY: those of the SDK hold requests, with tokens: none is kept as a cause.
    """
    try:
        yield
    except ConnectionNotAllowed as exc:
        raise Refused(str(exc)) from None
    except ApiError as exc:
        raise _as_store_error(exc) from None
    except HttpError as exc:
        raise _as_http_error(exc) from None
    except (AssertionError, ValidationError, KeyError, TypeError, ValueError, AttributeError):
        raise Unreachable("its answer is not one of Dropbox.") from None
    except (HTTPError, OSError):
        raise Unreachable("it does not answer.") from None


def _as_store_error(exc: ApiError) -> StoreError:
    words = _words(exc.error)
    text = f"{exc.user_message_text} ({words})" if exc.user_message_text else words
    if "lookup_failed" in words:
        return Unreachable("it has lost the upload.")
    if any(each in words for each in ("/not_found", "/not_file", "/not_folder")):
        return NotFound(text)
    return Refused(text) if "no_write_permission" in words else NotPossible(text)


def _as_http_error(exc: HttpError) -> StoreError:
    if exc.status_code == 416:
        return RangeNotSatisfiable(None)
    if isinstance(exc, AuthError):
        return Refused(_words(exc.error))
    if isinstance(exc, BadInputError):
        # SECURITY: it may repeat what was sent.
        text = re.sub(r"Bearer [^\"\s]*|\bsl\.\S+", "***", str(exc.message))[:300].strip()
        return Refused(text) if "Authorization" in text else NotPossible(text)
    return Unreachable(f"it answers with {exc.status_code}.")


def _words(error: object) -> str:
    """Why it says no: Dropbox's words from the general to the particular."""
    words = []
    while True:
        if isinstance(error, Union):
            # The SDK leaves out the summary that Dropbox sends, and has no other name for these.
            words.append(str(error._tag))
            error = error._value
        elif hasattr(error, "reason"):
            error = error.reason
        else:
            return "/".join(words) or "unknown"


def _page(found: ListFolderResult, directory: str, begins: str) -> Page:
    # SECURITY: a cursor may be one of another directory, of which nothing is shown.
    inside = f"{_path(directory)}/".lower()
    entries = [
        each
        for each in found.entries
        if each.path_lower == inside + each.name.lower() and each.name.startswith(begins)
    ]
    return Page(
        [each.name for each in entries if isinstance(each, FolderMetadata)],
        [
            FileEntry(each.name, each.size, _time(each.server_modified))
            for each in entries
            if isinstance(each, FileMetadata)
        ],
        found.cursor if found.has_more else "",
    )


def _path(path: str) -> str:
    return f"/{path}" if path else ""


def _time(given: datetime) -> datetime:
    return given.replace(tzinfo=UTC)


def _info(found: FileMetadata) -> ObjectInfo:
    return ObjectInfo(found.size, _time(found.server_modified), found.rev)


def _count_files(found: ListFolderResult) -> int:
    return sum(isinstance(each, FileMetadata) for each in found.entries)
