"""The admin portal: who may enter, and how its pages are grouped."""

from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from algoport.accounts.constants import AccountKind
from algoport.accounts.models import User
from algoport.accounts.permissions import Action, Principal, PrincipalKind, can

# The order in which an administrator finds them.
_SECTIONS = ("People", "Algorithms", "Calls", "Data", "Platform")


class PortalSite(AdminSite):
    site_header = "Algoport administration"
    site_title = "Algoport"
    index_title = "Dashboard"

    def has_permission(self, request: HttpRequest) -> bool:
        """Asked for every page: who stops being an administrator is out with the next one."""
        user = request.user
        if not isinstance(user, User) or not user.is_active or user.kind != AccountKind.USER:
            return False
        principal = Principal(PrincipalKind.PASSWORD, user.id, user.username, user.is_staff)
        return bool(can(principal, Action.ADMINISTER))

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Everybody's page: it ends other sessions, and is recorded."""
        return redirect("account_change_password")

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return super().each_context(request) | {"platform_address": settings.ALGOPORT_URL}

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The models by what they are about; an app's own page has them by the app."""
        apps = super().get_app_list(request, app_label)
        if app_label is not None:
            return apps
        sections: dict[str, list[Any]] = {name: [] for name in _SECTIONS}
        for model in (model for app in apps for model in app["models"]):
            section = getattr(self._registry[model["model"]], "section", _SECTIONS[-1])
            sections.setdefault(section, []).append(model)
        index = reverse("admin:index", current_app=self.name)
        return [
            {
                "name": name,
                "app_label": name.lower(),
                "app_url": f"{index}#{name.lower()}",
                "has_module_perms": True,
                "models": models,
            }
            for name, models in sections.items()
            if models
        ]
