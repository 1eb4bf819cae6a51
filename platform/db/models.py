"""Base classes of the tables."""

import uuid

from django.db import models


class UUIDModel(models.Model):
    """A row named by a random UUID, with the time it was made."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
