"""What an organization says of itself; its account has the name, its members have their roles."""

from django.db import models
from django.db.models.functions import Lower

from algoport.accounts.constants import OrganizationRole
from algoport.accounts.models import User
from algoport.db.models import UUIDModel


class OrganizationType(UUIDModel):
    """A kind of organization, as the site calls it."""

    name = models.CharField(max_length=100)

    class Meta:
        constraints = [models.UniqueConstraint(Lower("name"), name="organization_type_unique")]

    def __str__(self) -> str:
        return self.name


class Organization(UUIDModel):
    """An organization (spec.md 2.8). Its name and address are those of its account.

    The `external` groups are tags of an identity provider whose bearers get that role.
    """

    account = models.OneToOneField(
        User, models.CASCADE, related_name="organization", editable=False
    )
    label = models.CharField(max_length=100)
    contact_name = models.CharField(max_length=100)
    url = models.CharField(max_length=100, blank=True)
    type = models.ForeignKey(OrganizationType, models.PROTECT)
    external_id = models.CharField(max_length=100, blank=True)
    external_admin_group = models.JSONField(default=list, blank=True)
    external_member_group = models.JSONField(default=list, blank=True)
    external_executor_group = models.JSONField(default=list, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["-created_at", "-id"]),
            models.Index(fields=["external_id"]),
        ]

    def __str__(self) -> str:
        return self.account.username


class InvitationState(models.TextChoices):
    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class Invitation(UUIDModel):
    """An owner's word that a user, or whoever has the address, may join.

    pending -> accepted, declined or withdrawn, and no further. `nonce` is in the token of the
    mailed link, so that only this row's is good for it.
    """

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="invitations")
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="invitations")
    email = models.CharField(max_length=100, blank=True)
    role = models.CharField(
        max_length=10, choices=OrganizationRole.choices, default=OrganizationRole.MEMBER
    )
    state = models.CharField(
        max_length=10, choices=InvitationState.choices, default=InvitationState.PENDING
    )
    nonce = models.CharField(max_length=32)
    expires_at = models.DateTimeField()
    invited_by = models.ForeignKey(User, models.CASCADE, related_name="+")

    AUDIT_OWNER = "organization.account_id"
    AUDIT_HIDDEN = ("nonce",)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "user"],
                condition=models.Q(state=InvitationState.PENDING),
                name="invitation_of_user_unique",
            ),
            models.UniqueConstraint(
                "organization",
                Lower("email"),
                condition=models.Q(state=InvitationState.PENDING, user=None),
                name="invitation_of_address_unique",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-created_at", "-id"]),
            models.Index(Lower("email"), name="invitation_email"),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.email} to {self.organization}"
