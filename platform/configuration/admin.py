"""How the site presents itself, in the admin portal: its images and entries of its frontend."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from algoport.configuration.constants import SITE_TITLE, ImageKind
from algoport.configuration.models import FrontendEntry, SiteImage
from algoport.configuration.services import delete_entry, reset_image, set_entry, set_image
from algoport.web.portal.pages import PortalAdmin


@admin.register(FrontendEntry)
class FrontendEntryAdmin(PortalAdmin):
    section = "Platform"
    may_add = may_change = may_delete = True
    list_display = ("keyname", "created_at", "updated_at")
    search_fields = ("keyname", "value")
    search_help_text = f"Key or value; {SITE_TITLE} is the title of pages"
    ordering = ("keyname",)
    fields = ("keyname", "value")

    def get_readonly_fields(self, request: HttpRequest, obj: FrontendEntry | None = None) -> Any:
        return () if obj is None else ("keyname",)

    def save_model(self, request: HttpRequest, obj: FrontendEntry, form: Any, change: bool) -> None:
        set_entry(keyname=obj.keyname, value=obj.value)

    def delete_model(self, request: HttpRequest, obj: FrontendEntry) -> None:
        delete_entry(keyname=obj.keyname)


class SiteImageForm(forms.ModelForm):
    file = forms.FileField(help_text="It takes the place of the one that there is.")

    class Meta:
        model = SiteImage
        fields = ["kind"]

    def _get_validation_exclusions(self) -> set[str]:
        """An image that is there is replaced."""
        return {field.name for field in SiteImage._meta.fields}


@admin.register(SiteImage)
class SiteImageAdmin(PortalAdmin):
    """Images of the site's own; without one the default is shown."""

    section = "Platform"
    may_add = may_delete = True
    list_display = ("kind", "content_type", "digest", "updated_at")
    search_fields = ("kind",)
    exclude = ("content",)
    ordering = ("kind",)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any
    ) -> Any:
        if obj is None:
            options["form"], options["fields"] = SiteImageForm, None
        return super().get_form(request, obj, change, **options)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("kind", "file") if obj is None else super().get_fields(request, obj)

    def save_model(self, request: HttpRequest, obj: SiteImage, form: Any, change: bool) -> None:
        set_image(kind=ImageKind(obj.kind), content=form.cleaned_data["file"].read())

    def delete_model(self, request: HttpRequest, obj: SiteImage) -> None:
        reset_image(kind=ImageKind(obj.kind))
