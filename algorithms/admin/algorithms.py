"""Algorithms, their builds with what they have logged, and their versions."""

from django import forms
from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html

from algoport.errors import InputValidationError
from algoport.web.portal.acts import Act, Asked, Done
from algoport.web.portal.pages import PortalAdmin
from algorithms.admin.columns import COMMIT
from algorithms.models import Algorithm, Approval, Build, Version
from algorithms.selectors import read_log
from algorithms.services import force_delete

_MOST_CHARACTERS = 200_000


class NameForm(forms.Form):
    name = forms.CharField(
        label="OWNER/NAME", max_length=100, help_text="Write which algorithm is to be deleted."
    )


def _delete(asked: Asked) -> Done:
    told = str(asked.row)
    if asked.values["name"].strip() != told:
        raise InputValidationError(f"This algorithm is {told}. Write that to delete it.")
    force_delete(algorithm=asked.row)
    return Done(f"{told} is deleted.", reverse("admin:algorithms_algorithm_changelist"))


@admin.register(Algorithm)
class AlgorithmAdmin(PortalAdmin):
    section = "Algorithms"
    list_display = ("name", "owner", "callability", "environment", "network_access", "created_at")
    list_select_related = ("owner", "environment")
    list_filter = ("callability", "environment", "network_access", "source_visibility")
    search_fields = ("name", "owner__username", "label")
    search_help_text = "Name, owner or label"
    ordering = ("-created_at",)
    exclude = ("secrets_mark",)
    acts = (
        Act(
            "delete",
            "Delete",
            _delete,
            "The algorithm goes with its versions, also those that others call, its builds, its "
            "repository, its secrets and what it keeps for its users. There is no way back.",
            form=NameForm,
            destroys=True,
        ),
    )


@admin.register(Build)
class BuildAdmin(PortalAdmin):
    section = "Algorithms"
    list_display = (COMMIT, "algorithm", "state", "started_at", "finished_at")
    list_select_related = ("algorithm__owner",)
    list_filter = ("state",)
    search_fields = ("commit_sha", "algorithm__name", "algorithm__owner__username")
    search_help_text = "Commit, algorithm or owner"
    ordering = ("-started_at",)
    fields = (
        *("algorithm", "commit_sha", "environment", "base_image", "state", "error", "log"),
        *("started_at", "finished_at", "attempt", "lease_expires_at"),
    )
    readonly_fields = ("log",)

    def log(self, row: Build) -> str:
        text = read_log(row)
        cut = text[-_MOST_CHARACTERS:]
        note = "" if cut == text else "The beginning is left out.\n"
        return format_html('<pre class="log" tabindex="0">{}{}</pre>', note, cut or "Nothing yet.")


@admin.register(Version)
class VersionAdmin(PortalAdmin):
    section = "Algorithms"
    list_display = ("algorithm", "__str__", "callable_by", "published_by", "created_at")
    list_select_related = ("algorithm__owner", "published_by", "approval")
    list_filter = ("callability", "approval__state")
    search_fields = ("algorithm__name", "algorithm__owner__username")
    search_help_text = "Algorithm or owner"
    ordering = ("-created_at",)

    @admin.display(description="callability")
    def callable_by(self, row: Version) -> str:
        state = row.approval_state
        return (
            row.effective_callability if state is None else f"{row.effective_callability} ({state})"
        )


@admin.register(Approval)
class ApprovalAdmin(PortalAdmin):
    section = "Algorithms"
    list_display = ("__str__", "owner", "state", "created_at", "decided_by", "decided_at")
    list_select_related = ("version", "owner", "decided_by")
    list_filter = ("state",)
    search_fields = ("owner__username", "version__algorithm__name")
    search_help_text = "Owner or algorithm"
    ordering = ("-created_at",)
