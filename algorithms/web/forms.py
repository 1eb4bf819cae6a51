"""Forms of the pages about an algorithm; what they do not check themselves, the services do."""

from typing import Any

from django import forms

from algoport.errors import InputValidationError
from algorithms.constants import (
    MOST_SAMPLE_CHARACTERS,
    MOST_TAGS,
    SECRET_DESCRIPTION_LENGTH,
    SECRET_NAME_LENGTH,
    SECRET_VALUE_BYTES,
    SECRET_VARIABLE_LENGTH,
    Callability,
)
from algorithms.environments.selectors import list_environments
from algorithms.models import Algorithm
from algorithms.previews import Draft
from algorithms.tags import check_tags, parse_tags
from algorithms.updates import AlgorithmChanges
from algorithms.web.words import CALLERS, LICENSES, NETWORKS, PIPELINING, SOURCES

MOST_NOTES = 20_000
_STEPS = {
    "major": "{number}: major, for changes that break what callers rely on",
    "minor": "{number}: minor, for new features",
    "patch": "{number}: revision, for corrections",
}


class SampleField(forms.CharField):
    """A sample input, with the ends of lines that it was written with."""

    def __init__(self, rows: int, help_text: str) -> None:
        super().__init__(
            max_length=MOST_SAMPLE_CHARACTERS,
            required=False,
            strip=False,
            widget=forms.Textarea({"class": "code", "rows": rows, "spellcheck": "false"}),
            help_text=help_text,
        )

    def to_python(self, value: object) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")


class SettingsForm(forms.Form):
    """All that can be changed of an algorithm."""

    label = forms.CharField(max_length=200, help_text="Its name for readers.")
    tagline = forms.CharField(
        max_length=300, required=False, help_text="What it does, in one sentence."
    )
    tags = forms.CharField(
        max_length=500,
        required=False,
        help_text=f"At most {MOST_TAGS}, with commas between them. By them it is found, and has "
        "its place in the catalogue's categories.",
    )
    license = forms.ChoiceField(label="Licence", choices=LICENSES)
    source_visibility = forms.ChoiceField(
        label="Source",
        choices=SOURCES,
        widget=forms.RadioSelect,
        help_text="Only the platform's own licence supports closed source.",
    )
    environment = forms.ChoiceField(help_text="Of the same language; the language stays.")
    network_access = forms.ChoiceField(label="Internet", choices=NETWORKS, widget=forms.RadioSelect)
    pipelining = forms.ChoiceField(choices=PIPELINING, widget=forms.RadioSelect)
    callability = forms.ChoiceField(
        label="Who may call the next version", choices=CALLERS, widget=forms.RadioSelect
    )
    sample_input = SampleField(
        4, "JSON, or else text. It is run when it is changed, and after each build."
    )

    # What the algorithm has, and what its next version gets.
    now = ("label", "tagline", "tags", "license", "source_visibility")
    next = ("environment", "network_access", "pipelining", "callability", "sample_input")

    def __init__(self, algorithm: Algorithm, *args: Any, **named: Any) -> None:
        initial = {
            "label": algorithm.label,
            "tagline": algorithm.tagline,
            "tags": ", ".join(algorithm.tags),
            "license": algorithm.license,
            "source_visibility": algorithm.source_visibility,
            "environment": str(algorithm.environment_id),
            "network_access": algorithm.network_access,
            "pipelining": "yes" if algorithm.pipeline_enabled else "no",
            "callability": algorithm.callability,
            "sample_input": algorithm.sample_input,
        }
        super().__init__(*args, initial=initial, **named)
        own = algorithm.environment
        others = {row.pk: row for row in [own, *list_environments(own.language)]}
        self.fields["environment"].choices = [
            (str(row.pk), row.display_name) for row in others.values()
        ]

    @property
    def fields_now(self) -> list[forms.BoundField]:
        return [self[name] for name in self.now]

    @property
    def fields_next(self) -> list[forms.BoundField]:
        return [self[name] for name in self.next]

    def clean_tags(self) -> list[str]:
        tags = parse_tags(self.cleaned_data["tags"])
        try:
            check_tags(tags)
        except InputValidationError as exc:
            raise forms.ValidationError(exc.text) from exc
        return tags

    def changes(self) -> AlgorithmChanges:
        given = dict(self.cleaned_data)
        environment, pipelining = given.pop("environment"), given.pop("pipelining")
        named = environment if "environment" in self.changed_data else None
        return AlgorithmChanges(
            **given, pipeline_enabled=pipelining == "yes", algorithm_environment=named
        )


class DeletionForm(forms.Form):
    """Something is deleted by who types its name."""

    name = forms.CharField(
        label="Name of the algorithm",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false", "class": "code"}),
    )

    def __init__(self, algorithm: Algorithm, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._name = str(algorithm)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name != self._name:
            raise forms.ValidationError(f"Type {self._name} to delete it.")
        return name


class SecretValue(forms.CharField):
    """A value of one or several lines, such as a key; what was typed does not come back."""

    class _Input(forms.Textarea):
        def format_value(self, value: object) -> None:
            return None

    def __init__(self) -> None:
        fixed = {"class": "code", "rows": 2, "autocomplete": "off", "spellcheck": "false"}
        super().__init__(
            max_length=SECRET_VALUE_BYTES,
            strip=False,
            help_text="It is shown by nothing once it is set.",
            widget=self._Input(fixed),
        )

    def to_python(self, value: object) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")


class SecretForm(forms.Form):
    """A new secret."""

    name = forms.CharField(
        max_length=SECRET_NAME_LENGTH, widget=forms.TextInput({"autocomplete": "off"})
    )
    description = forms.CharField(
        max_length=SECRET_DESCRIPTION_LENGTH, required=False, widget=forms.Textarea({"rows": 2})
    )
    variable = forms.CharField(
        label="Environment variable",
        max_length=SECRET_VARIABLE_LENGTH,
        help_text="Letters, digits and underscores. It cannot be changed later.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false", "class": "code"}),
    )
    value = SecretValue()


class ChangedSecretForm(SecretForm):
    """What of a secret can be changed; a value that is left blank stays."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        del self.fields["variable"]
        value = self.fields["value"]
        value.label, value.required = "New value", False
        value.help_text = "Leave it blank to keep the value that there is."


class VersionForm(forms.Form):
    """First step of a publication: for whom, and which number."""

    callability = forms.ChoiceField(
        label="Who may call it", choices=CALLERS, widget=forms.RadioSelect
    )
    version_type = forms.ChoiceField(label="Number", widget=forms.RadioSelect)

    def __init__(self, draft: Draft, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._draft = draft
        self.fields["version_type"].choices = [
            (step.name, _STEPS[step.name].format(number=step.number)) for step in draft.steps
        ]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        step = self._draft.step(given.get("version_type", ""))
        callers = str(given.get("callability"))
        if step is not None and callers in Callability.values and callers not in step.callers:
            self.add_error(
                "version_type",
                "Permissions or settings are not as in the version before, which needs a larger"
                f" step: {self._smallest_for(callers)}.",
            )
        return given

    def _smallest_for(self, callers: str) -> str:
        fitting = [step.number for step in self._draft.steps if callers in step.callers]
        return f"{fitting[-1]} at least"


class WordsForm(forms.Form):
    """Second step: what readers of the version find."""

    release_notes = forms.CharField(
        max_length=MOST_NOTES,
        required=False,
        widget=forms.Textarea({"rows": 5}),
        help_text="What is new in this version, for those who call it.",
    )
    sample_input = SampleField(5, "JSON, or else text: what “Run an example” begins with.")
