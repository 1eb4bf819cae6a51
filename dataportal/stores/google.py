"""Google Cloud Storage, by its SDK."""

import contextlib
import io
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import requests

# What the SDK itself reads and writes objects with. Its public ways to read either keep all of an
# object, or make a request for each piece; those to write have no end but a finished object.
from google.cloud.storage._media.requests import RawDownload, ResumableUpload
from google.cloud.storage.blob import Blob
from google.cloud.storage.bucket import Bucket
from google.cloud.storage.client import Client

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
    NotPossible,
    ObjectInfo,
    Opened,
    Page,
    Store,
    Unreachable,
    Upload,
)
from dataportal.stores.google_client import ONCE_MORE, GoogleSession, account_of, google_errors
from dataportal.stores.http_client import (
    CONNECT_SECONDS,
    READ_SECONDS,
    answer_of_kind,
    given_range,
    headers_with,
    http_date,
    open_answer,
    range_header,
)
from dataportal.stores.uploads import PART_BYTES, Deletions, PartedUpload

ENDPOINT = "https://storage.googleapis.com"
_META = "x-goog-meta-"
_FIELDS = "prefixes,items(name,size,updated),nextPageToken"
_TIMEOUT = (CONNECT_SECONDS, READ_SECONDS)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,220}[A-Za-z0-9]\Z")


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
        self._project = options.get("project", "")
        self.session = GoogleSession(account_of(credential), policy)
        # What is left out here would be looked for in variables and files of the machine.
        self.client = Client(
            project=self._project or None,
            credentials=self.session.credentials,
            client_options={"api_endpoint": options.get("endpoint_url", ENDPOINT)},
            _http=self.session,
        )
        # SECURITY: else a variable of the machine could have it ask another host than the endpoint.
        self.client._connection.API_BASE_MTLS_URL = self.client.api_endpoint
        # Else a thread would ask what the bucket is like, which is for nobody to know here.
        self.client._bucket_metadata_cache = None

    def list_page(
        self, directory: str, *, begins: str = "", marker: str = "", most: int = PAGE_SIZE
    ) -> Page:
        if not directory:
            return self._list_buckets(begins, marker, most)
        bucket, _, key = directory.partition("/")
        prefix = f"{key}/" if key else ""
        found = self._list(
            bucket,
            prefix + begins,
            delimiter="/",
            page_size=most,
            page_token=marker or None,
            fields=_FIELDS,
        )
        with google_errors():
            entries = next(found.pages)
            blobs = list(entries)
            page = _page(blobs, entries.prefixes, prefix, str(found.next_page_token or ""))
        if key and not (blobs or entries.prefixes or marker or begins or page.marker):
            raise NotFound(directory)
        return page

    def stat(self, path: str) -> ObjectInfo | DirectoryInfo:
        bucket, _, key = path.partition("/")
        if not bucket:
            return DirectoryInfo()
        if key:
            with contextlib.suppress(NotFound), google_errors():
                blob = self._blob(bucket, key)
                blob.reload(timeout=_TIMEOUT, retry=ONCE_MORE)
                return _info(blob)
        if self._names_below(bucket, key, 1) or not key:
            return DirectoryInfo()
        raise NotFound(path)

    def open(
        self, path: str, part: ByteRange | None = None, conditions: Conditions | None = None
    ) -> Opened:
        bucket, _, key = path.partition("/")
        if not key:
            raise NotFound(path)
        # Else what is stored compressed would come in another length than it has.
        headers = {"Accept-Encoding": "gzip"}
        if part is not None:
            headers["Range"] = range_header(part)
        asked = {"alt": "media", **_condition_parameters(conditions or Conditions())}
        url = self._url("download", self._blob(bucket, key).path, asked)
        with google_errors():
            download = RawDownload(url, headers=headers, checksum=None, retry=ONCE_MORE)
            answer = download.consume(self.session, timeout=_TIMEOUT)
        with answer_of_kind():
            info = _info_of_headers(answer)
        return open_answer(answer, info, conditions)

    def write(self, path: str, content_type: str, metadata: Mapping[str, str]) -> Upload:
        bucket, _, key = path.partition("/")
        if not key:
            raise NotPossible("a file needs a bucket and a name.")
        blob = self._blob(bucket, key)
        blob.content_type = content_type
        blob.metadata = dict(metadata)
        url = self._url("upload", f"{blob.bucket.path}/o", {"uploadType": "resumable"})
        return _GoogleUpload(self.session, blob, url)

    def delete(self, path: str) -> None:
        bucket, _, key = path.partition("/")
        if not key:
            raise NotFound(path)
        self._delete(bucket, key)

    def delete_directory(self, path: str, *, force: bool) -> Deleted:
        bucket, _, key = path.partition("/")
        if not key:
            raise NotPossible("buckets are deleted at the storage itself.")
        names = self._names_below(bucket, key, 2)
        if not names:
            raise NotFound(path)
        if not force:
            if names != [f"{key}/"]:
                raise NotEmpty(path)
            self._delete(bucket, f"{key}/")
            return Deleted(0)
        deletions = Deletions(lambda name: self._delete(bucket, name))
        found = self._list(bucket, f"{key}/", page_size=PAGE_SIZE, fields=_FIELDS)
        with google_errors():
            for page in found.pages:
                deletions.add([each.name for each in page if each.name.startswith(f"{key}/")])
        return deletions.total()

    def make_directory(self, path: str) -> None:
        bucket, _, key = path.partition("/")
        if not key:
            raise NotPossible("a bucket is made with its location, as the API reference tells.")
        _put(self._blob(bucket, f"{key}/"), b"")

    def check(self, begins: str = "") -> None:
        bucket, slash, key = begins.partition("/")
        if not slash:
            self._list_buckets("", "", PAGE_SIZE)
            return
        with google_errors():
            next(self._list(bucket, key, page_size=1, fields=_FIELDS).pages)

    def close(self) -> None:
        self.client.close()

    def _bucket(self, name: str) -> Bucket:
        # SECURITY: the SDK puts names of buckets into addresses as they are.
        if not _BUCKET.match(name):
            raise NotFound(name)
        return self.client.bucket(name)

    def _blob(self, bucket: str, key: str) -> Blob:
        return self._bucket(bucket).blob(key)

    def _url(self, kind: str, path: str, asked: Mapping[str, str]) -> str:
        return f"{self.client.api_endpoint}/{kind}/storage/v1{path}?{urlencode(asked)}"

    def _list_buckets(self, begins: str, marker: str, most: int) -> Page:
        if not self._project:
            raise NotPossible("buckets are those of a project; the connector's options name none.")
        with google_errors():
            found = self.client.list_buckets(
                prefix=begins or None,
                page_size=most,
                page_token=marker or None,
                fields="items(name),nextPageToken",
                timeout=_TIMEOUT,
                retry=ONCE_MORE,
            )
            names = [each.name for each in next(found.pages)]
            names = [name for name in names if name.startswith(begins)]
            return Page(names, [], str(found.next_page_token or ""))

    def _list(self, bucket: str, prefix: str, **asked: Any) -> Any:
        """An iterator of the SDK, which has asked for nothing yet."""
        return self.client.list_blobs(
            self._bucket(bucket), prefix=prefix, timeout=_TIMEOUT, retry=ONCE_MORE, **asked
        )

    def _names_below(self, bucket: str, key: str, most: int) -> list[str]:
        prefix = f"{key}/" if key else ""
        found = self._list(bucket, prefix, page_size=most, fields=_FIELDS)
        with google_errors():
            names = [each.name for each in next(found.pages)]
            return [name for name in names if name.startswith(prefix)][:most]

    def _delete(self, bucket: str, name: str) -> None:
        with google_errors():
            self._blob(bucket, name).delete(timeout=_TIMEOUT, retry=ONCE_MORE)


class _Part(io.BytesIO):
    """A part of a file, at its place in it."""

    def __init__(self, body: bytes, offset: int) -> None:
        super().__init__(body)
        self._offset = offset

    def tell(self) -> int:
        return self._offset + super().tell()


class _GoogleUpload(PartedUpload[None]):
    parts_at_once = 1

    def __init__(self, session: GoogleSession, blob: Blob, url: str) -> None:
        super().__init__()
        self._session = session
        self._blob = blob
        self._upload = ResumableUpload(url, PART_BYTES, checksum="auto", retry=ONCE_MORE)

    def put_whole(self, body: bytes) -> None:
        _put(self._blob, body)

    def begin(self) -> None:
        described = {
            "name": self._blob.name,
            "contentType": self._blob.content_type,
            "metadata": self._blob.metadata,
        }
        with google_errors():
            self._upload.initiate(
                self._session,
                _Part(b"", 0),
                described,
                self._blob.content_type,
                stream_final=False,
                timeout=_TIMEOUT,
            )

    def put_part(self, number: int, offset: int, body: bytes) -> None:
        # Parts are whole chunks, of which the later parts have several.
        self._transmit(_Part(body, offset), len(body) // PART_BYTES)
        if self._upload.bytes_uploaded != offset + len(body):
            raise Unreachable("it has not taken a part of the upload.")

    def complete(self, parts: list[None], offset: int, rest: bytes) -> None:
        # What is less than a chunk, if it is nothing, is the end.
        self._transmit(_Part(rest, offset), len(rest) // PART_BYTES + 1)
        if not self._upload.finished:
            raise Unreachable("it has not taken the end of the upload.")

    def give_up(self) -> None:
        if self._upload.resumable_url:
            with google_errors():
                self._session.delete(self._upload.resumable_url, timeout=_TIMEOUT)

    def _transmit(self, part: _Part, chunks: int) -> None:
        # The SDK was made to pull a file, of which it looks at no more than this.
        self._upload._stream = part
        with google_errors():
            for _ in range(chunks):
                self._upload.transmit_next_chunk(self._session, timeout=_TIMEOUT)


def _put(blob: Blob, body: bytes) -> None:
    kind = blob.content_type or "application/octet-stream"
    with google_errors():
        blob.upload_from_string(body, content_type=kind, timeout=_TIMEOUT, retry=ONCE_MORE)


def _condition_parameters(conditions: Conditions) -> dict[str, str]:
    """Those that save a body from being sent; Conditions.check looks at all of them afterwards."""
    parameters = {}
    if len(conditions.if_match) == 1 and conditions.if_match[0].isdigit():
        parameters["ifGenerationMatch"] = conditions.if_match[0]
    if len(conditions.if_none_match) == 1 and conditions.if_none_match[0].isdigit():
        parameters["ifGenerationNotMatch"] = conditions.if_none_match[0]
    return parameters


def _page(blobs: list[Blob], prefixes: tuple[str, ...], prefix: str, marker: str) -> Page:
    # SECURITY: whatever a server makes of a marker, nothing outside the directory is shown.
    folders = [name[len(prefix) : -1] for name in prefixes if name.startswith(prefix)]
    files = [
        FileEntry(each.name[len(prefix) :], int(each.size), _time(each))
        for each in blobs
        if each.name.startswith(prefix) and not each.name.endswith("/")
    ]
    return Page([name for name in folders if name], files, marker)


def _time(blob: Blob) -> datetime:
    changed: datetime | None = blob.updated
    if changed is None:
        raise ValueError(blob.name)
    return changed


def _info(blob: Blob) -> ObjectInfo:
    return ObjectInfo(
        int(blob.size),
        _time(blob),
        str(blob.generation or ""),
        str(blob.content_type or ""),
        {str(name): str(value) for name, value in (blob.metadata or {}).items()},
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
