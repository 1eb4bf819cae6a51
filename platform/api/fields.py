"""Fields of request bodies that say more than DRF's own."""

from typing import NoReturn

from rest_framework import serializers


class OneOf(serializers.ChoiceField):
    """A choice whose refusal names what there is to choose from."""

    def fail(self, key: str, **kwargs: object) -> NoReturn:
        if key == "invalid_choice":
            raise serializers.ValidationError(f"choose one of {', '.join(self.choices)}.")
        raise serializers.ValidationError(self.error_messages[key].format(**kwargs))
