"""What algorithms are built and run in."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from algoport.web.portal.acts import Act, Asked, Done
from algoport.web.portal.pages import PortalAdmin
from algorithms.environments.languages import offered_languages
from algorithms.environments.services import (
    NewEnvironment,
    create_environment,
    delete_environment,
    switch_environment,
    update_environment,
)
from algorithms.environments.templates import list_recipes
from algorithms.models import Environment

_FIXED = ("name", "language", "recipe", "machine_type")
_TOLD = {
    "base_image": "REGISTRY/NAME:TAG or NAME@sha256:DIGEST of an image with python3 and pip, on "
    "hosts with Docker. Empty: the machine's own Python, or the registry's. A change is for later "
    "builds.",
    "machine_type": "Runs of gpu get the graphics cards of hosts with Docker.",
}


class EnvironmentForm(forms.ModelForm):
    language = forms.ChoiceField(
        choices=lambda: [(each.name, each.display_name) for each in offered_languages()]
    )
    recipe = forms.ChoiceField(
        choices=lambda: [(name, name) for name in list_recipes()],
        help_text="What is installed for every algorithm, and what a new one starts with.",
    )

    class Meta:
        model = Environment
        fields = [
            *("name", "display_name", "description", "language", "recipe", "machine_type"),
            *("base_image", "enabled"),
        ]
        help_texts = _TOLD | {"name": "Small letters and digits. It cannot be changed later."}

    def asked(self) -> NewEnvironment:
        return NewEnvironment(**{name: self.cleaned_data[name] for name in self.Meta.fields})


def _enable(enabled: bool) -> Callable[[Asked], Done]:
    def perform(asked: Asked) -> Done:
        switch_environment(identifier=str(asked.row.pk), enabled=enabled)
        return Done(f"{asked.row} is {'enabled' if enabled else 'disabled'}.")

    return perform


def _delete(asked: Asked) -> Done:
    delete_environment(identifier=str(asked.row.pk))
    return Done(f"{asked.row} is deleted.", reverse("admin:algorithms_environment_changelist"))


@admin.register(Environment)
class EnvironmentAdmin(PortalAdmin):
    section = "Algorithms"
    may_add = may_change = True
    list_display = (*("name", "display_name", "language", "machine_type", "base_image", "enabled"),)
    list_filter = ("language", "machine_type", "enabled")
    search_fields = ("name", "display_name", "language", "base_image")
    ordering = ("name",)
    acts = (
        Act(
            "enable",
            "Enable",
            _enable(True),
            "New algorithms may use it.",
            offered=lambda asked: not asked.row.enabled,
        ),
        Act(
            "disable",
            "Disable",
            _enable(False),
            "No new algorithm may use it; those that have it keep it.",
            destroys=True,
            offered=lambda asked: asked.row.enabled,
        ),
        Act(
            "delete",
            "Delete",
            _delete,
            "There is no way back. One that algorithms have can be disabled only.",
            destroys=True,
        ),
    )

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any
    ) -> Any:
        if obj is None:
            options["form"], options["fields"] = EnvironmentForm, None
        else:
            options["help_texts"] = _TOLD
        return super().get_form(request, obj, change, **options)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return EnvironmentForm.Meta.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else (*_FIXED, "enabled")

    def save_model(self, request: HttpRequest, obj: Environment, form: Any, change: bool) -> None:
        if not change:
            obj.pk = create_environment(asked=form.asked()).pk
            return
        update_environment(
            identifier=str(obj.pk),
            display_name=obj.display_name,
            description=obj.description,
            base_image=obj.base_image,
        )
