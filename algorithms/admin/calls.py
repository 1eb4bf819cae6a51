"""Calls that have ended, and the log of those that failed."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.utils.html import format_html, format_html_join

from algoport.accounts.models import ApiKey
from algorithms.admin.columns import (
    ALGORITHM,
    CALLER,
    VERSION,
    RequestColumn,
    SecondsColumn,
    attach_names,
    page_url,
)
from algorithms.admin.search import OutcomeFilter, PeriodFilter, SearchedByNames
from algorithms.constants import FeatureName
from algorithms.features.switching import is_enabled
from algorithms.models import AlgorithmError, Build, CallRecord

# Between the end of a call and its line in the log.
_LOGGED_WITHIN = timedelta(minutes=1)
_TOTAL = SecondsColumn("Total", "total_seconds")
_PHASES = (
    SecondsColumn("Waited", "queue_seconds"),
    SecondsColumn("Start of the runner", "start_seconds"),
    SecondsColumn("Load", "load_seconds"),
    SecondsColumn("Run", "run_seconds"),
)


@admin.register(CallRecord)
class CallRecordAdmin(SearchedByNames):
    section = "Calls"
    list_display = (
        *(RequestColumn("request_id"), "started_at", CALLER, ALGORITHM, VERSION, "status"),
        *("error_type", _TOTAL, "kind"),
    )
    list_filter = (PeriodFilter, OutcomeFilter, "kind")
    search_fields = ("request_id",)
    ordering = ("-started_at",)
    readonly_fields = (CALLER, "key", ALGORITHM, "build", "failure", _TOTAL, *_PHASES)
    fields = (
        *("request_id", "session_id", "started_at", CALLER, "key", ALGORITHM, "version"),
        *("build", "kind", "status", "error_type", "failure", "bytes_in", "bytes_out"),
        *(_TOTAL, *_PHASES),
    )

    def prepare_rows(self, rows: list[Any]) -> None:
        attach_names(rows)

    def key(self, row: CallRecord) -> str:
        key = ApiKey.objects.filter(pk=row.key_id).first()
        if key is None:
            return "-" if row.key_id is None else f"{row.key_id} (deleted)"
        return format_html('<a href="{}">{}</a>', page_url("accounts_apikey", key.pk), key)

    def build(self, row: CallRecord) -> str:
        build = Build.objects.filter(pk=row.build_id).first()
        if build is None:
            return f"{row.build_id} (deleted)"
        link = page_url("algorithms_build", build.pk)
        return format_html('<a href="{}">{}</a>', link, build.commit_sha)

    @admin.display(description="Error log")
    def failure(self, row: CallRecord) -> str:
        """What the error log has of this call."""
        ended = row.started_at + timedelta(seconds=row.total_seconds) + _LOGGED_WITHIN
        entry = AlgorithmError.objects.filter(
            algorithm_id=row.algorithm_id,
            created_at__range=(row.started_at - _LOGGED_WITHIN, ended),
            request_id=row.request_id,
        ).first()
        if entry is not None:
            return failure_text(entry)
        if row.status < 400 and not row.error_type:
            return "-"
        if not is_enabled(FeatureName.ALGORITHM_ERRORS):
            return f"The feature {FeatureName.ALGORITHM_ERRORS} is off: messages are not kept."
        return "The error log has nothing of it: it did not fail in the algorithm, or long ago."


def failure_text(entry: AlgorithmError) -> str:
    """An entry of the error log, to be read."""
    parts = (("Message", entry.message), ("Stack trace", entry.stacktrace), ("Input", entry.input))
    shown = format_html_join(
        "", '<p>{}</p><pre class="log" tabindex="0">{}</pre>', [part for part in parts if part[1]]
    )
    link = page_url("algorithms_algorithmerror", entry.pk)
    return format_html('{}<p><a href="{}">Entry of the error log</a></p>', shown, link)


class ErrorPeriodFilter(PeriodFilter):
    time_field = "created_at"


@admin.register(AlgorithmError)
class AlgorithmErrorAdmin(SearchedByNames):
    section = "Calls"
    list_display = (
        RequestColumn("request_id"),
        "created_at",
        CALLER,
        ALGORITHM,
        VERSION,
        "error_type",
        "worker",
    )
    list_filter = (ErrorPeriodFilter,)
    search_fields = ("id", "request_id")
    ordering = ("-created_at",)
    readonly_fields = (CALLER, ALGORITHM, "call", "trace")
    fields = (
        *("call", "created_at", CALLER, ALGORITHM, "version", "error_type", "message", "trace"),
        *("input", "worker"),
    )

    def prepare_rows(self, rows: list[Any]) -> None:
        attach_names(rows)

    def call(self, row: AlgorithmError) -> str:
        link = page_url("algorithms_callrecord", row.request_id)
        return format_html('<a href="{}">{}</a>', link, row)

    @admin.display(description="Stack trace")
    def trace(self, row: AlgorithmError) -> str:
        return format_html('<pre class="log" tabindex="0">{}</pre>', row.stacktrace or "-")
