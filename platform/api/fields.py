"""Fields of request bodies that say more than DRF's own."""

from typing import Any, NoReturn

from rest_framework import serializers


class OneOf(serializers.ChoiceField):
    """A choice whose refusal names what there is to choose from."""

    def fail(self, key: str, **kwargs: object) -> NoReturn:
        if key == "invalid_choice":
            raise serializers.ValidationError(f"choose one of {', '.join(self.choices)}.")
        raise serializers.ValidationError(self.error_messages[key].format(**kwargs))


class PatternField(serializers.CharField):
    """A text whose pattern is described here, and refused by the service, which says why."""

    def __init__(self, pattern: str, **options: Any) -> None:
        super().__init__(**options)
        self.pattern = pattern
