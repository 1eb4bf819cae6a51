"""Algorithms, their builds and their published versions."""

from django.contrib.postgres.indexes import BrinIndex
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower

from algoport.accounts.models import User
from algoport.db.models import UUIDModel
from algoport.http.addresses import LONGEST_URL
from algorithms.constants import (
    ERROR_INPUT_CHARACTERS,
    IDEMPOTENCY_KEY_LENGTH,
    NAME_LENGTH,
    NAME_PATTERN,
    RECEIVER_LENGTH,
    AsyncState,
    BuildState,
    Callability,
    CallKind,
    DeliveryState,
    EnvironmentForm,
    FeatureName,
    License,
    MachineType,
    NetworkAccess,
    ReservedVersion,
    Visibility,
)
from algorithms.querysets import (
    AlgorithmQuerySet,
    AsyncCallQuerySet,
    BuildQuerySet,
    DeliveryQuerySet,
)


class Environment(UUIDModel):
    """What an algorithm is built and run in; `recipe` is its folder in algorithms/environments."""

    name = models.CharField(max_length=60, unique=True)
    display_name = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    language = models.CharField(max_length=30)
    recipe = models.CharField(max_length=60)
    machine_type = models.CharField(
        max_length=3, choices=MachineType.choices, default=MachineType.CPU
    )

    def __str__(self) -> str:
        return self.display_name


class Algorithm(UUIDModel):
    """An algorithm of an account; its repository is named by the same id."""

    owner = models.ForeignKey(User, models.PROTECT, related_name="algorithms")
    name = models.CharField(max_length=NAME_LENGTH, validators=[RegexValidator(NAME_PATTERN)])
    label = models.CharField(max_length=200)
    summary = models.TextField(blank=True)
    tagline = models.CharField(max_length=300, blank=True)
    license = models.CharField(max_length=10, choices=License.choices)
    source_visibility = models.CharField(max_length=6, choices=Visibility.choices)
    network_access = models.CharField(max_length=8, choices=NetworkAccess.choices)
    pipeline_enabled = models.BooleanField()
    callability = models.CharField(
        max_length=7, choices=Callability.choices, default=Callability.PRIVATE
    )
    environment = models.ForeignKey(Environment, models.PROTECT)
    environment_form = models.CharField(max_length=21, choices=EnvironmentForm.choices)
    sample_input = models.TextField(blank=True)

    objects = AlgorithmQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("owner", Lower("name"), name="algorithm_name_unique"),
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
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    attempt = models.PositiveIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True)
    rootfs = models.CharField(max_length=200, blank=True)
    packages = models.CharField(max_length=200, blank=True)

    objects = BuildQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["algorithm", "-started_at", "-id"]),
            models.Index(fields=["algorithm", "commit_sha", "-started_at"]),
            models.Index(
                fields=["lease_expires_at"],
                condition=models.Q(state=BuildState.IN_PROGRESS),
                name="build_in_progress",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.algorithm_id}@{self.commit_sha[:8]}"


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
    release_notes = models.TextField(blank=True)
    sample_input = models.TextField(blank=True)
    published_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["algorithm", "major", "minor", "patch"], name="version_number_unique"
            ),
        ]

    def __str__(self) -> str:
        return self.semantic_version

    @property
    def semantic_version(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


class CallRecord(models.Model):
    """One call that has ended, as the gateways recorded it; written in batches, never changed.

    It names accounts and algorithms by id alone: it stays when they go.
    """

    request_id = models.UUIDField(primary_key=True)
    session_id = models.UUIDField()
    caller_id = models.UUIDField()
    key_id = models.UUIDField(null=True)
    algorithm_id = models.UUIDField()
    build_id = models.UUIDField()
    version = models.CharField(max_length=60)
    kind = models.CharField(max_length=5, choices=CallKind.choices)
    started_at = models.DateTimeField()
    total_seconds = models.FloatField()
    queue_seconds = models.FloatField()
    start_seconds = models.FloatField()
    load_seconds = models.FloatField()
    run_seconds = models.FloatField()
    status = models.PositiveSmallIntegerField()
    error_type = models.CharField(max_length=60, blank=True)
    bytes_in = models.BigIntegerField()
    bytes_out = models.BigIntegerField()

    class Meta:
        indexes = [
            models.Index(fields=["caller_id", "-started_at"]),
            models.Index(fields=["algorithm_id", "-started_at"]),
            # Rows come in the order of time: this one costs next to nothing.
            BrinIndex(fields=["started_at"], name="call_record_time"),
        ]

    def __str__(self) -> str:
        return f"req-{self.request_id}"


class AlgorithmError(models.Model):
    """A call that failed in its algorithm, as the error log tells of it (spec.md 3.12).

    Written in batches, only while the feature is on; `input` is the beginning of the JSON that
    the algorithm was given.
    """

    id = models.UUIDField(primary_key=True)
    request_id = models.UUIDField()
    algorithm_id = models.UUIDField()
    version = models.CharField(max_length=60)
    caller_id = models.UUIDField()
    created_at = models.DateTimeField()
    input = models.CharField(max_length=ERROR_INPUT_CHARACTERS, blank=True)
    message = models.TextField()
    stacktrace = models.TextField(blank=True)
    error_type = models.CharField(max_length=60)
    worker = models.CharField(max_length=255)

    class Meta:
        indexes = [
            models.Index(fields=["algorithm_id", "-created_at"]),
            models.Index(fields=["caller_id", "-created_at"]),
            models.Index(fields=["created_at"]),
        ]

    def __str__(self) -> str:
        return f"req-{self.request_id}"


class Feature(models.Model):
    """A feature that an administrator has switched; one without a row is off."""

    name = models.CharField(primary_key=True, max_length=60, choices=FeatureName.choices)
    enabled = models.BooleanField()

    def __str__(self) -> str:
        return self.name


class AsyncCall(models.Model):
    """A call that was accepted to be run later (design.md 7); its id is the request's.

    queued -> running -> finished | failed | dead, or queued again for another attempt; cancelled
    from either. `attempt` is the fencing number: a worker's write names the attempt it was given;
    `tries` counts those that used up one of `attempts_allowed`. `payload` is what the runner will
    be given, and goes when the call has ended well.
    """

    id = models.UUIDField(primary_key=True)
    session_id = models.UUIDField()
    caller = models.ForeignKey(User, models.CASCADE, related_name="+")
    key_id = models.UUIDField(null=True)
    # The run that made this call, when an algorithm did.
    calling_algorithm_id = models.UUIDField(null=True)
    calling_owner_id = models.UUIDField(null=True)
    owner_name = models.CharField(max_length=60)
    algorithm_name = models.CharField(max_length=60)
    algorithm_id = models.UUIDField()
    build_id = models.UUIDField()
    version = models.CharField(max_length=60)
    payload = models.BinaryField(null=True)
    bytes_in = models.BigIntegerField()
    timeout = models.PositiveIntegerField()
    attempts_allowed = models.PositiveIntegerField(default=1)
    idempotency_key = models.CharField(max_length=IDEMPOTENCY_KEY_LENGTH, null=True)
    digest = models.BinaryField()
    webhook = models.CharField(max_length=LONGEST_URL, blank=True)

    state = models.CharField(max_length=9, choices=AsyncState.choices, default=AsyncState.QUEUED)
    attempt = models.PositiveIntegerField(default=0)
    tries = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField()
    lease_expires_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    result = models.BinaryField(null=True)
    content_type = models.CharField(max_length=6, blank=True)
    seconds = models.FloatField(null=True)
    error = models.TextField(blank=True)
    error_type = models.CharField(max_length=60, blank=True)
    stacktrace = models.TextField(blank=True)

    objects = AsyncCallQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["caller", "idempotency_key"], name="async_call_idempotent"
            ),
        ]
        indexes = [
            models.Index(
                fields=["caller", "accepted_at"],
                condition=models.Q(state=AsyncState.QUEUED),
                name="async_call_queued",
            ),
            models.Index(
                fields=["lease_expires_at"],
                condition=models.Q(state=AsyncState.RUNNING),
                name="async_call_running",
            ),
            models.Index(fields=["caller", "-accepted_at", "-id"]),
            models.Index(fields=["ended_at"]),
        ]

    def __str__(self) -> str:
        return f"req-{self.id}"

    @property
    def address(self) -> str:
        return f"{self.owner_name}/{self.algorithm_name}/{self.version}"


class WebhookDelivery(UUIDModel):
    """One end of a call, to be told to the URL that the call named; made together with that end.

    pending -> delivered | failed, and pending again when somebody asks for it. `not_before` says
    when it is due; taking it moves that to the end of the lease. `attempt` is the fencing number
    and counts what was sent, `tries` where in the schedule of retries it stands. `payload` is kept
    only when the call has moved on from the end that this tells of.
    """

    call = models.ForeignKey(AsyncCall, models.CASCADE, related_name="deliveries")
    account = models.ForeignKey(User, models.CASCADE, related_name="+")
    url = models.CharField(max_length=LONGEST_URL)
    receiver = models.CharField(max_length=RECEIVER_LENGTH)
    payload = models.BinaryField(null=True)

    state = models.CharField(
        max_length=9, choices=DeliveryState.choices, default=DeliveryState.PENDING
    )
    attempt = models.PositiveIntegerField(default=0)
    tries = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField()
    lease_expires_at = models.DateTimeField(null=True)
    last_at = models.DateTimeField(null=True)
    last_status = models.PositiveSmallIntegerField(null=True)
    last_seconds = models.FloatField(null=True)
    last_error = models.CharField(max_length=300, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["account", "receiver", "not_before"],
                condition=models.Q(state=DeliveryState.PENDING),
                name="webhook_delivery_pending",
            ),
        ]

    def __str__(self) -> str:
        return f"hook-{self.id}"


class WebhookSecret(models.Model):
    """What an account's webhooks are signed with, encrypted; `previous` still signs for a while."""

    account = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="+")
    current = models.TextField(editable=False)
    made_at = models.DateTimeField()
    previous = models.TextField(blank=True, editable=False)
    previous_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"secret of {self.account_id}"


class Reservation(UUIDModel):
    """Runners that one account's calls of one version always find (spec.md 3.13).

    `version_identifier` is the number or the commit of the two specific version types.
    """

    algorithm = models.ForeignKey(Algorithm, models.CASCADE, related_name="reservations")
    caller = models.ForeignKey(User, models.CASCADE, related_name="+")
    version_type = models.CharField(max_length=17, choices=ReservedVersion.choices)
    version_identifier = models.CharField(max_length=60, blank=True)
    num_slots = models.PositiveSmallIntegerField()

    class Meta:
        indexes = [models.Index(fields=["created_at"])]

    def __str__(self) -> str:
        return f"{self.num_slots} of {self.algorithm_id} for {self.caller_id}"
