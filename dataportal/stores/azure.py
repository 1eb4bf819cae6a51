"""Azure Blob Storage, by a shared access signature for one container."""

import contextlib
import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, quote

from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline.transport import RequestsTransport
from azure.core.settings import settings
from azure.storage.blob import (
    BlobBlock,
    BlobPrefix,
    BlobProperties,
    ContainerClient,
    ContentSettings,
    ExponentialRetry,
)

from algoport.http.addresses import OutgoingPolicy
from algoport.http.checked import ConnectionNotAllowed
from dataportal.connectors.credentials import SasCredential
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
    HttpClient,
    given_range,
    headers_with,
    http_date,
    not_satisfiable,
    open_answer,
    range_header,
    read_body,
)
from dataportal.stores.uploads import Deletions, PartedUpload

# Variables of the machine would else switch tracing on.
settings.tracing_enabled = False

_META = "x-ms-meta-"
# Where names are a hierarchy, directories are objects with this.
_IS_DIRECTORY = "hdi_isfolder"
# What is said to a signature that is good but does not allow this.
_NOT_PERMITTED = "AuthorizationPermissionMismatch"


class AzureStore(Store):
    """Paths are inside the container."""

    def __init__(
        self, credential: SasCredential, options: Mapping[str, str], policy: OutgoingPolicy
    ) -> None:
        sas = credential.sas_token.removeprefix("?")
        self._secrets = _spellings(sas)
        self._http = HttpClient(policy)
        transport = RequestsTransport(
            session=self._http.session,
            session_owner=False,
            use_env_settings=False,
            connection_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
        )
        try:
            self._container = ContainerClient(
                credential.storage_uri,
                credential.container_name,
                credential=sas,
                transport=transport,
                retry_policy=ExponentialRetry(1, 1, retry_total=1, random_jitter_range=1),
                user_agent_use_env=False,
            )
        except ValueError as exc:
            raise NotPossible(self._masked(str(exc))) from None

    def list_page(
        self, directory: str, *, begins: str = "", marker: str = "", most: int = PAGE_SIZE
    ) -> Page:
        prefix = f"{directory}/" if directory else ""
        with self._errors():
            found = self._container.walk_blobs(
                prefix + begins, delimiter="/", results_per_page=most
            )
            pages: Any = found.by_page(marker or None)
            entries = list(next(pages, ()))
            page = _page(entries, prefix, pages.continuation_token or "")
        if directory and not (entries or marker or begins or page.marker):
            raise NotFound(directory)
        return page

    def stat(self, path: str) -> ObjectInfo | DirectoryInfo:
        with self._errors():
            if not path:
                return DirectoryInfo()
            with contextlib.suppress(NotFound), self._errors():
                found = self._container.get_blob_client(path).get_blob_properties()
                if found.metadata.get(_IS_DIRECTORY) == "true":
                    return DirectoryInfo()
                return _info(found)
            if self._names_below(path, 1):
                return DirectoryInfo()
        raise NotFound(path)

    def open(
        self, path: str, part: ByteRange | None = None, conditions: Conditions | None = None
    ) -> Opened:
        if not path:
            raise NotFound(path)
        with self._errors():
            blob = self._container.get_blob_client(path)
            if part is not None and part.start is None:
                # The only storage that does not know `the last bytes`.
                size = blob.get_blob_properties().size
                part = ByteRange(*part.within(size))
        headers = {"x-ms-version": blob.api_version, "Accept-Encoding": "gzip"}
        if part is not None:
            headers["Range"] = range_header(part)
        headers |= _condition_headers(conditions or Conditions())
        answer = self._http.get(blob.url, headers)
        if answer.status_code not in (200, 206):
            raise self._refusal(answer)
        return open_answer(answer, _info_of_headers(answer), conditions)

    def write(self, path: str, content_type: str, metadata: Mapping[str, str]) -> Upload:
        if not path:
            raise NotPossible("a file needs a name.")
        for name in metadata:
            if not name.isidentifier() or not name.isascii():
                raise NotPossible(
                    f"Azure takes names of letters, digits and `_` for metadata, not {name!r}."
                )
        return _AzureUpload(self, path, content_type, dict(metadata))

    def delete(self, path: str) -> None:
        with self._errors():
            self._container.get_blob_client(path).delete_blob(delete_snapshots="include")

    def delete_directory(self, path: str, *, force: bool) -> Deleted:
        if not path:
            raise NotPossible("containers are deleted at the storage itself.")
        names = self._names_below(path, 2)
        if not names:
            raise NotFound(path)
        if not force and names != [f"{path}/"]:
            raise NotEmpty(path)
        deletions = Deletions(self.delete)
        with self._errors():
            found = self._container.list_blob_names(
                name_starts_with=f"{path}/", results_per_page=PAGE_SIZE
            )
            for page in found.by_page():
                deletions.add([name for name in page if name.startswith(f"{path}/")])
        return deletions.total()

    def make_directory(self, path: str) -> None:
        self.put(f"{path}/", b"")

    def check(self, begins: str = "") -> None:
        with contextlib.suppress(NotPermitted), self._errors():
            found = self._container.list_blob_names(name_starts_with=begins, results_per_page=1)
            next(found.by_page(), None)

    def close(self) -> None:
        self._http.close()

    def put(self, name: str, body: bytes, **kind: Any) -> None:
        """An object by one request."""
        with self.errors_of(name) as blob:
            blob.upload_blob(body, length=len(body), overwrite=True, max_concurrency=1, **kind)

    @contextlib.contextmanager
    def errors_of(self, name: str) -> Iterator[Any]:
        """The SDK's client of one object; its errors as ours."""
        with self._errors():
            yield self._container.get_blob_client(name)

    def _names_below(self, path: str, most: int) -> list[str]:
        with self._errors():
            found = self._container.list_blob_names(
                name_starts_with=f"{path}/", results_per_page=most
            )
            return list(next(found.by_page(), ()))

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        # SECURITY: addresses hold the signature, and the SDK's errors hold addresses: none of
        # them is kept as a cause.
        try:
            yield
        except ConnectionNotAllowed as exc:
            raise Refused(str(exc)) from None
        except HttpResponseError as exc:
            code = getattr(exc, "error_code", None) or ""
            words = (exc.message or "").splitlines() or [""]
            failure = self._error(exc.status_code or 0, str(getattr(code, "value", code)), words[0])
            raise failure from None
        except AzureError:
            raise Unreachable("it does not answer.") from None
        except (KeyError, TypeError, ValueError, AttributeError):
            # What the SDK makes of an answer has the parts that the answer had.
            raise Unreachable("its answer is not one of Azure.") from None

    def _refusal(self, answer: Any) -> StoreError:
        if answer.status_code == 416:
            return not_satisfiable(answer)
        read_body(answer)
        code = answer.headers.get("x-ms-error-code", "")
        return self._error(answer.status_code, code, answer.reason or "", answer)

    def _error(self, status: int, code: str, words: str, answer: Any = None) -> StoreError:
        text = self._masked(f"{code}: {words}" if code else words)[:300]
        if status == 404:
            return NotFound(text)
        if status == 304:
            headers = {} if answer is None else answer.headers
            changed = http_date(headers.get("Last-Modified", ""))
            return NotModified(headers.get("ETag", "").strip('"'), changed)
        if status == 412:
            return PreconditionFailed("the storage has another one.")
        if status == 416:
            return RangeNotSatisfiable(None)
        if status in (401, 403):
            return NotPermitted(text) if code == _NOT_PERMITTED else Refused(text)
        return Unreachable(text) if status >= 500 or status < 400 else NotPossible(text)

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


class _AzureUpload(PartedUpload[str]):
    def __init__(self, store: AzureStore, name: str, kind: str, metadata: dict[str, str]) -> None:
        super().__init__()
        self._store = store
        self._name = name
        self._kind: dict[str, Any] = {
            "content_settings": ContentSettings(content_type=kind),
            "metadata": metadata,
        }
        # Blocks that others send for the same object are not mixed with ours.
        self._id = uuid.uuid4().hex

    def put_whole(self, body: bytes) -> None:
        self._store.put(self._name, body, **self._kind)

    def begin(self) -> None:
        pass

    def put_part(self, number: int, offset: int, body: bytes) -> str:
        block_id = f"{self._id}-{number:06}"
        with self._store.errors_of(self._name) as blob:
            blob.stage_block(block_id, body, length=len(body))
        return block_id

    def complete(self, parts: list[str], offset: int, rest: bytes) -> None:
        parts = [*parts, self.put_part(len(parts) + 1, offset, rest)]
        with self._store.errors_of(self._name) as blob:
            blob.commit_block_list([BlobBlock(block_id=each) for each in parts], **self._kind)

    def give_up(self) -> None:
        """Azure forgets blocks by itself within a week, and cannot be told to."""


def _spellings(sas: str) -> list[str]:
    """The signature, in the ways in which an address may have it; the longest come first."""
    found = set(parse_qs(sas).get("sig", ()))
    found |= {quote(each, safe="") for each in found} | {quote(each) for each in found}
    return sorted(found, key=len, reverse=True)


def _condition_headers(conditions: Conditions) -> dict[str, str]:
    """Those that save a body from being sent; Conditions.check looks at all of them afterwards."""
    is_simple = len(conditions.if_none_match) == 1 and not conditions.if_match
    # Azure takes `*` for writing only.
    if is_simple and conditions.if_none_match != ("*",):
        return {"If-None-Match": f'"{conditions.if_none_match[0]}"'}
    return {}


def _page(entries: list[Any], prefix: str, following: str) -> Page:
    folders, files = [], []
    for each in entries:
        # SECURITY: whatever a server makes of a marker, nothing outside the directory is shown.
        if not each.name.startswith(prefix):
            continue
        name = each.name[len(prefix) :]
        if isinstance(each, BlobPrefix):
            folders.append(name.removesuffix("/"))
        elif name and not name.endswith("/"):
            files.append(FileEntry(name, each.size, each.last_modified))
    return Page([name for name in folders if name], files, following)


def _info(found: BlobProperties) -> ObjectInfo:
    return ObjectInfo(
        found.size,
        found.last_modified,
        (found.etag or "").strip('"'),
        found.content_settings.content_type or "",
        found.metadata or {},
    )


def _info_of_headers(answer: Any) -> ObjectInfo:
    size = given_range(answer)[1]
    return ObjectInfo(
        int(answer.headers.get("Content-Length", 0)) if size is None else size,
        http_date(answer.headers.get("Last-Modified", "")),
        answer.headers.get("ETag", "").strip('"'),
        answer.headers.get("Content-Type", ""),
        headers_with(_META, answer),
    )
