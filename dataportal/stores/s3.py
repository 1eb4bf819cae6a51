"""S3, and servers that speak as it does."""

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.awsrequest import AWSHTTPConnectionPool, AWSHTTPSConnectionPool
from botocore.config import Config
from botocore.configprovider import ConstantProvider
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    ParamValidationError,
    SSLError,
)
from botocore.parsers import ResponseParserError

from algoport.http.addresses import OutgoingPolicy
from algoport.http.checked import ConnectionNotAllowed, checked_pool
from dataportal.connectors.credentials import IamCredential
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
from dataportal.stores.uploads import PartedUpload

CONNECT_SECONDS, READ_SECONDS = 5, 60
DEFAULT_REGION = "us-east-1"

_client_lock = threading.Lock()
_MISSING = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})


@cache
def _session() -> botocore.session.Session:
    session = botocore.session.Session()
    store = session.get_component("config_store")
    store.set_config_provider("profile", ConstantProvider(None))
    for name in ("config_file", "credentials_file"):
        store.set_config_provider(name, ConstantProvider(os.devnull))
    return session


def make_client(
    credential: IamCredential, options: Mapping[str, str], policy: OutgoingPolicy
) -> Any:
    """A client that knows nothing but this; no file or variable of the machine is read for it."""
    config = Config(
        signature_version="s3v4",
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 2},
        proxies={},
        ignore_configured_endpoint_urls=True,
        max_pool_connections=16,
        s3={"addressing_style": options.get("addressing", "auto")},
        # Servers other than Amazon's do not know the newer checksums.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    with _client_lock:
        client = _session().create_client(
            "s3",
            region_name=options.get("region", DEFAULT_REGION),
            endpoint_url=options.get("endpoint_url"),
            aws_access_key_id=credential.access_key_id,
            aws_secret_access_key=credential.secret_access_key,
            config=config,
        )
    if "endpoint_url" in options:
        client.meta.events.register("before-call.s3", _stay_where_it_is)
    http = client._endpoint.http_session
    classes = {
        "http": checked_pool(AWSHTTPConnectionPool, policy),
        "https": checked_pool(AWSHTTPSConnectionPool, policy),
    }
    http._pool_classes_by_scheme = http._manager.pool_classes_by_scheme = classes
    return client


def _stay_where_it_is(context: dict[str, Any], **_: object) -> None:
    # Regions are Amazon's; for another server's redirect the SDK would ask it for the region, and
    # follow the redirect of that answer in the same way, on and on.
    context.setdefault("s3_redirect", {})["redirected"] = True


@contextlib.contextmanager
def storage_errors() -> Iterator[None]:
    """Errors of the SDK as ours, in the storage's own words."""
    try:
        yield
    except ClientError as exc:
        raise _as_store_error(exc) from exc
    except SSLError as exc:
        raise Unreachable("its TLS certificate is not valid for its address.") from exc
    except (HTTPClientError, ConnectionError) as exc:
        cause = exc.kwargs.get("error")
        if isinstance(cause, ConnectionNotAllowed):
            raise Refused(str(cause)) from exc
        raise Unreachable("it does not answer.") from exc
    except ParamValidationError as exc:
        # Of a bucket's name that no bucket can have, before anything was sent.
        raise NotPossible(f"{str(exc)[:300]}.") from exc
    except BotoCoreError as exc:
        raise Unreachable(f"{type(exc).__name__}.") from exc
    except (ResponseParserError, KeyError, TypeError, ValueError, AttributeError) as exc:
        # What the SDK makes of an answer has the parts that the answer had.
        raise Unreachable("its answer is not one of S3.") from exc


def _as_store_error(exc: ClientError) -> StoreError:
    error = exc.response.get("Error", {})
    head = exc.response.get("ResponseMetadata", {})
    code, status = str(error.get("Code", "")), head.get("HTTPStatusCode", 0)
    message = str(error.get("Message") or code)[:300]
    if code in _MISSING or status == 404:
        return NotFound(message)
    if status == 304:
        return NotModified(head.get("HTTPHeaders", {}).get("etag", "").strip('"'), None)
    if status == 412:
        return PreconditionFailed("the storage has another one.")
    if status == 416 or code == "InvalidRange":
        size = str(error.get("ActualObjectSize", ""))
        return RangeNotSatisfiable(int(size) if size.isdigit() else None)
    if status in (401, 403):
        kind = NotPermitted if code == "AccessDenied" else Refused
        return kind(f"{code}: {message}")
    if status == 501:
        return NotPossible(f"{code}: {message}")
    return Unreachable(f"{code}: {message}") if status >= 500 else NotPossible(message)


class S3Store(Store):
    """Paths are BUCKET/KEY."""

    def __init__(
        self, credential: IamCredential, options: Mapping[str, str], policy: OutgoingPolicy
    ) -> None:
        self.client = make_client(credential, options, policy)
        self._encryption: dict[str, str] = {}
        if key := options.get("kms_key_id"):
            self._encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}

    def list_page(
        self, directory: str, *, begins: str = "", marker: str = "", most: int = PAGE_SIZE
    ) -> Page:
        with storage_errors():
            if not directory:
                return self._list_buckets(begins, marker, most)
            bucket, _, key = directory.partition("/")
            prefix = f"{key}/" if key else ""
            asked: dict[str, Any] = {"ContinuationToken": marker} if marker else {}
            found = self.client.list_objects_v2(
                Bucket=bucket, Prefix=prefix + begins, Delimiter="/", MaxKeys=most, **asked
            )
            if key and not marker and not begins and not found.get("KeyCount"):
                raise NotFound(directory)
            return _page(found, prefix)

    def stat(self, path: str) -> ObjectInfo | DirectoryInfo:
        bucket, _, key = path.partition("/")
        with storage_errors():
            if not key:
                if bucket:
                    self.client.head_bucket(Bucket=bucket)
                return DirectoryInfo()
            try:
                return _info(self.client.head_object(Bucket=bucket, Key=key))
            except ClientError as exc:
                if not isinstance(_as_store_error(exc), NotFound):
                    raise
            if self._keys_below(bucket, key, 1):
                return DirectoryInfo()
        raise NotFound(path)

    def open(
        self, path: str, part: ByteRange | None = None, conditions: Conditions | None = None
    ) -> Opened:
        bucket, _, key = path.partition("/")
        if not key:
            raise NotFound(path)
        asked = _asked(part, conditions or Conditions())
        with storage_errors():
            answer = self.client.get_object(Bucket=bucket, Key=key, **asked)
            opened = _S3Object(answer)
        try:
            (conditions or Conditions()).check(opened.info)
        except StoreError:
            opened.close()
            raise
        return opened

    def write(self, path: str, content_type: str, metadata: Mapping[str, str]) -> Upload:
        bucket, _, key = path.partition("/")
        if not key:
            raise NotPossible("a file needs a bucket and a name.")
        target = {"Bucket": bucket, "Key": key}
        kind = {"ContentType": content_type, "Metadata": dict(metadata), **self._encryption}
        return _S3Upload(self.client, target, kind)

    def delete(self, path: str) -> None:
        bucket, _, key = path.partition("/")
        with storage_errors():
            # Deleting what is not there would be no error.
            self.client.head_object(Bucket=bucket, Key=key)
            self.client.delete_object(Bucket=bucket, Key=key)

    def delete_directory(self, path: str, *, force: bool) -> Deleted:
        bucket, _, key = path.partition("/")
        if not key:
            raise NotPossible("buckets are deleted at the storage itself.")
        with storage_errors():
            keys = self._keys_below(bucket, key, 2)
            if not keys:
                raise NotFound(path)
            if force:
                return self._delete_below(bucket, key)
            if keys != [f"{key}/"]:
                raise NotEmpty(path)
            self.client.delete_object(Bucket=bucket, Key=f"{key}/")
            return Deleted(0)

    def make_directory(self, path: str) -> None:
        bucket, _, key = path.partition("/")
        if not key:
            raise NotPossible("a bucket is made with its location, as the API reference tells.")
        with storage_errors():
            self.client.put_object(Bucket=bucket, Key=f"{key}/", Body=b"", **self._encryption)

    def check(self, begins: str = "") -> None:
        bucket, slash, key = begins.partition("/")
        if slash:
            with storage_errors():
                self.client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
            return
        with contextlib.suppress(NotPermitted), storage_errors():
            self.client.list_buckets()

    def close(self) -> None:
        self.client.close()

    def _list_buckets(self, begins: str, marker: str, most: int) -> Page:
        names = sorted(each["Name"] for each in self.client.list_buckets()["Buckets"])
        names = [name for name in names if name.startswith(begins) and name > marker]
        page = names[:most]
        return Page(page, [], page[-1] if len(names) > most else "")

    def _keys_below(self, bucket: str, key: str, most: int) -> list[str]:
        found = self.client.list_objects_v2(Bucket=bucket, Prefix=f"{key}/", MaxKeys=most)
        return [each["Key"] for each in found.get("Contents", ())]

    def _delete_below(self, bucket: str, key: str) -> Deleted:
        prefix, count, failures = f"{key}/", 0, []
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            keys = [e["Key"] for e in page.get("Contents", ()) if e["Key"].startswith(prefix)]
            if not keys:
                continue
            wanted = {"Objects": [{"Key": each} for each in keys], "Quiet": True}
            errors = self.client.delete_objects(Bucket=bucket, Delete=wanted).get("Errors", ())
            refused = {each["Key"] for each in errors}
            failures += [f"{e['Key']}: {e.get('Message', e.get('Code', ''))}" for e in errors]
            count += sum(each not in refused and not each.endswith("/") for each in keys)
        if not failures:
            # Some servers keep a directory whose marker went before what was in it.
            self.client.delete_object(Bucket=bucket, Key=prefix)
        return Deleted(count, tuple(failures[:10]))


class _S3Object(Opened):
    def __init__(self, answer: dict[str, Any]) -> None:
        self._body = answer["Body"]
        self.info = _info(answer)
        given = answer.get("ContentRange", "")
        if given:
            # bytes FIRST-LAST/SIZE
            first, _, last = given.removeprefix("bytes ").partition("/")[0].partition("-")
            self.span = (int(first), int(last))

    def read(self, size: int) -> bytes:
        try:
            data: bytes = self._body.read(size)
        except (BotoCoreError, OSError) as exc:
            raise Unreachable("the connection was lost.") from exc
        return data

    def close(self) -> None:
        self._body.close()


class _S3Upload(PartedUpload[dict[str, Any]]):
    def __init__(self, client: Any, target: dict[str, str], kind: dict[str, Any]) -> None:
        super().__init__()
        self._client = client
        self._target = target
        self._kind = kind
        self._upload: dict[str, str] = {}

    def put_whole(self, body: bytes) -> None:
        with storage_errors():
            self._client.put_object(**self._target, **self._kind, Body=body)

    def begin(self) -> None:
        with storage_errors():
            begun = self._client.create_multipart_upload(**self._target, **self._kind)
            self._upload = {**self._target, "UploadId": begun["UploadId"]}

    def put_part(self, number: int, offset: int, body: bytes) -> dict[str, Any]:
        with storage_errors():
            sent = self._client.upload_part(**self._upload, PartNumber=number, Body=body)
            return {"PartNumber": number, "ETag": sent["ETag"]}

    def complete(self, parts: list[dict[str, Any]], offset: int, rest: bytes) -> None:
        parts = [*parts, self.put_part(len(parts) + 1, offset, rest)]
        with storage_errors():
            self._client.complete_multipart_upload(**self._upload, MultipartUpload={"Parts": parts})

    def give_up(self) -> None:
        with storage_errors():
            self._client.abort_multipart_upload(**self._upload)


def _page(found: Mapping[str, Any], prefix: str) -> Page:
    names = (each["Prefix"] for each in found.get("CommonPrefixes", ()))
    # SECURITY: whatever a server makes of a marker, nothing outside the directory is shown.
    inside = [name[len(prefix) : -1] for name in names if name.startswith(prefix)]
    files = [
        FileEntry(each["Key"][len(prefix) :], each["Size"], each["LastModified"])
        for each in found.get("Contents", ())
        if each["Key"].startswith(prefix) and not each["Key"].endswith("/")
    ]
    following = found.get("NextContinuationToken", "") if found.get("IsTruncated") else ""
    return Page([name for name in inside if name], files, following)


def _asked(part: ByteRange | None, conditions: Conditions) -> dict[str, Any]:
    asked: dict[str, Any] = {}
    if part is not None:
        start = "" if part.start is None else part.start
        asked["Range"] = f"bytes={start}-{'' if part.end is None else part.end}"
    # S3 takes one; Conditions.check looks at all of them afterwards.
    if len(conditions.if_match) == 1:
        asked["IfMatch"] = _etag(conditions.if_match[0])
    if len(conditions.if_none_match) == 1:
        asked["IfNoneMatch"] = _etag(conditions.if_none_match[0])
    if conditions.if_modified_since:
        asked["IfModifiedSince"] = conditions.if_modified_since
    if conditions.if_unmodified_since:
        asked["IfUnmodifiedSince"] = conditions.if_unmodified_since
    return asked


def _etag(etag: str) -> str:
    return "*" if etag == "*" else f'"{etag}"'


def _info(answer: dict[str, Any]) -> ObjectInfo:
    whole = answer.get("ContentRange", "").rpartition("/")[2]
    return ObjectInfo(
        int(whole) if whole.isdigit() else answer["ContentLength"],
        answer.get("LastModified"),
        answer.get("ETag", "").strip('"'),
        answer.get("ContentType", ""),
        answer.get("Metadata", {}),
    )
