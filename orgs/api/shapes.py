"""Shapes of what the endpoints of organizations answer."""

from rest_framework import serializers

from algoport.accounts.constants import OrganizationRole
from algoport.api.description import Shape


class OrganizationShape(Shape):
    id = serializers.UUIDField()
    org_contact_name = serializers.CharField()
    org_email = serializers.CharField()
    org_label = serializers.CharField()
    org_name = serializers.CharField()
    org_url = serializers.CharField(allow_blank=True)
    org_created_at = serializers.DateTimeField()
    type_id = serializers.UUIDField()
    external_id = serializers.CharField(allow_blank=True)
    external_admin_group = serializers.ListField(child=serializers.CharField())
    external_member_group = serializers.ListField(child=serializers.CharField())
    external_executor_group = serializers.ListField(child=serializers.CharField())
    resource_type = serializers.CharField()
    self_link = serializers.URLField()


class MemberShape(Shape):
    username = serializers.CharField()
    role = serializers.ChoiceField(OrganizationRole.choices)
    user_link = serializers.URLField()
    resource_type = serializers.CharField()


class OrganizationTypeShape(Shape):
    id = serializers.UUIDField()
    name = serializers.CharField()
