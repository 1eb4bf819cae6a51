"""Shapes of what the endpoints of accounts and keys answer."""

from rest_framework import serializers

from algoport.accounts.constants import KeyType
from algoport.api.description import Shape


class UserShape(Shape):
    id = serializers.UUIDField()
    company_name = serializers.CharField(allow_blank=True)
    company_role = serializers.CharField(allow_blank=True)
    email = serializers.CharField()
    fullname = serializers.CharField(allow_blank=True)
    resource_type = serializers.CharField()
    self_link = serializers.URLField()
    username = serializers.CharField()


class PermissionsShape(Shape):
    algo_acl = serializers.ListField(child=serializers.CharField())
    allow_algo_management = serializers.BooleanField()
    allow_algo = serializers.BooleanField()
    allow_web_algo = serializers.BooleanField()
    referer_host = serializers.CharField(allow_blank=True)
    allow_data = serializers.BooleanField()
    allow_data_write = serializers.BooleanField()


class KeyShape(Shape):
    """Later than when it is made, its mask is all that is known of a key."""

    id = serializers.UUIDField()
    username = serializers.CharField()
    owner_name = serializers.CharField()
    key_label = serializers.CharField()
    key_type = serializers.ChoiceField(KeyType.choices)
    created_at = serializers.DateTimeField()
    api_key_mask = serializers.CharField()
    api_key = serializers.CharField()
    permissions = PermissionsShape()


class NamedShape(Shape):
    id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField(allow_blank=True)


class ActorShape(NamedShape):
    kind = serializers.CharField()
    key_id = serializers.UUIDField(allow_null=True)
    via = serializers.CharField(allow_blank=True)


class TargetShape(Shape):
    kind = serializers.CharField(allow_blank=True)
    id = serializers.CharField(allow_blank=True)
    name = serializers.CharField(allow_blank=True)
    owner_id = serializers.UUIDField(allow_null=True)


class AuditEntryShape(Shape):
    """`changes` has what was before and after, by field."""

    number = serializers.IntegerField()
    at = serializers.DateTimeField()
    action = serializers.CharField()
    actor = ActorShape()
    impersonator = NamedShape(allow_null=True)
    target = TargetShape()
    changes = serializers.JSONField()
    request_id = serializers.CharField(allow_null=True)
    hash = serializers.CharField()


class InviteCodeShape(Shape):
    inviteCode = serializers.CharField()
    signupCredits = serializers.IntegerField()
    comments = serializers.CharField(allow_blank=True)
    expiresAt = serializers.DateTimeField(allow_null=True)
    createdAt = serializers.DateTimeField()
    createdBy = serializers.CharField()
    maxUses = serializers.IntegerField(allow_null=True)
    uses = serializers.IntegerField()


class SessionShape(Shape):
    """`current` is the session that asks."""

    id = serializers.UUIDField()
    address = serializers.CharField()
    agent = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()
    current = serializers.BooleanField()
