"""What is kept of calls, and what administrators have decided about them."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from algoport.accounts.models import User
from algoport.db.models import UUIDModel
from algorithms.constants import (
    ERROR_INPUT_CHARACTERS,
    CallKind,
    FeatureName,
    ReservedVersion,
)
from algorithms.models.catalog import Algorithm


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


class AccountFeature(models.Model):
    """A feature as one account has it, whatever the site has."""

    account = models.ForeignKey(User, models.CASCADE, related_name="+")
    name = models.CharField(max_length=60, choices=FeatureName.choices)
    enabled = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="account_feature_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.account}"


class Reservation(UUIDModel):
    """Runners that one account's calls of one version always find (spec.md 3.13).

    `version_identifier` is the number or the commit of the two specific version types.
    """

    algorithm = models.ForeignKey(Algorithm, models.CASCADE, related_name="reservations")
    caller = models.ForeignKey(User, models.CASCADE, related_name="+")
    version_type = models.CharField(max_length=17, choices=ReservedVersion.choices)
    version_identifier = models.CharField(max_length=60, blank=True)
    num_slots = models.PositiveSmallIntegerField()

    AUDIT_OWNER = "caller_id"

    class Meta:
        indexes = [models.Index(fields=["created_at"])]

    def __str__(self) -> str:
        return f"{self.num_slots} of {self.algorithm_id} for {self.caller_id}"
