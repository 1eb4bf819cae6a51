"""Organizations as they come in and go out (spec.md 2.8)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from algoport.accounts.constants import EMAIL_PATTERN, NAME_LENGTH, NAME_PATTERN, OrganizationRole
from algoport.accounts.errors import MalformedOrganizationJson, MissingRequiredFields
from algoport.accounts.models import Membership
from algoport.api import strict
from algoport.api.timestamps import to_plain_seconds
from orgs.constants import INVITED
from orgs.models import Invitation, Organization
from orgs.services import Profile


@extend_schema_field(
    {"oneOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]}
)
class GroupField(serializers.Field[list[str], Any, list[str], Any]):
    """A list of tags, or one text with commas between them; null is none."""

    def to_internal_value(self, data: Any) -> list[str]:
        parts = data.split(",") if isinstance(data, str) else data
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            raise serializers.ValidationError("A list of texts, or one with commas.")
        return [part.strip() for part in parts if part.strip()]


class OrganizationSerializer(serializers.Serializer[Any]):
    org_label = strict.CharField(max_length=100)
    org_contact_name = strict.CharField(max_length=100)
    org_email = strict.PatternField(EMAIL_PATTERN, max_length=100)
    org_url = strict.CharField(max_length=100, required=False, allow_blank=True, default="")
    type_id = strict.UUIDField(required=False, allow_null=True, default=None)
    external_id = strict.CharField(max_length=100, required=False, allow_blank=True, default="")
    external_admin_group = GroupField(required=False, allow_null=True, default=list)
    external_member_group = GroupField(required=False, allow_null=True, default=list)
    external_executor_group = GroupField(required=False, allow_null=True, default=list)

    needed: ClassVar[tuple[str, ...]] = ("org_label", "org_contact_name", "org_email")

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise MalformedOrganizationJson
        if any(not data.get(name) for name in self.needed):
            raise MissingRequiredFields
        return super().to_internal_value(data)

    def profile(self) -> Profile:
        given = self.validated_data
        return Profile(
            label=given["org_label"],
            contact_name=given["org_contact_name"],
            email=given["org_email"],
            url=given["org_url"],
            type_id=given["type_id"],
            external_id=given["external_id"],
            external_admin_group=given["external_admin_group"] or [],
            external_member_group=given["external_member_group"] or [],
            external_executor_group=given["external_executor_group"] or [],
        )


class OrganizationCreateSerializer(OrganizationSerializer):
    needed = ("org_name", *OrganizationSerializer.needed)

    org_name = strict.PatternField(NAME_PATTERN, max_length=NAME_LENGTH)


class MemberSerializer(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=OrganizationRole.choices, required=False, default=None)


def organization_body(organization: Organization, base: str) -> dict[str, Any]:
    account = organization.account
    return {
        "id": str(account.id),
        "org_contact_name": organization.contact_name,
        "org_email": account.email,
        "org_label": organization.label,
        "org_name": account.username,
        "org_url": organization.url,
        "org_created_at": to_plain_seconds(organization.created_at),
        "type_id": str(organization.type_id),
        "external_id": organization.external_id,
        "external_admin_group": organization.external_admin_group,
        "external_member_group": organization.external_member_group,
        "external_executor_group": organization.external_executor_group,
        "resource_type": "organization",
        "self_link": f"{base}/v1/organizations/{account.username}",
    }


def member_body(row: Membership | Invitation, base: str) -> dict[str, Any]:
    """Somebody who is in an organization, or was invited to it by account."""
    assert row.user is not None
    username = row.user.username
    return {
        "username": username,
        "role": INVITED if isinstance(row, Invitation) else row.role,
        "user_link": f"{base}/v1/users/{username}",
        "resource_type": "organization_member",
    }
