"""The platform's secret key, and those that it had before while they are still taken."""

from django.conf import settings


def secret_keys() -> tuple[str, ...]:
    """The present one, with which everything is made, and behind it what is accepted besides."""
    return (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
