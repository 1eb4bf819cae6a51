"""The catalogue's categories, in the admin portal."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from algoport.web.portal.pages import PortalAdmin
from algorithms.categories import (
    CategoryFields,
    create_category,
    delete_category,
    update_category,
)
from algorithms.models import Category


class CategoryForm(forms.ModelForm):
    position = forms.IntegerField(
        min_value=0,
        max_value=9999,
        initial=0,
        help_text="0 is the first; those that have it or a later one come after this.",
    )

    class Meta:
        model = Category
        fields = ["title", "tagline", "tag", "position", "description"]
        help_texts = {
            "tag": "Algorithms that have this tag are in the category.",
            "description": "Markdown, shown above the category's algorithms.",
        }

    def clean_tag(self) -> str:
        tag: str = self.cleaned_data["tag"].strip().lower()
        return tag

    def _get_validation_exclusions(self) -> set[str]:
        """Others make place for a position that is taken; the service tells of a taken tag."""
        return set(super()._get_validation_exclusions()) | {"position", "tag"}


@admin.register(Category)
class CategoryAdmin(PortalAdmin):
    section = "Algorithms"
    may_add = may_change = may_delete = True
    list_display = ("title", "tag", "position", "tagline")
    search_fields = ("title", "tag", "tagline")
    search_help_text = "Title, tag or tagline"
    ordering = ("position",)
    form = CategoryForm

    def save_model(self, request: HttpRequest, obj: Category, form: Any, change: bool) -> None:
        given = CategoryFields(**form.cleaned_data)
        if change:
            update_category(category_id=obj.pk, given=given)
        else:
            obj.pk = create_category(given=given).pk

    def delete_model(self, request: HttpRequest, obj: Category) -> None:
        delete_category(category_id=obj.pk)
