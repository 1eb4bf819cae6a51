"""Doing in the portal what an administrator does, and what is to be seen of it."""

import re

from django.test import Client
from django.urls import reverse

from algoport.audit.models import AuditEntry


def act_url(row: object, name: str) -> str:
    meta = row._meta  # type: ignore[attr-defined]
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_act", args=[row.pk, name])  # type: ignore[attr-defined]


def do(portal: Client, row: object, name: str, **values: object) -> None:
    """Look at the page of an act, then do it."""
    page = portal.get(act_url(row, name))
    assert page.status_code == 200 and "csrfmiddlewaretoken" in page.content.decode()
    answer = portal.post(act_url(row, name), values)
    assert answer.status_code == 302, answer.content.decode()
    row.refresh_from_db()  # type: ignore[attr-defined]


def recorded(*actions: str) -> None:
    """The audit has one entry for each of these acts, by the administrator, and no other."""
    entries = AuditEntry.objects.filter(via="admin").order_by("number")
    assert [(each.actor_name, each.action) for each in entries] == [
        ("root", action) for action in actions
    ]


def offered(portal: Client, row: object) -> set[str]:
    meta = row._meta  # type: ignore[attr-defined]
    one = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])  # type: ignore[attr-defined]
    return set(re.findall(r"/act/([a-z-]+)/", portal.get(one).content.decode()))
