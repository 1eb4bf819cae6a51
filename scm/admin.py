"""Repository hosts in the admin portal; their secrets go in and never come out."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from algoport.web.portal.acts import Act, Asked, Done
from algoport.web.portal.pages import PortalAdmin
from scm.api.serializers import ScmCreateSerializer, ScmUpdateSerializer
from scm.constants import CLIENT_SECRET_LENGTH, ID_LENGTH, URL_LENGTH, Provider
from scm.models import ScmConfiguration
from scm.services import create_scm, delete_scm, make_scm_default, update_scm


class ScmForm(forms.ModelForm):
    scm_id = forms.CharField(
        label="Id", max_length=ID_LENGTH, required=False, help_text="Empty: a random one."
    )
    client_secret = forms.CharField(
        max_length=CLIENT_SECRET_LENGTH,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}, render_value=False),
        help_text="Kept encrypted and never shown again.",
    )
    provider = forms.ChoiceField(
        choices=[each for each in Provider.choices if each[0] != Provider.INTERNAL]
    )

    class Meta:
        model = ScmConfiguration
        fields = [
            *("name", "provider", "enabled", "client_id", "project_key"),
            *("web_url", "api_url", "ssh_url"),
        ]
        help_texts = {
            "project_key": "Three capital letters or digits; of a Bitbucket Server only.",
            "client_id": "Of all providers but a Bitbucket Server.",
        }

    def _get_validation_exclusions(self) -> set[str]:
        """The rules are the API's."""
        return {field.name for field in ScmConfiguration._meta.fields}

    def given(self) -> dict[str, Any]:
        """As the API is told it."""
        said = self.cleaned_data
        told: dict[str, Any] = {
            "id": said["scm_id"] or None,
            "provider": said["provider"],
            "enabled": said["enabled"],
            "urls": _urls(said),
        }
        if said["name"]:
            told["name"] = said["name"]
        if said["provider"] == Provider.BITBUCKET:
            return told | {"scm": {"project_key": said["project_key"]}}
        oauth = {"client_id": said["client_id"], "client_secret": said["client_secret"]}
        return told | {"oauth": oauth}


class AddressesForm(forms.Form):
    web_url = forms.CharField(label="Web address", max_length=URL_LENGTH)
    api_url = forms.CharField(label="API address", max_length=URL_LENGTH)
    ssh_url = forms.CharField(label="SSH address", max_length=URL_LENGTH)


def _urls(said: dict[str, Any]) -> dict[str, str]:
    return {"web": said["web_url"], "api": said["api_url"], "ssh": said["ssh_url"]}


def _enable(asked: Asked) -> Done:
    update_scm(scm_id=asked.row.pk, enabled=True)
    return Done(f"{asked.row} is enabled.")


def _disable(asked: Asked) -> Done:
    update_scm(scm_id=asked.row.pk, enabled=False)
    return Done(f"{asked.row} is disabled.")


def _make_default(asked: Asked) -> Done:
    make_scm_default(scm_id=asked.row.pk)
    return Done(f"New algorithms are on {asked.row}.")


def _change_addresses(asked: Asked) -> Done:
    told = ScmUpdateSerializer(data={"urls": _urls(asked.values)})
    told.is_valid(raise_exception=True)
    update_scm(scm_id=asked.row.pk, urls=told.urls_given())
    return Done(f"The addresses of {asked.row} are changed.")


def _delete(asked: Asked) -> Done:
    delete_scm(scm_id=asked.row.pk)
    return Done(f"{asked.row} is deleted.", reverse("admin:scm_scmconfiguration_changelist"))


def _is_other(asked: Asked) -> bool:
    return not asked.row.is_internal


@admin.register(ScmConfiguration)
class ScmConfigurationAdmin(PortalAdmin):
    section = "Platform"
    may_add = True
    list_display = ("__str__", "id", "provider", "enabled", "is_default", "web_url")
    list_filter = ("provider", "enabled")
    search_fields = ("id", "name", "web_url")
    search_help_text = "Id, name or address"
    ordering = ("created_at",)
    acts = (
        Act(
            "enable",
            "Enable",
            _enable,
            "Users may have repositories on this host.",
            offered=lambda asked: not asked.row.enabled,
        ),
        Act(
            "make-default",
            "Make default",
            _make_default,
            "Algorithms that name no host are made on this one.",
            offered=lambda asked: asked.row.enabled and not asked.row.is_default,
        ),
        Act(
            "change-addresses",
            "Change addresses",
            _change_addresses,
            "Where the host is: its pages, its API and its repositories.",
            form=AddressesForm,
            initial=lambda row: {
                "web_url": row.web_url,
                "api_url": row.api_url,
                "ssh_url": row.ssh_url,
            },
            offered=_is_other,
        ),
        Act(
            "disable",
            "Disable",
            _disable,
            "No repository is made on this host any more.",
            destroys=True,
            offered=lambda asked: _is_other(asked) and asked.row.enabled,
        ),
        Act(
            "delete",
            "Delete",
            _delete,
            "The host and its secret are forgotten. No algorithm may have been made with it.",
            destroys=True,
            offered=lambda asked: _is_other(asked) and not asked.row.enabled,
        ),
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        urls = ("web_url", "api_url", "ssh_url")
        if obj is not None:
            flags = ("enabled", "is_default", "client_id", "project_key")
            return ("id", "name", "provider", *flags, *urls, "created_at")
        client = ("client_id", "client_secret", "project_key")
        return ("scm_id", "name", "provider", "enabled", *client, *urls)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any
    ) -> Any:
        if obj is None:
            options["form"], options["fields"] = ScmForm, None
        return super().get_form(request, obj, change, **options)

    def save_model(
        self, request: HttpRequest, obj: ScmConfiguration, form: Any, change: bool
    ) -> None:
        told = ScmCreateSerializer(data=form.given())
        told.is_valid(raise_exception=True)
        obj.pk = create_scm(new=told.asked()).pk
