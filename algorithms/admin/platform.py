"""What administrators set for the site: reservations and features."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from algoport.accounts.models import User
from algoport.web.portal.acts import Act, Asked, Done
from algoport.web.portal.pages import PortalAdmin
from algorithms.constants import MOST_SLOTS_OF_RESERVATION
from algorithms.features.switching import switch_feature
from algorithms.models import (
    AccountFeature,
    AlgorithmSecret,
    Feature,
    Reservation,
)
from algorithms.running.reservations import (
    ReservationRequest,
    create_reservation,
    delete_reservation,
)


class ReservationForm(forms.ModelForm):
    algorithm_name = forms.CharField(
        label="Algorithm", max_length=100, help_text="OWNER/NAME", widget=forms.TextInput()
    )
    caller_name = forms.CharField(
        label="Caller", max_length=30, help_text="The account whose calls find the runners ready."
    )
    num_slots = forms.IntegerField(
        label="Runners", min_value=1, max_value=MOST_SLOTS_OF_RESERVATION, initial=1
    )

    class Meta:
        model = Reservation
        fields = ["version_type", "version_identifier", "num_slots"]
        help_texts = {
            "version_identifier": "The number or the commit of the specific version types.",
        }


@admin.register(Reservation)
class ReservationAdmin(PortalAdmin):
    section = "Platform"
    may_add = may_delete = True
    list_display = (
        *("algorithm", "caller", "version_type", "version_identifier", "num_slots", "created_at"),
    )
    list_select_related = ("algorithm__owner", "caller")
    list_filter = ("version_type",)
    search_fields = ("algorithm__name", "caller__username")
    search_help_text = "Algorithm or caller"
    ordering = ("-created_at",)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any
    ) -> Any:
        if obj is None:
            options["form"], options["fields"] = ReservationForm, None
        return super().get_form(request, obj, change, **options)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        version = ("version_type", "version_identifier", "num_slots")
        if obj is None:
            return ("algorithm_name", "caller_name", *version)
        return ("algorithm", "caller", *version, "created_at")

    def save_model(self, request: HttpRequest, obj: Reservation, form: Any, change: bool) -> None:
        owner, _, name = form.cleaned_data["algorithm_name"].partition("/")
        made = create_reservation(
            asked=ReservationRequest(
                owner=owner.strip(),
                name=name.strip(),
                caller=form.cleaned_data["caller_name"],
                version_type=obj.version_type,
                version_identifier=obj.version_identifier,
                num_slots=obj.num_slots,
            )
        )
        obj.pk, obj.algorithm, obj.caller = made.pk, made.algorithm, made.caller

    def delete_model(self, request: HttpRequest, obj: Reservation) -> None:
        delete_reservation(reservation_id=str(obj.pk))


def _switch(enabled: bool) -> Callable[[Asked], Done]:
    def perform(asked: Asked) -> Done:
        account = getattr(asked.row, "account", None)
        username = None if account is None else account.username
        switch_feature(name=asked.row.name, enabled=enabled, username=username)
        return Done(f"{asked.row} is {'on' if enabled else 'off'}.")

    return perform


_SWITCHES = (
    Act(
        "switch-on",
        "Switch on",
        _switch(True),
        "Every process follows within two seconds.",
        offered=lambda asked: not asked.row.enabled,
    ),
    Act(
        "switch-off",
        "Switch off",
        _switch(False),
        "Every process follows within two seconds.",
        offered=lambda asked: asked.row.enabled,
    ),
)


@admin.register(Feature)
class FeatureAdmin(PortalAdmin):
    """Features that were switched once; the others are off."""

    section = "Platform"
    may_add = True
    list_display = ("name", "enabled")
    ordering = ("name",)
    acts = _SWITCHES

    def save_model(self, request: HttpRequest, obj: Feature, form: Any, change: bool) -> None:
        switch_feature(name=obj.name, enabled=obj.enabled)


class AccountFeatureForm(forms.ModelForm):
    username = forms.CharField(
        label="Account", max_length=30, help_text="Name of a user or an organization."
    )

    class Meta:
        model = AccountFeature
        fields = ["name", "enabled"]


@admin.register(AccountFeature)
class AccountFeatureAdmin(PortalAdmin):
    """Features that one account has another way than the site."""

    section = "Platform"
    may_add = True
    list_display = ("name", "account", "enabled")
    list_select_related = ("account",)
    list_filter = ("name", "enabled")
    search_fields = ("account__username",)
    search_help_text = "Name of the account"
    acts = _SWITCHES

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any
    ) -> Any:
        if obj is None:
            options["form"], options["fields"] = AccountFeatureForm, None
        return super().get_form(request, obj, change, **options)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("username" if obj is None else "account", "name", "enabled")

    def save_model(
        self, request: HttpRequest, obj: AccountFeature, form: Any, change: bool
    ) -> None:
        username = form.cleaned_data["username"]
        switch_feature(name=obj.name, enabled=obj.enabled, username=username)
        made = AccountFeature.objects.get(account__in=User.objects.named(username), name=obj.name)
        obj.pk, obj.account = made.pk, made.account


@admin.register(AlgorithmSecret)
class AlgorithmSecretAdmin(PortalAdmin):
    """That there are secrets, and never what they are."""

    section = "Algorithms"
    list_display = ("variable", "name", "algorithm", "created_at", "modified_at")
    list_select_related = ("algorithm__owner",)
    search_fields = ("=id", "variable", "name", "algorithm__name", "algorithm__owner__username")
    exclude = ("value",)
