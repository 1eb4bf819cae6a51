"""Hosts of repositories (spec.md 6)."""

from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from algoport.accounts.models import User
from algoport.db.models import UUIDModel
from scm.constants import (
    CLIENT_ID_LENGTH,
    CONNECTABLE,
    ID_LENGTH,
    LOGIN_LENGTH,
    NAME_LENGTH,
    URL_LENGTH,
    Provider,
)

# As plain text: migrations write down what stands in constraints.
_INTERNAL = str(Provider.INTERNAL)


class ScmConfiguration(models.Model):
    """A host that repositories of algorithms can be on; one of them is the default.

    The internal one is the platform itself: its row is always there and its id is `internal`.
    `client_secret` is encrypted and leaves the platform in no form.
    """

    id = models.CharField(primary_key=True, max_length=ID_LENGTH, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    name = models.CharField(max_length=NAME_LENGTH, blank=True)
    provider = models.CharField(max_length=15, choices=Provider.choices)
    enabled = models.BooleanField(default=True)
    is_default = models.BooleanField("default", default=False)
    client_id = models.CharField(max_length=CLIENT_ID_LENGTH, blank=True)
    client_secret = models.TextField(blank=True, editable=False)
    project_key = models.CharField(max_length=3, blank=True)
    web_url = models.CharField(max_length=URL_LENGTH, blank=True)
    api_url = models.CharField(max_length=URL_LENGTH, blank=True)
    ssh_url = models.CharField(max_length=URL_LENGTH, blank=True)

    class Meta:
        verbose_name = "SCM configuration"
        constraints = [
            models.UniqueConstraint(Lower("id"), name="scm_id_unique"),
            models.UniqueConstraint(
                fields=["provider", "client_id", "project_key", "web_url"],
                name="scm_client_unique",
            ),
            models.UniqueConstraint(
                fields=["is_default"],
                condition=models.Q(is_default=True),
                name="scm_default_unique",
            ),
            models.CheckConstraint(
                condition=models.Q(is_default=False) | models.Q(enabled=True),
                name="scm_default_enabled",
            ),
            models.CheckConstraint(
                condition=models.Q(id=_INTERNAL, provider=_INTERNAL, enabled=True)
                | (~models.Q(id=_INTERNAL) & ~models.Q(provider=_INTERNAL)),
                name="scm_internal",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.id

    @property
    def is_internal(self) -> bool:
        """Whether its repositories are on this platform."""
        return self.provider == Provider.INTERNAL

    @property
    def is_connectable(self) -> bool:
        """Whether people connect their accounts of it."""
        return self.provider in CONNECTABLE


class ScmAuthorization(UUIDModel):
    """What an account has allowed the platform at a host; its tokens are encrypted.

    Tokens leave the platform in no form but to the host.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    scm = models.ForeignKey(ScmConfiguration, models.CASCADE, related_name="+")
    login = models.CharField(max_length=LOGIN_LENGTH)
    organizations = models.JSONField(default=list)
    access_token = models.TextField(editable=False)
    refresh_token = models.TextField(blank=True, editable=False)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "scm"], name="scm_authorization_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.login} at {self.scm_id}"


class PendingAuthorization(UUIDModel):
    """A flow that an account has begun at a host and not ended: the newest one counts."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    scm = models.ForeignKey(ScmConfiguration, models.CASCADE, related_name="+")
    begun_at = models.DateTimeField()
    state_digest = models.CharField(max_length=64)
    verifier = models.TextField(editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "scm"], name="scm_pending_unique"),
        ]


class EndedToken(UUIDModel):
    """A token that is to be taken back at its host, encrypted as it was kept; nobody's any more."""

    scm = models.ForeignKey(ScmConfiguration, models.CASCADE, related_name="+")
    token = models.TextField(editable=False)
    due_at = models.DateTimeField(default=timezone.now, db_index=True)
    failures = models.PositiveSmallIntegerField(default=0)
