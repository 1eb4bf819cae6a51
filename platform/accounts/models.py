"""Accounts and the keys that act for them."""

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.db.models.lookups import Exact

from algoport.accounts.constants import (
    EMAIL_PATTERN,
    NAME_LENGTH,
    NAME_PATTERN,
    AccountKind,
    KeyType,
    OrganizationRole,
)
from algoport.accounts.permissions import DEFAULT_CALL_LIMIT
from algoport.db.models import UUIDModel


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str) -> "User":
        return self.named(username).get()

    def named(self, username: str) -> "models.QuerySet[User]":
        """The one account of this name, found as the unique index is made: without case."""
        return self.filter(Exact(Lower("username"), username.lower()))


class User(UUIDModel, AbstractBaseUser, PermissionsMixin):
    """An account: a person, or an organization (one namespace for both, spec.md 2.1).

    Names compare without case. A deleted account's row stays, inactive: its name and address are
    never given again.
    """

    username = models.CharField(max_length=NAME_LENGTH, validators=[RegexValidator(NAME_PATTERN)])
    kind = models.CharField(
        max_length=12, choices=AccountKind.choices, default=AccountKind.USER, editable=False
    )
    email = models.CharField(max_length=100, validators=[RegexValidator(EMAIL_PATTERN)])
    fullname = models.CharField(max_length=100, blank=True)
    company_name = models.CharField(max_length=100, blank=True)
    company_role = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField("administrator", default=False)
    call_limit = models.PositiveIntegerField(
        "most calls at the same time", default=DEFAULT_CALL_LIMIT
    )

    objects = UserManager()

    AUDIT_OWNER = "id"
    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["email"]

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("username"), name="user_username_unique"),
            models.UniqueConstraint(
                Lower("email"),
                condition=models.Q(kind=AccountKind.USER),
                name="user_email_unique",
            ),
        ]
        indexes = [models.Index(fields=["kind", "is_active", "-created_at", "-id"])]

    def __str__(self) -> str:
        return self.username


class Membership(UUIDModel):
    """A user's part in an organization: an owner decides who else is in it."""

    organization = models.ForeignKey(
        User,
        models.CASCADE,
        related_name="memberships",
        db_index=False,
        limit_choices_to={"kind": AccountKind.ORGANIZATION},
    )
    user = models.ForeignKey(
        User,
        models.CASCADE,
        related_name="organizations",
        limit_choices_to={"kind": AccountKind.USER},
    )
    role = models.CharField(
        max_length=10, choices=OrganizationRole.choices, default=OrganizationRole.MEMBER
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "user"], name="membership_unique")
        ]
        indexes = [models.Index(fields=["organization", "-created_at", "-id"])]

    def __str__(self) -> str:
        return f"{self.user} in {self.organization}"


class ApiKey(UUIDModel):
    """A key of an account and what it may be used for (spec.md 2.3).

    The key itself is not kept: `digest` finds it, `mask` reminds the owner which one it is.
    """

    owner = models.ForeignKey(User, models.CASCADE, related_name="api_keys")
    label = models.CharField(max_length=100)
    key_type = models.CharField(
        max_length=20, choices=KeyType.choices, default=KeyType.STANDARD, editable=False
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    mask = models.CharField(max_length=40, editable=False)
    algo_acl = models.JSONField(default=list, blank=True)
    allow_algo_management = models.BooleanField(default=False)
    allow_algo = models.BooleanField(default=True)
    allow_web_algo = models.BooleanField(default=False)
    referer_host = models.CharField(max_length=200, blank=True)
    allow_data = models.BooleanField(default=False)
    allow_data_write = models.BooleanField(default=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "API key"
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["owner", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.label} ({self.mask})"
