"""Categories of the catalogue."""

from django.db import models

from algoport.db.models import UUIDModel
from algorithms.constants import (
    CATEGORY_DESCRIPTION_LENGTH,
    CATEGORY_TAGLINE_LENGTH,
    CATEGORY_TITLE_LENGTH,
    TAG_LENGTH,
)


class Category(UUIDModel):
    """A part of the catalogue that administrators made: the algorithms that have its tag.

    Positions are 0, 1, 2 ... without a gap.
    """

    title = models.CharField(max_length=CATEGORY_TITLE_LENGTH)
    tagline = models.CharField(max_length=CATEGORY_TAGLINE_LENGTH, blank=True)
    tag = models.CharField(max_length=TAG_LENGTH, unique=True)
    description = models.TextField(
        max_length=CATEGORY_DESCRIPTION_LENGTH, blank=True, help_text="Markdown."
    )
    position = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "categories"
        constraints = [
            models.UniqueConstraint(
                fields=["position"],
                deferrable=models.Deferrable.DEFERRED,
                name="category_position_unique",
            )
        ]

    def __str__(self) -> str:
        return self.title
