"""What an organization says of itself; its account has the name, its members have their roles."""

from django.db import models
from django.db.models.functions import Lower

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
