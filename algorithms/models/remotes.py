"""Repositories of algorithms that are on other hosts."""

from django.db import models
from django.utils import timezone

from algoport.accounts.models import User
from algorithms.constants import SourceState
from algorithms.models.catalog import Algorithm
from scm.constants import BRANCH_LENGTH, LOGIN_LENGTH, REPOSITORY_NAME_LENGTH

# As plain text: migrations write down what stands in indexes.
_ACTIVE = str(SourceState.ACTIVE)


class RemoteRepository(models.Model):
    """Where an algorithm's source is; what is built is in the platform's own copy of it.

    A fetch is due at `due_at`; a worker has it until `lease_expires_at`. `head` is the commit of
    the copy that was last looked at. Owner and name follow the host, where `host_id` stays.
    """

    algorithm = models.OneToOneField(
        Algorithm, models.CASCADE, primary_key=True, related_name="remote"
    )
    # By whose authorization the platform reads it.
    authorizer = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    host_id = models.CharField(max_length=40)
    owner = models.CharField(max_length=LOGIN_LENGTH)
    name = models.CharField(max_length=REPOSITORY_NAME_LENGTH)
    default_branch = models.CharField(max_length=BRANCH_LENGTH)
    # Encrypted; events of the host are signed with it.
    webhook_secret = models.TextField(editable=False)
    head = models.CharField(max_length=40)
    state = models.CharField(max_length=23, choices=SourceState.choices, default=SourceState.ACTIVE)
    error = models.TextField(blank=True)
    # Its maker has pushed what is here.
    fetched_at = models.DateTimeField(default=timezone.now)
    failures = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True)
    lease_expires_at = models.DateTimeField(null=True)

    AUDIT_OWNER = "algorithm.owner_id"
    AUDIT_IGNORED = ("state", "error", "fetched_at", "failures", "due_at", "lease_expires_at")

    class Meta:
        verbose_name_plural = "remote repositories"
        indexes = [
            models.Index(
                fields=["due_at"], condition=models.Q(due_at__isnull=False), name="remote_due"
            ),
            models.Index(
                fields=["fetched_at"],
                condition=models.Q(due_at__isnull=True, state=_ACTIVE),
                name="remote_not_looked_at",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.owner}/{self.name}"

    @property
    def https_url(self) -> str:
        return f"{self.algorithm.scm.web_url}/{self}"

    @property
    def ssh_url(self) -> str:
        return f"{self.algorithm.scm.ssh_url}/{self}.git"
