"""The table of the audit trail, and the row that says where it ends."""

from django.db import models
from django.db.models import F
from django.db.models.functions import Upper

from algoport.audit.constants import NAME_LENGTH, Via


class AuditEntry(models.Model):
    """One act of somebody, chained to the one before it (docs/adr/0029).

    Accounts and rows are named by values, not by foreign keys: entries outlive them. The database
    refuses to change or remove entries.
    """

    number = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor_kind = models.CharField(max_length=40)
    actor_id = models.UUIDField(null=True)
    actor_name = models.CharField(max_length=NAME_LENGTH, blank=True)
    key_id = models.UUIDField(null=True)
    via = models.CharField(max_length=10, choices=[(each.value, each.value) for each in Via])
    impersonator_id = models.UUIDField(null=True)
    impersonator_name = models.CharField(max_length=NAME_LENGTH, blank=True)
    action = models.CharField(max_length=60)
    target_kind = models.CharField(max_length=60, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    target_name = models.CharField(max_length=NAME_LENGTH, blank=True)
    owner_id = models.UUIDField(null=True)
    changes = models.JSONField(default=dict)
    request_id = models.CharField(max_length=64, blank=True)
    key_mark = models.CharField(max_length=16)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["-number"]
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["actor_id", "-number"]),
            models.Index(Upper("actor_name"), F("number").desc(), name="audit_by_actor_name"),
            models.Index(fields=["action", "-number"]),
            models.Index(fields=["target_kind", "-number"]),
            models.Index(fields=["target_id", "-number"]),
            models.Index(Upper("target_name"), F("number").desc(), name="audit_by_target_name"),
            models.Index(fields=["owner_id", "-number"]),
            models.Index(fields=["request_id"]),
            models.Index(fields=["at"]),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.action} {self.target_name}".rstrip()


class AuditHead(models.Model):
    """The one row that says how many entries there are, and the hash of the last."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    number = models.BigIntegerField()
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="audit_one_head"),
        ]

    def __str__(self) -> str:
        return str(self.number)
