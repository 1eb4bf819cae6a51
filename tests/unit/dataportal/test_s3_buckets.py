"""What is sent to S3 about buckets where no server at hand answers as Amazon's does."""

from typing import Any

import pytest
from botocore.stub import Stubber

from algoport.http.addresses import OutgoingPolicy
from dataportal.connectors.credentials import IamCredential
from dataportal.stores.base import NotFound, NotPossible, Refused, StoreError, Unreachable
from dataportal.stores.s3 import S3Store
from dataportal.stores.s3_buckets import CorsRule, S3Buckets

OWNER = {"ID": "owner", "DisplayName": "demo"}
OWN = {"Grantee": {"Type": "CanonicalUser", "ID": "owner"}, "Permission": "FULL_CONTROL"}
GROUPS = "http://acs.amazonaws.com/groups/global/"


def group(name: str, permission: str) -> dict[str, Any]:
    return {"Grantee": {"Type": "Group", "URI": GROUPS + name}, "Permission": permission}


def stubbed(**options: str) -> tuple[S3Buckets, Stubber]:
    store = S3Store(IamCredential("id", "secret"), options, OutgoingPolicy())
    stubber = Stubber(store.client)
    stubber.activate()
    return S3Buckets(store), stubber


@pytest.mark.parametrize(
    ("region", "location", "asked"),
    [
        ("us-east-1", "", None),
        ("us-east-1", "us-east-1", None),
        ("us-east-1", "EU", "EU"),
        ("us-east-1", "ap-southeast-1", "ap-southeast-1"),
        ("eu-west-1", "", "eu-west-1"),
        ("eu-west-1", "us-west-1", "us-west-1"),
    ],
)
def test_bucket_is_made_at_its_location(region: str, location: str, asked: str | None) -> None:
    buckets, stubber = stubbed(region=region)
    expected: dict[str, Any] = {"Bucket": "bucket"}
    if asked:
        expected["CreateBucketConfiguration"] = {"LocationConstraint": asked}
    stubber.add_response("create_bucket", {}, expected)

    buckets.create("bucket", location)
    stubber.assert_no_pending_responses()


def test_bucket_that_is_the_accounts_already_is_good() -> None:
    buckets, stubber = stubbed()
    stubber.add_client_error("create_bucket", "BucketAlreadyOwnedByYou", "yours", 409)
    buckets.create("bucket", "")

    stubber.add_client_error("create_bucket", "BucketAlreadyExists", "It is not available.", 409)
    with pytest.raises(NotPossible, match="It is not available"):
        buckets.create("bucket", "")


@pytest.mark.parametrize(
    ("grants", "canned"),
    [
        ([OWN], "private"),
        ([OWN, group("AllUsers", "READ")], "public-read"),
        ([OWN, group("AllUsers", "WRITE"), group("AllUsers", "READ")], "public-read-write"),
        ([OWN, group("AuthenticatedUsers", "READ")], "authenticated-read"),
        ([OWN, group("AllUsers", "READ_ACP")], ""),
        ([OWN, group("AuthenticatedUsers", "READ"), group("AllUsers", "READ")], ""),
    ],
)
def test_grants_are_told_by_the_policy_that_makes_them(
    grants: list[dict[str, Any]], canned: str
) -> None:
    buckets, stubber = stubbed()
    stubber.add_response("get_bucket_acl", {"Owner": OWNER, "Grants": grants}, {"Bucket": "b-b"})
    stubber.add_response(
        "get_object_acl", {"Owner": OWNER, "Grants": grants}, {"Bucket": "b-b", "Key": "k"}
    )

    assert buckets.bucket_acl("b-b") == buckets.object_acl("b-b", "k")
    stubber.add_response("get_bucket_acl", {"Owner": OWNER, "Grants": grants})
    acl = buckets.bucket_acl("b-b")
    assert (acl.canned, acl.owner, len(acl.grants)) == (canned, "owner", len(grants))


def test_grant_to_an_account_is_shown_as_it_is() -> None:
    buckets, stubber = stubbed()
    email = {"Type": "AmazonCustomerByEmail", "EmailAddress": "guest@example.com"}
    grants = [OWN, {"Grantee": email, "Permission": "READ"}]
    stubber.add_response("get_bucket_acl", {"Owner": OWNER, "Grants": grants})

    acl = buckets.bucket_acl("b-b")
    assert acl.canned == ""
    assert (acl.grants[1].grantee, acl.grants[1].permission) == ("guest@example.com", "READ")


def test_rule_says_nothing_of_what_it_leaves_open() -> None:
    buckets, stubber = stubbed()
    said = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}
    stubber.add_response(
        "put_bucket_cors", {}, {"Bucket": "b-b", "CORSConfiguration": {"CORSRules": [said]}}
    )
    stubber.add_response("get_bucket_cors", {"CORSRules": [said]}, {"Bucket": "b-b"})
    rule = CorsRule(("GET",), ("*",))

    buckets.set_cors("b-b", [rule])
    assert buckets.cors("b-b") == [rule]


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("AccessControlListNotSupported", 400, NotPossible),
        ("AccessDenied", 403, Refused),
        ("NoSuchBucket", 404, NotFound),
        ("NotImplemented", 501, NotPossible),
        ("InternalError", 500, Unreachable),
    ],
)
def test_storage_says_why_it_refuses(code: str, status: int, kind: type[StoreError]) -> None:
    buckets, stubber = stubbed()
    stubber.add_client_error("put_bucket_acl", code, "The words of the storage.", status)

    with pytest.raises(kind, match=r"The words of the storage\."):
        buckets.set_bucket_acl("b-b", "public-read")


def test_name_that_the_sdk_does_not_send_is_refused() -> None:
    buckets, stubber = stubbed()
    stubber.deactivate()
    with pytest.raises(NotPossible, match="Invalid bucket name"):
        buckets.bucket_acl("a b")
