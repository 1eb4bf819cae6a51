"""The site's own images and settings of its frontend."""

from django.db import models

from algoport.configuration.constants import KEY_LENGTH, ImageKind


class SiteImage(models.Model):
    """An image that takes the place of the default one; its content was checked."""

    kind = models.CharField(
        primary_key=True, max_length=7, choices=[(each.value, each.value) for each in ImageKind]
    )
    content = models.BinaryField()
    content_type = models.CharField(max_length=40)
    digest = models.CharField(max_length=16)
    updated_at = models.DateTimeField(auto_now=True)

    AUDIT_IGNORED = ("content",)

    def __str__(self) -> str:
        return self.kind


class FrontendEntry(models.Model):
    """A setting of the frontend; what a value means is its reader's business."""

    keyname = models.CharField(primary_key=True, max_length=KEY_LENGTH)
    value = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "frontend entries"

    def __str__(self) -> str:
        return self.keyname
