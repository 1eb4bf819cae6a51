"""Buckets of S3 and their rules, without the library that a process without S3 does not need."""

from dataclasses import dataclass
from datetime import datetime

BUCKET_ACLS = ("private", "public-read", "public-read-write", "authenticated-read")
OBJECT_ACLS = (*BUCKET_ACLS, "bucket-owner-read", "bucket-owner-full-control")


@dataclass(frozen=True, slots=True)
class Bucket:
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """`grantee` is the id of an account, the address of a group, or an e-mail address."""

    kind: str
    grantee: str
    name: str
    permission: str


@dataclass(frozen=True, slots=True)
class AccessList:
    """Who may do what; `canned` is the policy that grants just this, "" when there is none."""

    canned: str
    owner: str
    grants: list[Grant]


@dataclass(frozen=True, slots=True)
class CorsRule:
    """Which pages of other sites may send which requests; ages are seconds."""

    allowed_methods: tuple[str, ...]
    allowed_origins: tuple[str, ...]
    allowed_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age_seconds: int | None = None
