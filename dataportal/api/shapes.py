"""Shapes of what the endpoints of connectors, buckets and data accesses answer."""

from rest_framework import serializers

from algoport.api.description import Shape
from dataportal.constants import Protocol


class CreatedConnectorShape(Shape):
    connector_id = serializers.CharField()
    username = serializers.CharField()
    label = serializers.CharField(allow_blank=True)
    protocol = serializers.ChoiceField(Protocol.choices)
    is_default = serializers.BooleanField()
    permissions = serializers.ListField(child=serializers.ChoiceField(["read", "write"]))


class ConnectorShape(CreatedConnectorShape):
    path = serializers.CharField()
    writeable = serializers.BooleanField()
    options = serializers.DictField(child=serializers.CharField())
    cred_type = serializers.CharField()
    created_at = serializers.DateTimeField()


class ConnectorListShape(Shape):
    connectors = ConnectorShape(many=True)


class VerdictShape(Shape):
    ok = serializers.BooleanField()
    reason = serializers.CharField(required=False)


class MatchShape(Shape):
    path = serializers.CharField()
    size = serializers.IntegerField()
    last_modified = serializers.DateTimeField()


class PreviewShape(Shape):
    path = serializers.CharField()
    files = MatchShape(many=True)
    complete = serializers.BooleanField()


class BucketShape(Shape):
    name = serializers.CharField()
    created_at = serializers.DateTimeField()


class BucketListShape(Shape):
    buckets = BucketShape(many=True)


class NewBucketShape(Shape):
    name = serializers.CharField()
    location = serializers.CharField(allow_blank=True)


class CannedAclShape(Shape):
    acl = serializers.CharField()


class GrantShape(Shape):
    type = serializers.CharField()
    grantee = serializers.CharField(allow_blank=True)
    name = serializers.CharField(allow_blank=True)
    permission = serializers.CharField()


class AccessListShape(Shape):
    acl = serializers.CharField(allow_null=True)
    owner = serializers.CharField(allow_blank=True)
    grants = GrantShape(many=True)


class CorsRuleShape(Shape):
    allowed_methods = serializers.ListField(child=serializers.CharField())
    allowed_origins = serializers.ListField(child=serializers.CharField())
    allowed_headers = serializers.ListField(child=serializers.CharField())
    expose_headers = serializers.ListField(child=serializers.CharField())
    max_age_seconds = serializers.IntegerField(allow_null=True)


class CorsShape(Shape):
    rules = CorsRuleShape(many=True)


class DataAccessShape(Shape):
    request_id = serializers.CharField()
    session_id = serializers.CharField()
    accessed_at = serializers.DateTimeField()
    owner = serializers.CharField(allow_blank=True)
    connector = serializers.CharField(allow_blank=True)
    path = serializers.CharField(allow_blank=True)
    operation = serializers.CharField()
    account = serializers.CharField(allow_blank=True)
    principal = serializers.CharField(allow_blank=True)
    key_id = serializers.UUIDField(allow_null=True)
    algorithm_id = serializers.UUIDField(allow_null=True)
    run_id = serializers.CharField(allow_null=True)
    bytes_in = serializers.IntegerField()
    bytes_out = serializers.IntegerField()
    status = serializers.IntegerField()
    error_type = serializers.CharField(allow_null=True)
    seconds = serializers.FloatField()
