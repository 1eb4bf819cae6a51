"""What only S3 has: buckets, and the rules by which others use them and their objects."""

from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from dataportal.stores.base import NotPossible, Store
from dataportal.stores.bucket_rules import AccessList, Bucket, CorsRule, Grant
from dataportal.stores.s3 import DEFAULT_REGION, S3Store, storage_errors

_EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"
_SIGNED_IN = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
# What a canned ACL grants to others than the owner.
_CANNED: dict[frozenset[tuple[str, str]], str] = {
    frozenset(): "private",
    frozenset({(_EVERYBODY, "READ")}): "public-read",
    frozenset({(_EVERYBODY, "READ"), (_EVERYBODY, "WRITE")}): "public-read-write",
    frozenset({(_SIGNED_IN, "READ")}): "authenticated-read",
}


class S3Buckets:
    """Through an S3 store's client; methods raise what those of stores do."""

    def __init__(self, store: Store) -> None:
        if not isinstance(store, S3Store):
            raise NotPossible("only storages that speak as S3 does have buckets.")
        self._client = store.client

    def list_all(self) -> list[Bucket]:
        with storage_errors():
            found = self._client.list_buckets().get("Buckets", ())
        return [Bucket(each["Name"], each["CreationDate"]) for each in found]

    def create(self, name: str, location: str) -> None:
        """Have this bucket; it is no error when it is the account's already.

        `location` is a region or "EU"; with "" the bucket is made where the client asks.
        """
        place = location or self._client.meta.region_name
        asked: dict[str, Any] = {}
        # The first region is the one without a name.
        if place != DEFAULT_REGION:
            asked["CreateBucketConfiguration"] = {"LocationConstraint": place}
        with storage_errors():
            try:
                self._client.create_bucket(Bucket=name, **asked)
            except ClientError as exc:
                if _code(exc) != "BucketAlreadyOwnedByYou":
                    raise

    def bucket_acl(self, name: str) -> AccessList:
        with storage_errors():
            return _access_list(self._client.get_bucket_acl(Bucket=name))

    def set_bucket_acl(self, name: str, canned: str) -> None:
        with storage_errors():
            self._client.put_bucket_acl(Bucket=name, ACL=canned)

    def object_acl(self, bucket: str, key: str) -> AccessList:
        with storage_errors():
            return _access_list(self._client.get_object_acl(Bucket=bucket, Key=key))

    def set_object_acl(self, bucket: str, key: str, canned: str) -> None:
        with storage_errors():
            self._client.put_object_acl(Bucket=bucket, Key=key, ACL=canned)

    def cors(self, name: str) -> list[CorsRule]:
        with storage_errors():
            try:
                found = self._client.get_bucket_cors(Bucket=name)
            except ClientError as exc:
                if _code(exc) != "NoSuchCORSConfiguration":
                    raise
                return []
        return [_cors_rule(each) for each in found.get("CORSRules", ())]

    def set_cors(self, name: str, rules: Iterable[CorsRule]) -> None:
        said = {"CORSRules": [_said(rule) for rule in rules]}
        with storage_errors():
            self._client.put_bucket_cors(Bucket=name, CORSConfiguration=said)

    def delete_cors(self, name: str) -> None:
        with storage_errors():
            self._client.delete_bucket_cors(Bucket=name)


def _code(exc: ClientError) -> str:
    return str(exc.response.get("Error", {}).get("Code", ""))


def _access_list(answer: Mapping[str, Any]) -> AccessList:
    owner = str(answer.get("Owner", {}).get("ID", ""))
    grants = [_grant(each) for each in answer.get("Grants", ())]
    others = frozenset(
        (grant.grantee, grant.permission)
        for grant in grants
        if (grant.grantee, grant.permission) != (owner, "FULL_CONTROL")
    )
    return AccessList(_CANNED.get(others, ""), owner, grants)


def _grant(said: Mapping[str, Any]) -> Grant:
    grantee = said.get("Grantee", {})
    who = grantee.get("ID") or grantee.get("URI") or grantee.get("EmailAddress") or ""
    kind, name = grantee.get("Type", ""), grantee.get("DisplayName", "")
    return Grant(kind, who, name, said.get("Permission", ""))


def _cors_rule(said: Mapping[str, Any]) -> CorsRule:
    return CorsRule(
        tuple(said.get("AllowedMethods", ())),
        tuple(said.get("AllowedOrigins", ())),
        tuple(said.get("AllowedHeaders", ())),
        tuple(said.get("ExposeHeaders", ())),
        said.get("MaxAgeSeconds"),
    )


def _said(rule: CorsRule) -> dict[str, Any]:
    said: dict[str, Any] = {
        "AllowedMethods": list(rule.allowed_methods),
        "AllowedOrigins": list(rule.allowed_origins),
    }
    if rule.allowed_headers:
        said["AllowedHeaders"] = list(rule.allowed_headers)
    if rule.expose_headers:
        said["ExposeHeaders"] = list(rule.expose_headers)
    if rule.max_age_seconds is not None:
        said["MaxAgeSeconds"] = rule.max_age_seconds
    return said
