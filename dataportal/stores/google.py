"""Google Cloud Storage, by its JSON API."""

import contextlib
import re
import threading
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import orjson
import requests
from google.auth.crypt import RSASigner
from google.auth.exceptions import GoogleAuthError
from google.auth.jwt import Credentials

from algoport.http.addresses import OutgoingPolicy
from dataportal.connectors.credentials import ServiceAccountCredential
from dataportal.stores.base import (
    PAGE_SIZE,
    ByteRange,
    Conditions,
    Deleted,
    DirectoryInfo,
    FileEntry,
    NotEmpty,
    NotFound,
    NotModified,
    NotPermitted,
    NotPossible,
    ObjectInfo,
    Opened,
    Page,
    PreconditionFailed,
    Refused,
    Store,
    StoreError,
    Unreachable,
    Upload,
)
from dataportal.stores.http_client import (
    HttpClient,
    answer_of_kind,
    given_range,
    headers_with,
    http_date,
    not_satisfiable,
    open_answer,
    range_header,
    read_body,
    read_json,
)
from dataportal.stores.uploads import Deletions, PartedUpload

ENDPOINT = "https://storage.googleapis.com"
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_META = "x-goog-meta-"
_FIELDS = "prefixes,items(name,size,updated),nextPageToken"
_RESUME_INCOMPLETE = 308


class GoogleStore(Store):
    """Paths are BUCKET/KEY. An object's etag is the number of its generation.

    The service account signs what it asks with itself: no token is fetched from anywhere.
    """

    def __init__(
        self,
        credential: ServiceAccountCredential,
        options: Mapping[str, str],
        policy: OutgoingPolicy,
    ) -> None:
        self._base = options.get("endpoint_url", ENDPOINT)
        self._project = options.get("project", "") or _project_of(credential.email)
        self._http = HttpClient(policy)
        self._lock = threading.Lock()
        # Out of JSON by hand, line ends come as two characters.
        key = credential.private_key.replace("\\n", "\n")
        try:
            signer = RSASigner.from_string(key, credential.private_key_id)
        except (ValueError, TypeError, GoogleAuthError):
            raise Refused("the private key is not a PEM key of a service account.") from None
        self._signed = Credentials(
            signer, credential.email, credential.email, None, {"scope": _SCOPE}
        )

    def list_page(self, directory: str, *, begins: str = "", marker: str = "") -> Page:
        if not directory:
            return self._list_buckets(begins, marker)
        bucket, _, key = directory.partition("/")
        prefix = f"{key}/" if key else ""
        asked = {"delimiter": "/", "maxResults": PAGE_SIZE, "fields": _FIELDS}
        if marker:
            asked["pageToken"] = marker
        found = self._list(bucket, prefix + begins, asked)
        with answer_of_kind():
            page = _page(found, prefix)
        is_empty = not (found.get("prefixes") or found.get("items") or page.marker)
        if is_empty and key and not (marker or begins):
            raise NotFound(directory)
        return page

    def stat(self, path: str) -> ObjectInfo | DirectoryInfo:
        bucket, _, key = path.partition("/")
        if not bucket:
            return DirectoryInfo()
        if key:
            try:
                found = read_json(self.ask("GET", _object(bucket, key)))
            except NotFound:
                pass
            else:
                with answer_of_kind():
                    return _info(found)
        if self._names_below(bucket, key, 1) or not key:
            return DirectoryInfo()
        raise NotFound(path)

    def open(
        self, path: str, part: ByteRange | None = None, conditions: Conditions | None = None
    ) -> Opened:
        bucket, _, key = path.partition("/")
        if not key:
            raise NotFound(path)
        asked = {"alt": "media", **_condition_parameters(conditions or Conditions())}
        # Else what is stored compressed would come in another length than it has.
        headers = {"Accept-Encoding": "gzip"}
        if part is not None:
            headers["Range"] = range_header(part)
        answer = self.ask("GET", f"/download{_object(bucket, key)}", headers=headers, params=asked)
        with answer_of_kind():
            info = _info_of_headers(answer)
        return open_answer(answer, info, conditions)

    def write(self, path: str, content_type: str, metadata: Mapping[str, str]) -> Upload:
        bucket, _, key = path.partition("/")
        if not key:
            raise NotPossible("a file needs a bucket and a name.")
        described = {"name": key, "contentType": content_type, "metadata": dict(metadata)}
        return _GoogleUpload(self, bucket, described)

    def delete(self, path: str) -> None:
        bucket, _, key = path.partition("/")
        self._delete(bucket, key)

    def delete_directory(self, path: str, *, force: bool) -> Deleted:
        bucket, _, key = path.partition("/")
        if not key:
            raise NotPossible("buckets are deleted at the storage itself.")
        names = self._names_below(bucket, key, 2)
        if not names:
            raise NotFound(path)
        if not force and names != [f"{key}/"]:
            raise NotEmpty(path)
        deletions = Deletions(lambda name: self._delete(bucket, name))
        for names in self._pages_below(bucket, key):
            deletions.add(names)
        return deletions.total()

    def make_directory(self, path: str) -> None:
        bucket, _, key = path.partition("/")
        if not key:
            raise NotPossible("a bucket is made with its location, as the API reference tells.")
        self.put(bucket, {"name": f"{key}/"}, b"")

    def check(self, begins: str = "") -> None:
        bucket, slash, key = begins.partition("/")
        if slash:
            self._list(bucket, key, {"maxResults": 1, "fields": _FIELDS})
            return
        with contextlib.suppress(NotPermitted):
            self._list_buckets("", "")

    def close(self) -> None:
        self._http.close()

    def put(self, bucket: str, described: Mapping[str, Any], body: bytes) -> None:
        """An object by one request."""
        boundary = uuid.uuid4().hex
        kind = described.get("contentType", "application/octet-stream")
        head = (
            f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n".encode()
            + orjson.dumps(described)
            + f"\r\n--{boundary}\r\nContent-Type: {kind}\r\n\r\n".encode()
        )
        answer = self.ask(
            "POST",
            f"/upload{_objects(bucket)}",
            params={"uploadType": "multipart"},
            headers={"Content-Type": f"multipart/related; boundary={boundary}"},
            data=head + body + f"\r\n--{boundary}--\r\n".encode(),
        )
        read_body(answer)

    def ask(self, method: str, path: str, **asked: Any) -> requests.Response:
        """The answer to a request that the account has signed. Raises StoreError."""
        headers = dict(asked.pop("headers", {}))
        with self._lock:
            self._signed.before_request(None, method, self._base, headers)
        answer = self._http.send(method, self._base + path, headers=headers, **asked)
        if answer.status_code >= 300:
            raise as_error(answer)
        return answer

    def ask_session(self, method: str, address: str, **asked: Any) -> requests.Response:
        """An upload's own address, which is all that it takes to continue that upload."""
        return self._http.send(method, address, repeat=False, **asked)

    def _list_buckets(self, begins: str, marker: str) -> Page:
        if not self._project:
            raise NotPossible("buckets are those of a project; the connector's options name none.")
        asked = {"project": self._project, "maxResults": PAGE_SIZE, "prefix": begins}
        if marker:
            asked["pageToken"] = marker
        found = read_json(self.ask("GET", "/storage/v1/b", params=asked))
        with answer_of_kind():
            names = [each["name"] for each in found.get("items", ())]
            names = [name for name in names if name.startswith(begins)]
            return Page(names, [], str(found.get("nextPageToken", "")))

    def _list(self, bucket: str, prefix: str, asked: Mapping[str, object]) -> dict[str, Any]:
        return read_json(self.ask("GET", _objects(bucket), params={"prefix": prefix, **asked}))

    def _names_below(self, bucket: str, key: str, most: int) -> list[str]:
        prefix = f"{key}/" if key else ""
        found = self._list(bucket, prefix, {"maxResults": most, "fields": _FIELDS})
        return _names(found, prefix)[:most]

    def _pages_below(self, bucket: str, key: str) -> Iterator[list[str]]:
        asked: dict[str, object] = {"maxResults": PAGE_SIZE, "fields": _FIELDS}
        while True:
            found = self._list(bucket, f"{key}/", asked)
            yield _names(found, f"{key}/")
            if not found.get("nextPageToken"):
                return
            asked["pageToken"] = found["nextPageToken"]

    def _delete(self, bucket: str, name: str) -> None:
        read_body(self.ask("DELETE", _object(bucket, name)))


class _GoogleUpload(PartedUpload[None]):
    parts_at_once = 1

    def __init__(self, store: GoogleStore, bucket: str, described: dict[str, Any]) -> None:
        super().__init__()
        self._store = store
        self._bucket = bucket
        self._described = described
        self._address = ""

    def put_whole(self, body: bytes) -> None:
        self._store.put(self._bucket, self._described, body)

    def begin(self) -> None:
        answer = self._store.ask(
            "POST",
            f"/upload{_objects(self._bucket)}",
            params={"uploadType": "resumable"},
            headers={
                "Content-Type": "application/json; charset=UTF-8",
                "X-Upload-Content-Type": self._described["contentType"],
            },
            data=orjson.dumps(self._described),
        )
        read_body(answer)
        self._address = answer.headers.get("Location", "")
        if not self._address:
            raise Unreachable("it has begun no upload.")

    def put_part(self, number: int, offset: int, body: bytes) -> None:
        end = offset + len(body) - 1
        answer = self._put(f"bytes {offset}-{end}/*", body)
        if answer.status_code != _RESUME_INCOMPLETE:
            raise as_error(answer)
        read_body(answer)
        if answer.headers.get("Range", "").removeprefix("bytes=") != f"0-{end}":
            raise Unreachable("it has not taken a part of the upload.")

    def complete(self, parts: list[None], offset: int, rest: bytes) -> None:
        size = offset + len(rest)
        answer = self._put(f"bytes {offset}-{size - 1}/{size}", rest)
        if answer.status_code not in (200, 201):
            raise as_error(answer)
        read_body(answer)

    def give_up(self) -> None:
        read_body(self._store.ask_session("DELETE", self._address))

    def _put(self, span: str, body: bytes) -> requests.Response:
        headers = {"Content-Range": span}
        return self._store.ask_session("PUT", self._address, headers=headers, data=body)


def as_error(answer: requests.Response) -> StoreError:
    """A refusal in the storage's own words."""
    status = answer.status_code
    if status == 416:
        return not_satisfiable(answer)
    if status == 304:
        answer.close()
        return NotModified(answer.headers.get("X-Goog-Generation", ""), None)
    words = _words(read_body(answer)) or answer.reason or str(status)
    if status == 404:
        return NotFound(words)
    if status == 412:
        return PreconditionFailed("the storage has another one.")
    if status in (401, 403):
        return NotPermitted(words) if status == 403 else Refused(words)
    return NotPossible(words) if 400 <= status < 500 and status != 429 else Unreachable(words)


def _words(body: bytes) -> str:
    """The message in an error's body, which is JSON, or plain text."""
    try:
        message = orjson.loads(body)["error"]["message"]
    except (ValueError, TypeError, KeyError):
        message = body.decode(errors="replace")
    # SECURITY: a token must not come back in an error; they are signed, in three parts.
    return re.sub(r"ey[\w-]+\.[\w-]+\.[\w-]*", "***", str(message))[:300].strip()


def _project_of(email: str) -> str:
    """The project that a service account of this address was made in, "" when it does not tell."""
    name, _, domain = email.partition("@")[2].partition(".")
    return name if domain == "iam.gserviceaccount.com" else ""


def _objects(bucket: str) -> str:
    return f"/storage/v1/b/{quote(bucket, safe='')}/o"


def _object(bucket: str, key: str) -> str:
    return f"{_objects(bucket)}/{quote(key, safe='')}"


def _condition_parameters(conditions: Conditions) -> dict[str, str]:
    """Those that save a body from being sent; Conditions.check looks at all of them afterwards."""
    parameters = {}
    if len(conditions.if_match) == 1 and conditions.if_match[0].isdigit():
        parameters["ifGenerationMatch"] = conditions.if_match[0]
    if len(conditions.if_none_match) == 1 and conditions.if_none_match[0].isdigit():
        parameters["ifGenerationNotMatch"] = conditions.if_none_match[0]
    return parameters


def _page(found: Mapping[str, Any], prefix: str) -> Page:
    # SECURITY: whatever a server makes of a marker, nothing outside the directory is shown.
    folders = [
        name[len(prefix) : -1] for name in found.get("prefixes", ()) if name.startswith(prefix)
    ]
    files = [
        FileEntry(each["name"][len(prefix) :], int(each["size"]), _time(each["updated"]))
        for each in found.get("items", ())
        if each["name"].startswith(prefix) and not each["name"].endswith("/")
    ]
    return Page([name for name in folders if name], files, str(found.get("nextPageToken", "")))


def _names(found: Mapping[str, Any], prefix: str) -> list[str]:
    with answer_of_kind():
        names = [each["name"] for each in found.get("items", ())]
        return [name for name in names if name.startswith(prefix)]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _info(found: Mapping[str, Any]) -> ObjectInfo:
    return ObjectInfo(
        int(found["size"]),
        _time(found["updated"]),
        str(found.get("generation", "")),
        found.get("contentType", ""),
        found.get("metadata", {}),
    )


def _info_of_headers(answer: requests.Response) -> ObjectInfo:
    size = given_range(answer)[1]
    return ObjectInfo(
        int(answer.headers.get("Content-Length", 0)) if size is None else size,
        http_date(answer.headers.get("Last-Modified", "")),
        answer.headers.get("X-Goog-Generation", ""),
        answer.headers.get("Content-Type", ""),
        headers_with(_META, answer),
    )
