"""Accounts and the keys that act for them."""

from collections.abc import Iterator

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.sessions.models import Session
from django.core.validators import RegexValidator, URLValidator
from django.db import models
from django.db.models.functions import Lower
from django.db.models.lookups import Exact
from django.utils.crypto import constant_time_compare

from algoport.accounts.constants import (
    EMAIL_PATTERN,
    NAME_LENGTH,
    NAME_PATTERN,
    AccountKind,
    KeyType,
    OrganizationRole,
    ProviderKind,
    SignUpMode,
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
    external_id = models.CharField(
        max_length=255,
        null=True,
        blank=True,
        unique=True,
        help_text="What the site's identity provider calls the user in its tokens.",
    )
    # Sessions begin with it; with the next one all that there are have ended.
    session_epoch = models.PositiveIntegerField(default=0, editable=False)
    mails_notifications = models.BooleanField("gets notifications by e-mail", default=False)
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

    def get_session_auth_hash(self) -> str:
        return self._of_epoch(super().get_session_auth_hash())

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        yield from map(self._of_epoch, super().get_session_auth_fallback_hash())

    def is_session_auth_hash(self, given: str) -> bool:
        """Whether a session that holds it goes on, by the present secret key or a former one."""
        good = (self.get_session_auth_hash(), *self.get_session_auth_fallback_hash())
        return any(constant_time_compare(given, each) for each in good)

    def _of_epoch(self, own: str) -> str:
        # The first epoch's is Django's own, so that it ends no session to be here.
        return f"{own}.{self.session_epoch}" if self.session_epoch else own


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


class SignedInSession(UUIDModel):
    """What a user recognises a browser by in which they have signed in; it ends with its session.

    `last_seen_at` is right to SEEN_EVERY_SECONDS.
    """

    session = models.OneToOneField(Session, models.CASCADE, related_name="+")
    user = models.ForeignKey(User, models.CASCADE, related_name="signed_in_sessions")
    address = models.CharField(max_length=45)
    agent = models.CharField(max_length=200)
    last_seen_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["user", "-last_seen_at"])]

    def __str__(self) -> str:
        return f"{self.user} at {self.address}"


class SignUpPolicy(models.Model):
    """Who may sign up: the one row, which administrators change."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    mode = models.CharField(max_length=10, choices=SignUpMode.choices, default=SignUpMode.INVITE)

    class Meta:
        verbose_name_plural = "sign-up policy"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_sign_up_policy")]

    def __str__(self) -> str:
        return str(SignUpMode(self.mode).label)


class InviteCode(UUIDModel):
    """A code that lets whoever knows it sign up (spec.md 2.1).

    `digest` finds it and `sealed` is the code itself, encrypted, for administrators to see again.
    It works until it has expired or was used `max_uses` times; without either it goes on working.
    """

    digest = models.CharField(max_length=64, unique=True, editable=False)
    sealed = models.TextField(editable=False)
    comments = models.CharField(max_length=1000, blank=True)
    signup_credits = models.PositiveIntegerField(default=0)
    expires_at = models.DateTimeField(null=True, blank=True)
    max_uses = models.PositiveIntegerField(null=True, blank=True)
    uses = models.PositiveIntegerField(default=0, editable=False)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+", editable=False)

    AUDIT_HIDDEN = ("sealed",)

    class Meta:
        indexes = [models.Index(fields=["-created_at", "-id"])]

    def __str__(self) -> str:
        return f"invite code of {self.created_at:%Y-%m-%d %H:%M}"


class SignInProvider(UUIDModel):
    """A site by which users may sign in. Its secret is encrypted and leaves the platform no more.

    `slug` stands in the address that the provider sends browsers back to. `admits` says that
    whoever it knows may have an account here while sign-up is by invitation.
    """

    kind = models.CharField(
        max_length=20, choices=ProviderKind.choices, default=ProviderKind.OPENID_CONNECT
    )
    name = models.CharField(max_length=40, help_text="What the button on the sign-in page says.")
    slug = models.SlugField(max_length=40, unique=True)
    server_url = models.CharField(
        max_length=500,
        blank=True,
        validators=[URLValidator(["http", "https"])],
        help_text="The issuer's address, for OpenID Connect.",
    )
    client_id = models.CharField(max_length=191)
    secret = models.TextField(blank=True, editable=False)
    admits = models.BooleanField("lets new users in", default=False)
    is_enabled = models.BooleanField("enabled", default=True)

    class Meta:
        verbose_name = "sign-in provider"
        constraints = [
            models.UniqueConstraint(
                fields=["kind"],
                condition=~models.Q(kind=ProviderKind.OPENID_CONNECT),
                name="one_provider_of_a_kind",
            )
        ]

    def __str__(self) -> str:
        return self.name
