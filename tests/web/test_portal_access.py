"""Who may enter the portal, and what none of its pages shows."""

import re

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from algoport.accounts.administration import remove_administrator
from algoport.accounts.models import User
from algoport.accounts.permissions import EVERYTHING
from algoport.accounts.services import create_key, create_user
from tests.factories.connectors import make_connector
from tests.factories.dataportal import make_caller
from tests.factories.organizations import make_organization

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("pools")]

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)


def lists() -> list[str]:
    return [
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for model in MODELS
    ]


PAGES = ["/admin/", "/admin/figures/", "/admin/runners/", *lists()]


def test_strangers_and_former_administrators_see_no_page(
    portal: Client, demo: User, administrator: User
) -> None:
    create_user(username="second", email="second@example.com", staff=True)
    organization = make_organization("makers", demo).account
    User.objects.filter(pk=organization.pk).update(is_staff=True)
    clients = {"nobody": Client(), "stranger": Client(), "organization": Client()}
    clients["stranger"].force_login(demo)
    clients["organization"].force_login(User.objects.get(pk=organization.pk))
    for page in PAGES:
        assert portal.get(page).status_code == 200, page
    remove_administrator(account=administrator)
    clients["former"] = portal
    for who, client in clients.items():
        for page in PAGES:
            answer = client.get(page)
            assert answer.status_code == 302 and "/admin/login/" in answer["Location"], (who, page)
            assert client.get(f"{page}export/").status_code in (302, 404), (who, page)
        act = reverse("admin:accounts_user_act", args=[demo.pk, "deactivate"])
        assert client.post(act).status_code == 302, who
    demo.refresh_from_db()
    assert demo.is_active


@pytest.mark.parametrize("page", PAGES)
def test_pages_need_no_inline_script_or_style(portal: Client, page: str) -> None:
    text = portal.get(page).content.decode()
    for script in re.findall(r"<script[^>]*>", text):
        assert "src=" in script, script
    assert "<style" not in text and " style=" not in text
    assert not re.search(r"\son[a-z]+=", text)


def test_secrets_are_on_no_page(portal: Client, demo: User) -> None:
    key = create_key(owner=demo, label="work", scopes=EVERYTHING)
    connector = make_connector(make_caller("guest"), "lab", path="bucket/*")
    secrets = (key.secret, key.row.digest, connector.credential, demo.password)
    for row in (key.row, connector, demo):
        name = f"{row._meta.app_label}_{row._meta.model_name}"
        listed = reverse(f"admin:{name}_changelist")
        for page in (listed, reverse(f"admin:{name}_change", args=[row.pk]), f"{listed}export/"):
            answer = portal.get(page)
            assert answer.status_code == 200, page
            content = answer.getvalue().decode()
            assert not any(secret in content for secret in secrets), page
            assert str(row).split()[0] in content or page != listed
    assert key.row.mask in portal.get("/admin/accounts/apikey/").content.decode()


@pytest.mark.parametrize("page", lists())
def test_hostile_addresses_are_no_failure(portal: Client, page: str) -> None:
    for query in (
        "q=%00",
        "q=%27%22%3C",
        "o=9.x",
        "p=99999999999999999999",
        "e=1",
        "x%00=1",
        "state__exact=%00",
        "period=%00",
        "q=" + "x" * 3000,
    ):
        answer = portal.get(f"{page}?{query}")
        assert answer.status_code in (200, 302), (page, query)
    for identifier in ("x", "%00", "1" * 400, "_00", "a/b"):
        answer = portal.get(f"{page}{identifier}/change/")
        assert answer.status_code in (302, 404), (page, identifier)
        assert portal.post(f"{page}{identifier}/act/revoke/").status_code == 404
    answer = portal.post(page, {"action": "redrive", "_selected_action": ["x", "\x00"]})
    assert answer.status_code in (200, 302)
