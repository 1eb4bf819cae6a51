"""Algorithms, their builds and their published versions."""

from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower

from algoport.accounts.models import User
from algoport.containers.base_image import REFERENCE_LENGTH
from algoport.db.models import UUIDModel
from algorithms.constants import (
    APPROVAL_COMMENT_LENGTH,
    NAME_LENGTH,
    NAME_PATTERN,
    TAG_LENGTH,
    ApprovalState,
    BuildState,
    Callability,
    EnvironmentForm,
    License,
    MachineType,
    NetworkAccess,
    Visibility,
)
from algorithms.querysets import (
    AlgorithmQuerySet,
    BuildQuerySet,
    VersionQuerySet,
)
from scm.constants import INTERNAL
from scm.models import ScmConfiguration


class Environment(UUIDModel):
    """What an algorithm is built and run in; `recipe` is its folder in algorithms/environments.

    With a `base_image` its image is made of that one, which a host with Docker can have; else it is
    as docs/runtimes.md tells.
    """

    name = models.CharField(max_length=60, unique=True)
    display_name = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    language = models.CharField(max_length=30)
    recipe = models.CharField(max_length=60)
    machine_type = models.CharField(
        max_length=3, choices=MachineType.choices, default=MachineType.CPU
    )
    base_image = models.CharField(max_length=REFERENCE_LENGTH, blank=True)
    # Whether new algorithms may use it.
    enabled = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.display_name


class Algorithm(UUIDModel):
    """An algorithm of an account; its repository is named by the same id."""

    owner = models.ForeignKey(User, models.PROTECT, related_name="algorithms")
    name = models.CharField(max_length=NAME_LENGTH, validators=[RegexValidator(NAME_PATTERN)])
    label = models.CharField(max_length=200)
    summary = models.TextField(blank=True)
    tagline = models.CharField(max_length=300, blank=True)
    # In lower case, none twice.
    tags = ArrayField(models.CharField(max_length=TAG_LENGTH), default=list, blank=True)
    license = models.CharField(max_length=10, choices=License.choices)
    source_visibility = models.CharField(max_length=6, choices=Visibility.choices)
    network_access = models.CharField(max_length=8, choices=NetworkAccess.choices)
    pipeline_enabled = models.BooleanField()
    callability = models.CharField(
        max_length=7, choices=Callability.choices, default=Callability.PRIVATE
    )
    environment = models.ForeignKey(Environment, models.PROTECT)
    environment_form = models.CharField(max_length=21, choices=EnvironmentForm.choices)
    # Kept for clients that have them: nothing here costs, and insights go nowhere.
    royalty_microcredits = models.BigIntegerField(null=True)
    insights_enabled = models.BooleanField(null=True)
    sample_input = models.TextField(blank=True)
    # Of the README that `summary` was made from, or that it took the place of.
    readme_digest = models.CharField(max_length=64, blank=True)
    # Hosts that have algorithms are not deleted.
    scm = models.ForeignKey(
        ScmConfiguration, models.PROTECT, default=INTERNAL, related_name="+", editable=False
    )
    # Whether anything of it can be called by everybody; the database sees to it, and once it is
    # so it stays so: versions are immutable, and approvals that were decided.
    has_public_version = models.BooleanField(default=False, editable=False)
    # Another one after every change of its secrets.
    secrets_mark = models.CharField(max_length=16, blank=True, editable=False)

    objects = AlgorithmQuerySet.as_manager()

    # It follows from versions and approvals, which have entries of their own.
    AUDIT_IGNORED = ("has_public_version",)

    class Meta:
        constraints = [
            models.UniqueConstraint("owner", Lower("name"), name="algorithm_name_unique"),
        ]
        # The orders of the catalogue.
        indexes = [
            models.Index(Lower("name"), "id", name="algorithm_by_name"),
            models.Index(fields=["-created_at", "-id"], name="algorithm_newest"),
            GinIndex(fields=["tags"], name="algorithm_tags"),
        ]

    def __str__(self) -> str:
        return f"{self.owner.username}/{self.name}"


class Build(UUIDModel):
    """One build of one commit.

    in-progress -> succeeded | failed, and then never changed again (a trigger sees to that). While
    it is in progress a worker holds it by a lease that it renews; `attempt` is the fencing number:
    every write of a worker names the attempt it was given.
    """

    algorithm = models.ForeignKey(Algorithm, models.CASCADE, related_name="builds")
    commit_sha = models.CharField(max_length=40)
    environment = models.ForeignKey(Environment, models.PROTECT)
    state = models.CharField(
        max_length=11, choices=BuildState.choices, default=BuildState.IN_PROGRESS
    )
    error = models.TextField(blank=True)
    # The account whose push, save or request it is of; None where nobody in particular asked.
    requested_by = models.UUIDField(null=True)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    attempt = models.PositiveIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True)
    rootfs = models.CharField(max_length=200, blank=True)
    packages = models.CharField(max_length=200, blank=True)
    # The environment's, as it was then.
    base_image = models.CharField(max_length=REFERENCE_LENGTH, blank=True)

    objects = BuildQuerySet.as_manager()

    AUDIT_OWNER = "algorithm.owner_id"

    class Meta:
        indexes = [
            models.Index(fields=["algorithm", "-started_at", "-id"]),
            models.Index(fields=["-started_at", "-id"], name="build_newest"),
            models.Index(fields=["algorithm", "commit_sha", "-started_at"]),
            models.Index(
                fields=["lease_expires_at"],
                condition=models.Q(state=BuildState.IN_PROGRESS),
                name="build_in_progress",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.algorithm_id}@{self.commit_sha[:8]}"

    @property
    def took(self) -> timedelta | None:
        """From its start to its end; None while it is in progress."""
        return None if self.finished_at is None else self.finished_at - self.started_at


class BuildLogLine(models.Model):
    """A piece of a build's log, in the order of its id."""

    build = models.ForeignKey(Build, models.CASCADE, related_name="log")
    text = models.TextField()

    class Meta:
        indexes = [models.Index(fields=["build", "id"])]

    def __str__(self) -> str:
        return self.text


class Version(UUIDModel):
    """A published version: a build, a number and the settings it was published with.

    Rows are never updated (a trigger sees to that): the same number resolves alike for ever.
    """

    algorithm = models.ForeignKey(Algorithm, models.CASCADE, related_name="versions")
    build = models.OneToOneField(Build, models.CASCADE, related_name="version")
    major = models.PositiveIntegerField()
    minor = models.PositiveIntegerField()
    patch = models.PositiveIntegerField()
    callability = models.CharField(max_length=7, choices=Callability.choices)
    network_access = models.CharField(max_length=8, choices=NetworkAccess.choices)
    pipeline_enabled = models.BooleanField()
    royalty_microcredits = models.BigIntegerField(null=True)
    insights_enabled = models.BooleanField(null=True)
    release_notes = models.TextField(blank=True)
    sample_input = models.TextField(blank=True)
    published_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    objects = VersionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["algorithm", "major", "minor", "patch"], name="version_number_unique"
            ),
        ]
        indexes = [
            models.Index(
                fields=["algorithm"],
                condition=models.Q(callability=Callability.PUBLIC),
                name="version_public",
            ),
        ]

    def __str__(self) -> str:
        return self.semantic_version

    @property
    def semantic_version(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @property
    def approval_state(self) -> str | None:
        """None for a version that nobody had to approve."""
        approval: Approval | None = getattr(self, "approval", None)
        return None if approval is None else approval.state

    @property
    def effective_callability(self) -> str:
        """By whom it can be called now; its approval has to be loaded with it."""
        approved = self.approval_state == ApprovalState.APPROVED
        return Callability.PUBLIC if approved else self.callability


class Approval(UUIDModel):
    """A version that a member published for everybody, until an owner decides (docs/adr/0020).

    held -> approved | refused, and then never changed again (a trigger sees to that). The version
    itself is private; it is public where its approval says so.
    """

    version = models.OneToOneField(Version, models.CASCADE, related_name="approval")
    owner = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    state = models.CharField(
        max_length=8, choices=ApprovalState.choices, default=ApprovalState.HELD
    )
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    # What whoever decided says to the members.
    comment = models.CharField(max_length=APPROVAL_COMMENT_LENGTH, blank=True)

    class Meta:
        indexes = [models.Index(fields=["owner", "state", "-created_at", "-id"])]

    def __str__(self) -> str:
        return f"{self.version}: {self.state}"


class Sample(UUIDModel):
    """A sample input of a build, and what the build makes of it (spec.md 3.4).

    `call_id` is the queued call that fills `output` in at its end. Another input that comes while
    it runs makes it stale: the next call is queued when that one has ended.
    """

    build = models.OneToOneField(Build, models.CASCADE, related_name="sample")
    input = models.TextField()
    output = models.TextField(blank=True)
    call_id = models.UUIDField(null=True)
    is_stale = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["call_id"])]

    def __str__(self) -> str:
        return f"sample of {self.build_id}"
