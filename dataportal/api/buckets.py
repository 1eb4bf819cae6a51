"""Buckets of S3 connectors, their ACLs and CORS rules; all of it beyond the protocol."""

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import principal_of
from algoport.api import strict
from algoport.api.description import refusals
from algoport.api.timestamps import to_milliseconds
from dataportal.api.shapes import (
    AccessListShape,
    BucketListShape,
    CannedAclShape,
    CorsShape,
    NewBucketShape,
)
from dataportal.connectors import buckets
from dataportal.errors import (
    ConnectorNotFound,
    CredentialsNotReadable,
    InvalidPath,
    NotPossibleHere,
    PathNotFound,
    StorageNotReached,
    StorageRefused,
    TooManyAtOnce,
)
from dataportal.stores.bucket_rules import BUCKET_ACLS, OBJECT_ACLS, AccessList, CorsRule

# As browsers send them, perhaps with `*`; a storage says what else they have to be.
_ORIGIN = r"^[!-~]+\Z"
_HEADER = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z"
_METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD")
# S3's own limit.
_MOST_RULES = 100
_LONGEST_AGE = 7 * 24 * 3600

_REFUSALS = refusals(
    ConnectorNotFound,
    PathNotFound,
    InvalidPath,
    NotPossibleHere,
    StorageRefused,
    StorageNotReached,
    TooManyAtOnce,
    CredentialsNotReadable,
)


class BucketSerializer(serializers.Serializer[Any]):
    name = strict.RegexField(r"\A[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
    location = strict.RegexField(
        r"\A(EU|[a-z][a-z0-9-]{1,38}[a-z0-9])?\Z", required=False, allow_blank=True, default=""
    )


class BucketAclSerializer(serializers.Serializer[Any]):
    acl = serializers.ChoiceField(BUCKET_ACLS)


class ObjectAclSerializer(serializers.Serializer[Any]):
    acl = serializers.ChoiceField(OBJECT_ACLS)


class KeySerializer(serializers.Serializer[Any]):
    key = strict.CharField(trim_whitespace=False, max_length=1024)


class CorsRuleSerializer(serializers.Serializer[Any]):
    allowed_methods = serializers.ListField(
        child=serializers.ChoiceField(_METHODS), allow_empty=False
    )
    allowed_origins = serializers.ListField(
        child=strict.RegexField(_ORIGIN, max_length=2000), allow_empty=False, max_length=100
    )
    allowed_headers = serializers.ListField(
        child=strict.RegexField(_HEADER, max_length=200), default=list, max_length=100
    )
    expose_headers = serializers.ListField(
        child=strict.RegexField(_HEADER, max_length=200), default=list, max_length=100
    )
    max_age_seconds = strict.IntegerField(
        default=None, allow_null=True, min_value=0, max_value=_LONGEST_AGE
    )


class CorsSerializer(serializers.Serializer[Any]):
    rules = serializers.ListField(
        child=CorsRuleSerializer(), allow_empty=False, max_length=_MOST_RULES
    )

    def rules_given(self) -> list[CorsRule]:
        return [
            CorsRule(
                tuple(rule["allowed_methods"]),
                tuple(rule["allowed_origins"]),
                tuple(rule["allowed_headers"]),
                tuple(rule["expose_headers"]),
                rule["max_age_seconds"],
            )
            for rule in self.validated_data["rules"]
        ]


class BucketListView(APIView):
    @extend_schema(
        responses={200: BucketListShape, **_REFUSALS},
    )
    def get(self, request: Request, username: str, connector_id: str) -> Response:
        """List the buckets of an S3 connector."""
        found = buckets.list_buckets(principal_of(request), username, connector_id)
        listed = [
            {"name": each.name, "created_at": to_milliseconds(each.created_at)} for each in found
        ]
        return Response({"buckets": listed})

    @extend_schema(
        request=BucketSerializer,
        responses={200: NewBucketShape, **_REFUSALS},
    )
    def post(self, request: Request, username: str, connector_id: str) -> Response:
        """Create a bucket."""
        given = _valid(BucketSerializer(data=request.data))
        name, location = given["name"], given["location"]
        buckets.create_bucket(
            principal=principal_of(request),
            owner=username,
            connector_id=connector_id,
            name=name,
            location=location,
        )
        return Response({"name": name, "location": location})


class BucketAclView(APIView):
    @extend_schema(
        responses={200: AccessListShape, **_REFUSALS},
    )
    def get(self, request: Request, username: str, connector_id: str, bucket: str) -> Response:
        """Tell who may do what with a bucket."""
        acl = buckets.get_bucket_acl(principal_of(request), username, connector_id, bucket)
        return Response(acl_body(acl))

    @extend_schema(
        request=BucketAclSerializer,
        responses={200: CannedAclShape, **_REFUSALS},
    )
    def put(self, request: Request, username: str, connector_id: str, bucket: str) -> Response:
        """Set a bucket's canned policy."""
        acl = _valid(BucketAclSerializer(data=request.data))["acl"]
        buckets.set_bucket_acl(
            principal=principal_of(request),
            owner=username,
            connector_id=connector_id,
            bucket=bucket,
            acl=acl,
        )
        return Response({"acl": acl})


class ObjectAclView(APIView):
    @extend_schema(
        parameters=[KeySerializer],
        responses={200: AccessListShape, **_REFUSALS},
    )
    def get(self, request: Request, username: str, connector_id: str, bucket: str) -> Response:
        """Tell who may do what with an object."""
        key = _valid(KeySerializer(data=request.query_params))["key"]
        acl = buckets.get_object_acl(principal_of(request), username, connector_id, bucket, key)
        return Response(acl_body(acl))

    @extend_schema(
        parameters=[KeySerializer],
        request=ObjectAclSerializer,
        responses={200: CannedAclShape, **_REFUSALS},
    )
    def put(self, request: Request, username: str, connector_id: str, bucket: str) -> Response:
        """Set an object's canned policy."""
        key = _valid(KeySerializer(data=request.query_params))["key"]
        acl = _valid(ObjectAclSerializer(data=request.data))["acl"]
        buckets.set_object_acl(
            principal=principal_of(request),
            owner=username,
            connector_id=connector_id,
            bucket=bucket,
            key=key,
            acl=acl,
        )
        return Response({"acl": acl})


class CorsView(APIView):
    @extend_schema(
        responses={200: CorsShape, **_REFUSALS},
    )
    def get(self, request: Request, username: str, connector_id: str, bucket: str) -> Response:
        """Tell which pages may use a bucket."""
        rules = buckets.get_cors(principal_of(request), username, connector_id, bucket)
        return Response({"rules": [asdict(rule) for rule in rules]})

    @extend_schema(
        request=CorsSerializer,
        responses={200: CorsShape, **_REFUSALS},
    )
    def put(self, request: Request, username: str, connector_id: str, bucket: str) -> Response:
        """Set which pages may use a bucket."""
        given = CorsSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        self._set(request, username, connector_id, bucket, given.rules_given())
        return Response({"rules": [asdict(rule) for rule in given.rules_given()]})

    @extend_schema(
        responses={204: None, **_REFUSALS},
    )
    def delete(self, request: Request, username: str, connector_id: str, bucket: str) -> Response:
        """Let no page of another site use a bucket."""
        self._set(request, username, connector_id, bucket, [])
        return Response(status=204)

    def _set(
        self, request: Request, owner: str, connector_id: str, bucket: str, rules: list[CorsRule]
    ) -> None:
        buckets.set_cors(
            principal=principal_of(request),
            owner=owner,
            connector_id=connector_id,
            bucket=bucket,
            rules=rules,
        )


def acl_body(acl: AccessList) -> dict[str, Any]:
    """`acl` is the canned policy that says the same, null when none does."""
    grants = [
        {
            "type": grant.kind,
            "grantee": grant.grantee,
            "name": grant.name,
            "permission": grant.permission,
        }
        for grant in acl.grants
    ]
    return {"acl": acl.canned or None, "owner": acl.owner, "grants": grants}


def _valid(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
