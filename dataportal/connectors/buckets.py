"""Buckets of S3 connectors, for who may use them as far as their path restriction goes."""

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeVar

from django.db import transaction

from algoport.accounts.permissions import Action, Principal, can, require
from algoport.audit.recording import act
from dataportal.connectors.asking import ask
from dataportal.connectors.failures import as_api_error
from dataportal.connectors.selectors import resource_of, use_connector_for
from dataportal.constants import Protocol
from dataportal.errors import InvalidPath, NotPossibleHere
from dataportal.models import Connector
from dataportal.paths import check_name
from dataportal.stores.base import Store, StoreError
from dataportal.stores.bucket_rules import AccessList, Bucket, CorsRule

if TYPE_CHECKING:
    from dataportal.stores.s3_buckets import S3Buckets

# Of old buckets as well; an ARN, which could lead elsewhere, is none.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,254}\Z")

T = TypeVar("T")


def list_buckets(principal: Principal, owner: str, connector_id: str) -> list[Bucket]:
    """The storage's buckets in which the connector shows anything."""
    connector = _authorized(principal, owner, connector_id, Action.LIST_CONNECTOR, "")
    found = _ask(connector, lambda buckets: buckets.list_all())
    return [each for each in found if _is_shown(principal, connector, each.name)]


def create_bucket(
    *, principal: Principal, owner: str, connector_id: str, name: str, location: str
) -> None:
    """Have a bucket at this location, "" for the connector's own region."""
    connector = _of_bucket(principal, owner, connector_id, Action.WRITE_STORAGE_RULES, name)
    options = connector.options
    if location and "endpoint_url" not in options:
        # Amazon makes buckets of all regions, but of the others than one's own in the first.
        options = {key: value for key, value in options.items() if key != "region"}
    _ask(connector, lambda buckets: buckets.create(name, location), options)
    _record("bucket.create", connector, bucket=name, location=location)


def get_bucket_acl(principal: Principal, owner: str, connector_id: str, bucket: str) -> AccessList:
    connector = _of_bucket(principal, owner, connector_id, Action.READ_STORAGE_RULES, bucket)
    return _ask(connector, lambda buckets: buckets.bucket_acl(bucket))


def set_bucket_acl(
    *, principal: Principal, owner: str, connector_id: str, bucket: str, acl: str
) -> None:
    connector = _of_bucket(principal, owner, connector_id, Action.WRITE_STORAGE_RULES, bucket)
    _ask(connector, lambda buckets: buckets.set_bucket_acl(bucket, acl))
    _record("bucket.set_acl", connector, bucket=bucket, acl=acl)


def get_object_acl(
    principal: Principal, owner: str, connector_id: str, bucket: str, key: str
) -> AccessList:
    path = _object_path(bucket, key)
    connector = _authorized(principal, owner, connector_id, Action.READ_STORAGE_RULES, path)
    return _ask(connector, lambda buckets: buckets.object_acl(bucket, key))


def set_object_acl(
    *, principal: Principal, owner: str, connector_id: str, bucket: str, key: str, acl: str
) -> None:
    path = _object_path(bucket, key)
    connector = _authorized(principal, owner, connector_id, Action.WRITE_STORAGE_RULES, path)
    _ask(connector, lambda buckets: buckets.set_object_acl(bucket, key, acl))
    _record("object.set_acl", connector, bucket=bucket, object=key, acl=acl)


def get_cors(principal: Principal, owner: str, connector_id: str, bucket: str) -> list[CorsRule]:
    connector = _of_bucket(principal, owner, connector_id, Action.READ_STORAGE_RULES, bucket)
    return _ask(connector, lambda buckets: buckets.cors(bucket))


def set_cors(
    *,
    principal: Principal,
    owner: str,
    connector_id: str,
    bucket: str,
    rules: Sequence[CorsRule],
) -> None:
    """Replace the bucket's rules; with none they are removed."""
    connector = _of_bucket(principal, owner, connector_id, Action.WRITE_STORAGE_RULES, bucket)
    if rules:
        _ask(connector, lambda buckets: buckets.set_cors(bucket, rules))
    else:
        _ask(connector, lambda buckets: buckets.delete_cors(bucket))
    _record("bucket.set_cors", connector, bucket=bucket, rules=[asdict(rule) for rule in rules])


def may_make_buckets(principal: Principal, owner: str, connector_id: str) -> bool:
    """Whether there is a name for which `create_bucket` would be allowed."""
    connector = use_connector_for(principal, owner, connector_id)
    imagined = connector.path.replace("*", "new").partition("/")[0]
    return _may_write(principal, connector, f"{imagined}/")


def may_set_rules(principal: Principal, owner: str, connector_id: str, path: str) -> bool:
    """Whether who else may use a bucket (`BUCKET/`) or an object is the principal's to say."""
    return _may_write(principal, use_connector_for(principal, owner, connector_id), path)


def _may_write(principal: Principal, connector: Connector, path: str) -> bool:
    return bool(can(principal, Action.WRITE_STORAGE_RULES, resource_of(connector, path)))


def _record(action: str, connector: Connector, **details: object) -> None:
    """Recorded when the storage has done it: no transaction of ours can hold what it does."""
    with transaction.atomic(), act(action, connector) as done:
        done.note(**details)


def _of_bucket(
    principal: Principal, owner: str, connector_id: str, action: Action, bucket: str
) -> Connector:
    return _authorized(principal, owner, connector_id, action, f"{_check_bucket(bucket)}/")


def _authorized(
    principal: Principal, owner: str, connector_id: str, action: Action, path: str
) -> Connector:
    """Raises UserNotFound, ConnectorNotFound, NotPossibleHere, NotAuthorized."""
    connector = use_connector_for(principal, owner, connector_id)
    require(principal, action, resource_of(connector, path))
    if connector.protocol != Protocol.S3:
        raise NotPossibleHere(connector=connector.name, reason="only S3 has buckets.")
    return connector


def _ask(
    connector: Connector,
    question: "Callable[[S3Buckets], T]",
    options: dict[str, str] | None = None,
) -> T:
    def of_buckets(store: Store) -> T:
        # Its library is that of the store, which is there by now.
        from dataportal.stores.s3_buckets import S3Buckets

        return question(S3Buckets(store))

    try:
        return ask(connector, of_buckets, options)
    except StoreError as exc:
        raise as_api_error(exc, connector.name) from exc


def _is_shown(principal: Principal, connector: Connector, bucket: str) -> bool:
    return bool(can(principal, Action.LIST_CONNECTOR, resource_of(connector, f"{bucket}/")))


def _check_bucket(bucket: str) -> str:
    if not _BUCKET.match(bucket):
        raise InvalidPath(reason="this is not the name of a bucket")
    return bucket


def _object_path(bucket: str, key: str) -> str:
    segments = key.removesuffix("/").split("/")
    if not all(segments):
        raise InvalidPath(reason="key is the name of an object, without empty segments")
    for segment in segments:
        check_name(segment)
    return f"{_check_bucket(bucket)}/{key}"
