"""The form by which a key is made: what it may be used for (spec.md 2.3)."""

import re
from typing import Any

from django import forms

from algoport.accounts.constants import SCOPE_PATTERN
from algoport.accounts.permissions import Scopes

_ALL, _SOME, _NONE = "all", "some", "none"
_READ, _WRITE = "read", "write"
_MOST_PATTERNS = 100
_HOST = re.compile(r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?\Z")


class KeyForm(forms.Form):
    label = forms.CharField(
        max_length=100, help_text="What it is for, so that you know it again later."
    )
    calls = forms.ChoiceField(
        label="Algorithms that it may call",
        choices=[
            (_ALL, "All that its owner may call"),
            (_SOME, "Only these"),
            (_NONE, "None"),
        ],
        initial=_ALL,
        widget=forms.RadioSelect,
    )
    patterns = forms.CharField(
        label="These algorithms",
        required=False,
        max_length=10_000,
        help_text="One a line: OWNER/NAME, or OWNER/* for all of an owner.",
        widget=forms.Textarea(attrs={"rows": 3, "class": "code", "spellcheck": "false"}),
    )
    programs = forms.BooleanField(
        label="From programs: clients, curl, the command line", required=False, initial=True
    )
    pages = forms.BooleanField(label="From web pages, in a browser", required=False)
    host = forms.CharField(
        label="Only pages of this host",
        required=False,
        max_length=200,
        help_text="Like www.example.com. Empty: pages of every site.",
    )
    data = forms.ChoiceField(
        label="Data",
        choices=[(_NONE, "No access"), (_READ, "Read"), (_WRITE, "Read and write")],
        initial=_NONE,
        widget=forms.RadioSelect,
    )
    management = forms.BooleanField(
        label="Manage algorithms",
        required=False,
        help_text="Create, build, publish and delete; keys, invitations and webhooks too.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)

    def clean_patterns(self) -> tuple[str, ...]:
        lines = [line.strip() for line in self.cleaned_data["patterns"].splitlines()]
        given = [f"algo://{line.removeprefix('algo://')}" for line in lines if line]
        if len(given) > _MOST_PATTERNS:
            raise forms.ValidationError(f"Name at most {_MOST_PATTERNS}.")
        for pattern in given:
            if not re.match(SCOPE_PATTERN, pattern, re.ASCII):
                shown = pattern.removeprefix("algo://")[:60]
                raise forms.ValidationError(f"“{shown}” is not like OWNER/NAME or OWNER/*.")
        return tuple(dict.fromkeys(given))

    def clean_host(self) -> str:
        host: str = self.cleaned_data["host"].strip().lower()
        if host and not _HOST.match(host):
            raise forms.ValidationError("A host name alone, like www.example.com.")
        return host

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if self.errors:
            return given
        if given["calls"] == _SOME and not given["patterns"]:
            self.add_error("patterns", "Name at least one algorithm.")
        if given["calls"] != _NONE and not (given["programs"] or given["pages"]):
            self.add_error("programs", "Say from where it may call them.")
        if given["calls"] == given["data"] == _NONE and not given["management"]:
            self.add_error(None, "With these choices the key could do nothing.")
        return given

    def scopes(self) -> Scopes:
        """What was chosen, of a form that is valid."""
        given = self.cleaned_data
        calls = given["calls"] != _NONE
        pages = calls and given["pages"]
        return Scopes(
            algo_acl={_ALL: ("algo://*",), _SOME: given["patterns"], _NONE: ()}[given["calls"]],
            management=given["management"],
            native_calls=calls and given["programs"],
            web_calls=pages,
            referer_host=given["host"] if pages else "",
            data_read=given["data"] != _NONE,
            data_write=given["data"] == _WRITE,
        )
