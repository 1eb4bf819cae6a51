"""Dropbox, by its API v2."""

import json
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
import requests
from django.conf import settings

from algoport.http.addresses import OutgoingPolicy
from dataportal.connectors.credentials import OAuthCredential
from dataportal.stores.base import (
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
    Refused,
    Store,
    Unreachable,
    Upload,
)
from dataportal.stores.http_client import (
    HttpClient,
    answer_of_kind,
    not_satisfiable,
    open_answer,
    range_header,
    read_body,
    read_json,
)
from dataportal.stores.uploads import PartedUpload

API = "https://api.dropboxapi.com"
CONTENT = "https://content.dropboxapi.com"
# Dropbox takes this for an approximate number; a page of ours has an exact one.
_LIMIT = 950
_ENDED = "expired_access_token"


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
        self._api, self._content = address or API, address or CONTENT
        self._http = HttpClient(policy)
        self._token = credential.access_token
        self._refresh_token = credential.refresh_token
        self._lock = threading.Lock()

    def list_page(self, directory: str, *, begins: str = "", marker: str = "") -> Page:
        if marker:
            found = self._ask("files/list_folder/continue", {"cursor": marker})
        else:
            found = self._ask("files/list_folder", {"path": _path(directory), "limit": _LIMIT})
        with answer_of_kind():
            return _page(found, directory, begins)

    def stat(self, path: str) -> ObjectInfo | DirectoryInfo:
        if not path:
            return DirectoryInfo()
        found = self._ask("files/get_metadata", {"path": _path(path)})
        with answer_of_kind():
            return _info(found) if found[".tag"] == "file" else DirectoryInfo()

    def open(
        self, path: str, part: ByteRange | None = None, conditions: Conditions | None = None
    ) -> Opened:
        if not path:
            raise NotFound(path)
        headers = {} if part is None else {"Range": range_header(part)}
        answer = self.send_content("files/download", {"path": _path(path)}, headers=headers)
        with answer_of_kind():
            info = _info(orjson.loads(answer.headers["Dropbox-API-Result"]))
        return open_answer(answer, info, conditions)

    def write(self, path: str, content_type: str, metadata: Mapping[str, str]) -> Upload:
        if not path:
            raise NotPossible("a file needs a name.")
        if metadata:
            raise NotPossible("Dropbox keeps no metadata.")
        return _DropboxUpload(self, path)

    def delete(self, path: str) -> None:
        found = self._ask("files/get_metadata", {"path": _path(path)})
        with answer_of_kind():
            if found[".tag"] != "file":
                raise NotFound(path)
            # By its revision: what was put in its place meanwhile stays.
            self._ask("files/delete_v2", {"path": _path(path), "parent_rev": found["rev"]})

    def delete_directory(self, path: str, *, force: bool) -> Deleted:
        """In one step; how many files went is as it was shortly before."""
        if not path:
            raise NotPossible("an account's own directory cannot be deleted.")
        asked = {"path": _path(path), "recursive": force}
        with answer_of_kind():
            found = self._ask("files/list_folder", asked)
            if found["entries"] and not force:
                raise NotEmpty(path)
            count = _count_files(found)
            while found["has_more"]:
                found = self._ask("files/list_folder/continue", {"cursor": found["cursor"]})
                count += _count_files(found)
        self._ask("files/delete_v2", {"path": _path(path)})
        return Deleted(count)

    def make_directory(self, path: str) -> None:
        try:
            self._ask("files/create_folder_v2", {"path": _path(path)})
        except NotPossible as exc:
            if "conflict/folder" not in str(exc):
                raise

    def check(self, begins: str = "") -> None:
        directory = begins.rpartition("/")[0]
        self._ask("files/list_folder", {"path": _path(directory), "limit": 1})

    def close(self) -> None:
        self._http.close()

    def send_content(
        self, route: str, said: Mapping[str, object], **asked: Any
    ) -> requests.Response:
        """A request whose argument is in a header. Raises StoreError."""
        headers = {"Dropbox-API-Arg": _header_json(said), **asked.pop("headers", {})}
        return self._send(f"{self._content}/2/{route}", headers, asked)

    def _ask(self, route: str, said: Mapping[str, object]) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        asked = {"data": orjson.dumps(said)}
        return read_json(self._send(f"{self._api}/2/{route}", headers, asked))

    def _send(
        self, url: str, headers: Mapping[str, str], asked: Mapping[str, Any]
    ) -> requests.Response:
        token = self._token
        answer = self._send_with(token, url, headers, asked)
        if answer.status_code != 401:
            return _checked(answer)
        words = _words(answer)
        if not words.startswith(_ENDED) or not self._refresh_token:
            raise Refused(words)
        self._renew(token)
        return _checked(self._send_with(self._token, url, headers, asked))

    def _send_with(
        self, token: str, url: str, headers: Mapping[str, str], asked: Mapping[str, Any]
    ) -> requests.Response:
        return self._http.send(
            "POST",
            url,
            headers={**headers, "Authorization": f"Bearer {token}", "Accept-Encoding": "identity"},
            # A repeated part of an upload would be refused, whatever became of the first.
            repeat="upload_session" not in url,
            **asked,
        )

    def _renew(self, ended: str) -> None:
        if not settings.DROPBOX_APP_KEY:
            raise Refused(
                "the access token has ended, and the site has no key of an app to renew it with: "
                "enter a new one, or have the administrator set ALGOPORT_DROPBOX_APP_KEY."
            )
        with self._lock:
            if self._token != ended:
                return
            said = {
                "grant_type": "refresh_token",
                "refresh_token": self._refresh_token,
                "client_id": settings.DROPBOX_APP_KEY,
            }
            if settings.DROPBOX_APP_SECRET:
                said["client_secret"] = settings.DROPBOX_APP_SECRET
            answer = self._http.send("POST", f"{self._api}/oauth2/token", data=said)
            if answer.status_code in (400, 401):
                answer.close()
                raise Refused("the access token has ended, and its refresh token is not valid.")
            token = read_json(_checked(answer)).get("access_token")
            if not isinstance(token, str):
                raise Unreachable("its answer is not one of Dropbox.")
            self._token = token


class _DropboxUpload(PartedUpload[None]):
    parts_at_once = 1

    def __init__(self, store: DropboxStore, path: str) -> None:
        super().__init__()
        self._store = store
        self._commit = {"path": _path(path), "mode": "overwrite", "mute": True}
        self._session_id = ""

    def put_whole(self, body: bytes) -> None:
        read_body(self._post("files/upload", self._commit, body))

    def begin(self) -> None:
        begun = read_json(self._post("files/upload_session/start", {}, b""))
        self._session_id = str(begun.get("session_id", ""))

    def put_part(self, number: int, offset: int, body: bytes) -> None:
        said = {"cursor": self._cursor(offset)}
        read_body(self._post("files/upload_session/append_v2", said, body))

    def complete(self, parts: list[None], offset: int, rest: bytes) -> None:
        said = {"cursor": self._cursor(offset), "commit": self._commit}
        read_body(self._post("files/upload_session/finish", said, rest))

    def give_up(self) -> None:
        """Dropbox forgets what was not finished by itself within a week."""

    def _cursor(self, offset: int) -> dict[str, object]:
        return {"session_id": self._session_id, "offset": offset}

    def _post(self, route: str, said: Mapping[str, object], body: bytes) -> requests.Response:
        headers = {"Content-Type": "application/octet-stream"}
        return self._store.send_content(route, said, headers=headers, data=body)


def _checked(answer: requests.Response) -> requests.Response:
    status = answer.status_code
    if status in (200, 206):
        return answer
    if status == 416:
        raise not_satisfiable(answer)
    words = _words(answer)
    if status == 409 and _is_missing(words):
        raise NotFound(words)
    if status in (401, 403) or "no_write_permission" in words:
        raise Refused(words)
    raise NotPossible(words) if status in (400, 409) else Unreachable(words)


def _words(answer: requests.Response) -> str:
    """Why it says no: a path of words in JSON, or plain text."""
    body = read_body(answer)
    try:
        words = str(orjson.loads(body)["error_summary"]).rstrip("./")
    except (ValueError, TypeError, KeyError):
        words = body.decode(errors="replace")
    return words[:300].strip() or str(answer.status_code)


def _is_missing(words: str) -> bool:
    return any(each in words for each in ("/not_found", "/not_file", "/not_folder"))


def _header_json(said: Mapping[str, object]) -> str:
    # The library escapes all that is not ASCII, as a header needs it; DEL is left.
    return json.dumps(said).replace("\x7f", "\\u007f")


def _page(found: Mapping[str, Any], directory: str, begins: str) -> Page:
    # SECURITY: a cursor may be one of another directory, of which nothing is shown.
    inside = f"{_path(directory)}/".lower()
    entries = [
        each
        for each in found["entries"]
        if each.get("path_lower", "") == inside + each["name"].lower()
        and each["name"].startswith(begins)
    ]
    return Page(
        [each["name"] for each in entries if each[".tag"] == "folder"],
        [
            FileEntry(each["name"], each["size"], _time(each["server_modified"]))
            for each in entries
            if each[".tag"] == "file"
        ],
        found["cursor"] if found["has_more"] else "",
    )


def _path(path: str) -> str:
    return f"/{path}" if path else ""


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _info(found: Mapping[str, Any]) -> ObjectInfo:
    return ObjectInfo(found["size"], _time(found["server_modified"]), found.get("rev", ""))


def _count_files(found: Mapping[str, Any]) -> int:
    return sum(each[".tag"] == "file" for each in found["entries"])
