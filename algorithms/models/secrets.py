"""The table of algorithms' secrets."""

from django.db import models

from algoport.db.models import UUIDModel
from algorithms.constants import SECRET_NAME_LENGTH, SECRET_VARIABLE_LENGTH
from algorithms.models.catalog import Algorithm


class AlgorithmSecret(UUIDModel):
    """What an owner gives one algorithm as an environment variable; `value` is encrypted."""

    algorithm = models.ForeignKey(Algorithm, models.CASCADE, related_name="secrets")
    name = models.CharField(max_length=SECRET_NAME_LENGTH)
    description = models.TextField(blank=True)
    variable = models.CharField(max_length=SECRET_VARIABLE_LENGTH)
    value = models.TextField(editable=False)
    modified_at = models.DateTimeField(auto_now=True)

    AUDIT_OWNER = "algorithm.owner_id"
    AUDIT_HIDDEN = ("value",)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["algorithm", "variable"], name="secret_variable_unique"
            ),
        ]

    def __str__(self) -> str:
        return self.variable
