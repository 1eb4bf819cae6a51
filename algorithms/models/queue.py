"""Queued calls and the webhooks that tell of their ends."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from algoport.accounts.models import User
from algoport.db.models import UUIDModel
from algoport.http.addresses import LONGEST_URL
from algorithms.constants import (
    IDEMPOTENCY_KEY_LENGTH,
    RECEIVER_LENGTH,
    AsyncState,
    DeliveryState,
)
from algorithms.querysets import (
    AsyncCallQuerySet,
    DeliveryQuerySet,
)


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
    # Since when the platform could not run it, each time that its turn came.
    refused_at = models.DateTimeField(null=True)
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

    AUDIT_OWNER = "caller_id"
    # What callers sent and were told is theirs, and large.
    AUDIT_IGNORED = (
        *("payload", "digest", "idempotency_key", "webhook"),
        *("result", "error", "stacktrace"),
    )

    class Meta:
        verbose_name = "queued call"
        constraints = [
            models.UniqueConstraint(
                fields=["caller", "idempotency_key"], name="async_call_idempotent"
            ),
        ]
        indexes = [
            models.Index(
                fields=["caller", "accepted_at"],
                # What is summed up for each call that comes.
                include=["bytes_in"],
                condition=models.Q(state=AsyncState.QUEUED),
                name="async_call_queued",
            ),
            models.Index(
                fields=["lease_expires_at"],
                condition=models.Q(state=AsyncState.RUNNING),
                name="async_call_running",
            ),
            models.Index(
                fields=["ended_at"],
                condition=models.Q(state=AsyncState.DEAD),
                name="async_call_dead",
            ),
            # Rows come in the order of time: this one costs next to nothing.
            BrinIndex(fields=["accepted_at"], name="async_call_time"),
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

    AUDIT_IGNORED = ("url", "payload", "last_error")

    class Meta:
        verbose_name_plural = "webhook deliveries"
        indexes = [
            models.Index(
                fields=["account", "receiver", "not_before"],
                condition=models.Q(state=DeliveryState.PENDING),
                name="webhook_delivery_pending",
            ),
            models.Index(
                fields=["created_at"],
                condition=models.Q(state=DeliveryState.FAILED),
                name="webhook_delivery_failed",
            ),
            models.Index(fields=["-created_at", "-id"], name="webhook_delivery_newest"),
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

    AUDIT_HIDDEN = ("current", "previous")

    def __str__(self) -> str:
        return f"secret of {self.account_id}"
