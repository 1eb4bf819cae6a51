"""Forms of the pages about organizations; what the services refuse is added to them."""

from typing import Any

from django import forms

from algoport.accounts.constants import NAME_LENGTH, OrganizationRole
from orgs.models import Organization
from orgs.services import Profile


class ProfileForm(forms.Form):
    label = forms.CharField(
        label="Display name", max_length=100, help_text="What people read on pages."
    )
    contact_name = forms.CharField(label="Contact", max_length=100)
    email = forms.CharField(
        label="Contact e-mail",
        max_length=100,
        widget=forms.EmailInput(attrs={"inputmode": "email"}),
    )
    url = forms.CharField(label="Website (optional)", max_length=100, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)

    def profile(self, known: Organization | None = None) -> Profile:
        """What a valid form says, and of what it does not ask what is known."""
        given = {name: self.cleaned_data[name] for name in ProfileForm.base_fields}
        if known is None:
            return Profile(**given)
        return Profile(
            **given,
            type_id=known.type_id,
            external_id=known.external_id,
            external_admin_group=known.external_admin_group,
            external_member_group=known.external_member_group,
            external_executor_group=known.external_executor_group,
        )


class NewOrganizationForm(ProfileForm):
    name = forms.CharField(
        max_length=NAME_LENGTH,
        help_text="Part of every address of what it owns. Letters, digits and underscores; it never"
        " changes, and is never given again.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    field_order = ("name", "label", "contact_name", "email", "url")


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=OrganizationRole.choices)


class InviteForm(forms.Form):
    who = forms.CharField(
        label="User name or e-mail address",
        max_length=100,
        help_text="Who has no account yet can sign up by the link in the mail.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    role = forms.ChoiceField(
        choices=OrganizationRole.choices,
        initial=OrganizationRole.MEMBER,
        widget=forms.RadioSelect,
        help_text="Members make and run its algorithms and use its data. Owners decide besides who"
        " is in it, and publish for everybody.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)

    def asked(self) -> dict[str, str]:
        """As `invite` takes it."""
        who = self.cleaned_data["who"]
        return {"email" if "@" in who else "username": who, "role": self.cleaned_data["role"]}


class DeleteForm(forms.Form):
    name = forms.CharField(
        label="Its name, to be sure",
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, expected: str, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self._expected = expected

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name != self._expected:
            raise forms.ValidationError(f"Write {self._expected} to delete it.")
        return name
