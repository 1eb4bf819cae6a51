"""DRF's fields without its leniency: what /v1/openapispec forbids is refused (docs/adr/0032)."""

import re
from collections.abc import Mapping
from typing import Any

from django.core.validators import RegexValidator
from rest_framework import serializers

# What Python takes for blank is more than what patterns do.
NOT_BLANK = r"[^\s\u001c-\u001f\u0085]"
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class _Text(serializers.CharField):
    """A number is no text, and blanks around one count for its length.

    `described` is what the description says besides; the service refuses it, and says why.
    """

    def __init__(self, *, described: Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.described = described or {}

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if isinstance(data, str):
            if self.max_length is not None and len(data) > self.max_length:
                self.fail("max_length", max_length=self.max_length)
        elif data is not None and data is not serializers.empty:
            self.fail("invalid")
        return super().run_validation(data)


class CharField(_Text):
    """A text; blanks around it are cut unless it says otherwise."""


class PatternField(_Text):
    """A text whose pattern is described here, and refused by the service, which says why."""

    def __init__(self, pattern: str, **options: Any) -> None:
        super().__init__(**{"trim_whitespace": False, **options})
        # Not Python's own signs for the ends.
        self.pattern = pattern.replace(r"\Z", "$").replace(r"\A", "^")


class RegexField(PatternField):
    """A text whose pattern is looked at here."""

    def __init__(self, pattern: str | re.Pattern[str], **options: Any) -> None:
        compiled = re.compile(pattern)
        super().__init__(compiled.pattern, **options)
        self.validators.append(RegexValidator(compiled, "This has not the form that it needs."))


class BooleanField(serializers.BooleanField):
    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class IntegerField(serializers.IntegerField):
    """A whole number; 1.0 is one, as JSON schemas have it."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, float) and data.is_integer():
            return int(data)
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


class UUIDField(serializers.UUIDField):
    """A UUID as RFC 9562 writes it."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or not _UUID.fullmatch(data):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)
