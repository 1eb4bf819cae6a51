"""What an administrator does to one row, or to several: asked for first, done by a service."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from algoport.broker import BrokerUnavailable
from algoport.errors import ApiError

# What services refuse with, or cannot do for want of the broker.
REFUSALS = (ApiError, BrokerUnavailable)
# In one transaction, and shown to be confirmed.
MOST_AT_ONCE = 1000
MOST_NAMED = 100


@dataclass(frozen=True)
class Done:
    """What came of an act: a text, and where to go when it is not the row's page."""

    text: str
    goto: str = ""


@dataclass(frozen=True)
class Asked:
    """What an act is given: who does it to what, and what was filled in."""

    request: HttpRequest
    row: Any
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Act:
    """Something done to one row after a page that tells what it does.

    `perform` calls a service, whose refusals are shown on that page; `name` is its part of the
    address; `offered` says for which rows it is there, and is asked again when it is done.
    """

    name: str
    label: str
    perform: Callable[[Asked], Done | HttpResponse]
    explanation: str
    form: type[forms.Form] = forms.Form
    destroys: bool = False
    offered: Callable[[Asked], bool] = lambda asked: True
    initial: Callable[[Any], dict[str, Any]] = lambda row: {}


def refusal_text(exc: Exception) -> str:
    """What an administrator is told of a refusal."""
    if isinstance(exc, ApiError):
        return exc.text
    return "The broker does not answer. Look at its log, and try again."


def bulk_action(
    name: str, label: str, question: str, perform: Callable[[HttpRequest, Any], None]
) -> Callable[[Any, HttpRequest, QuerySet], HttpResponse | None]:
    """An action of a list that names the chosen rows and asks before it does it to each.

    Those that a service refuses are told, and the others done.
    """

    @admin.action(description=label)
    def action(page: Any, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        rows = list(queryset[: MOST_AT_ONCE + 1])
        if len(rows) > MOST_AT_ONCE:
            messages.error(request, f"Choose at most {MOST_AT_ONCE} at once. Nothing was done.")
            return None
        if request.POST.get("confirmed") != "yes":
            return _ask(page, request, rows, label, question)
        done, refused = _perform_each(request, rows, perform)
        if done:
            messages.success(request, f"{label}: done for {done}.")
        for text in refused:
            messages.error(request, text)
        return None

    action.__name__ = name
    return action


def _perform_each(
    request: HttpRequest, rows: Iterable[Model], perform: Callable[[HttpRequest, Any], None]
) -> tuple[int, list[str]]:
    """How many were done, and the refusals: the first few of them, and how many more."""
    done, refused = 0, []
    for row in rows:
        try:
            with transaction.atomic():
                perform(request, row)
        except REFUSALS as exc:
            refused.append(f"{row}: {refusal_text(exc)}")
        else:
            done += 1
    more = len(refused) - 10
    return done, refused[:10] + ([f"{more} more were refused."] if more > 0 else [])


def _ask(
    page: Any, request: HttpRequest, rows: list[Model], label: str, question: str
) -> HttpResponse:
    context = {
        **page.admin_site.each_context(request),
        "title": label,
        "opts": page.opts,
        "question": question,
        "action": request.POST.get("action"),
        "rows": rows[:MOST_NAMED],
        "more": max(len(rows) - MOST_NAMED, 0),
        "chosen": [str(row.pk) for row in rows],
        "checkbox_name": admin.helpers.ACTION_CHECKBOX_NAME,
        "back": request.get_full_path(),
    }
    return TemplateResponse(request, "admin/confirm.html", context)
