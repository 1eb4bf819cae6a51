"""Notifications in the admin portal: what users were told, and messages to them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from algoport.notifications.constants import LINK_LENGTH, MOST_RECIPIENTS
from algoport.notifications.models import Notification
from algoport.notifications.services import send_message
from algoport.web.portal.pages import PortalAdmin

_LONGEST_NAMES = MOST_RECIPIENTS * 32


class MessageForm(forms.ModelForm):
    recipients = forms.CharField(
        max_length=_LONGEST_NAMES,
        help_text="User names, with commas between them.",
        widget=forms.Textarea({"rows": 2, "spellcheck": "false"}),
    )
    link = forms.CharField(
        label="URL",
        max_length=LINK_LENGTH,
        required=False,
        help_text="Where it leads to: a path of this site, or a URL with https.",
    )

    class Meta:
        model = Notification
        fields = ["text"]
        labels = {"text": "Message"}
        widgets = {"text": forms.Textarea({"rows": 4})}


@admin.register(Notification)
class NotificationAdmin(PortalAdmin):
    section = "People"
    may_add = True
    list_display = ("user", "kind", "text", "created_at", "read_at")
    list_select_related = ("user",)
    list_filter = ("kind", ("read_at", admin.EmptyFieldListFilter))
    search_fields = ("user__username", "text")
    search_help_text = "User or text"
    ordering = ("-created_at", "-id")

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any
    ) -> Any:
        if obj is None:
            options["form"], options["fields"] = MessageForm, None
        return super().get_form(request, obj, change, **options)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ("recipients", "text", "link")
        return ("user", "kind", "text", "link", "context", "created_at", "read_at")

    def save_model(self, request: HttpRequest, obj: Notification, form: Any, change: bool) -> None:
        names = (each.strip() for each in form.cleaned_data["recipients"].split(","))
        sent = send_message(
            usernames=[each for each in names if each],
            text=obj.text,
            link=form.cleaned_data["link"],
        )
        obj.pk, obj.user, obj.kind = sent[0].pk, sent[0].user, sent[0].kind
