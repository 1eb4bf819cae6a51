"""Forms about buckets of S3 connectors."""

import re
from collections.abc import Sequence
from typing import Any

from django import forms

from dataportal.stores.bucket_rules import CorsRule
from dataportal.web.forms import CodeInput, PageForm

METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD")
_LONGEST_AGE = 7 * 24 * 3600
_MOST_LINES, _LONGEST_LINE = 100, 2000
ACL_NAMES = {
    "private": "Private: only the owner",
    "public-read": "Everybody may read",
    "public-read-write": "Everybody may read and write",
    "authenticated-read": "Every account of the storage may read",
    "bucket-owner-read": "The bucket's owner may read",
    "bucket-owner-full-control": "The bucket's owner may do everything",
}


class BucketForm(PageForm):
    name = forms.RegexField(
        r"\A[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z",
        label="Name of the bucket",
        help_text="Lower case letters, digits, “-” and “.”, from 3 to 63.",
        widget=CodeInput(),
    )
    location = forms.RegexField(
        r"\A(EU|[a-z][a-z0-9-]{1,38}[a-z0-9])?\Z",
        required=False,
        help_text="A region, such as eu-west-1. Blank for the connector's own.",
        widget=CodeInput(),
    )


class AclForm(PageForm):
    acl = forms.ChoiceField(label="Policy")

    def __init__(self, acls: Sequence[str], *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.fields["acl"].choices = [(each, ACL_NAMES[each]) for each in acls]


class Lines(forms.CharField):
    """A list of texts, one on each line."""

    widget = forms.Textarea({"rows": 2, "class": "code", "spellcheck": "false"})

    def to_python(self, value: Any) -> Any:
        lines = re.split(r"[\r\n]+", super().to_python(value))
        return tuple(line.strip() for line in lines if line.strip())

    def validate(self, value: Any) -> None:
        super().validate(value)
        if len(value) > _MOST_LINES or any(len(line) > _LONGEST_LINE for line in value):
            raise forms.ValidationError(
                f"At most {_MOST_LINES} lines, of {_LONGEST_LINE} characters at most."
            )

    def run_validators(self, value: Any) -> None:
        for line in value:
            super().run_validators(line)


class CorsRuleForm(PageForm):
    allowed_methods = forms.MultipleChoiceField(
        label="Methods",
        choices=[(each, each) for each in METHODS],
        initial=["GET"],
        widget=forms.CheckboxSelectMultiple,
    )
    allowed_origins = Lines(
        label="Origins", help_text="One on each line, as https://example.com, or * for all."
    )
    allowed_headers = Lines(label="Headers that requests may have", required=False)
    expose_headers = Lines(label="Headers of answers that pages may see", required=False)
    max_age_seconds = forms.IntegerField(
        label="Seconds for which browsers remember the rule",
        required=False,
        min_value=0,
        max_value=_LONGEST_AGE,
    )

    def rule(self) -> CorsRule:
        given = self.cleaned_data
        return CorsRule(
            tuple(given["allowed_methods"]),
            given["allowed_origins"],
            given["allowed_headers"],
            given["expose_headers"],
            given["max_age_seconds"],
        )
