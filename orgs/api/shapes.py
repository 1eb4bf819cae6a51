"""Shapes of what the endpoints of organizations answer."""

from rest_framework import serializers

from algoport.accounts.constants import OrganizationRole
from algoport.api.description import Shape
from orgs.constants import INVITED


class OrganizationShape(Shape):
    id = serializers.UUIDField()
    org_contact_name = serializers.CharField()
    org_email = serializers.CharField()
    org_label = serializers.CharField()
    org_name = serializers.CharField()
    org_url = serializers.CharField(allow_blank=True)
    org_created_at = serializers.CharField(help_text="`2021-10-22T16:41:32`, in UTC.")
    type_id = serializers.UUIDField()
    external_id = serializers.CharField(allow_blank=True)
    external_admin_group = serializers.ListField(child=serializers.CharField())
    external_member_group = serializers.ListField(child=serializers.CharField())
    external_executor_group = serializers.ListField(child=serializers.CharField())
    resource_type = serializers.CharField()
    self_link = serializers.URLField()


class MemberShape(Shape):
    username = serializers.CharField()
    role = serializers.ChoiceField(
        [*OrganizationRole.choices, (INVITED, INVITED)],
        help_text="`invited`, which owners are told, is somebody who has not answered yet.",
    )
    user_link = serializers.URLField()
    resource_type = serializers.CharField()


class OrganizationTypeShape(Shape):
    id = serializers.UUIDField()
    name = serializers.CharField()


class InvitationShape(Shape):
    """Who was invited by account has a `username`, who by address an `email`."""

    id = serializers.UUIDField()
    organization = serializers.CharField()
    username = serializers.CharField(allow_null=True)
    email = serializers.CharField(allow_null=True)
    role = serializers.ChoiceField(OrganizationRole.choices)
    invited_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
