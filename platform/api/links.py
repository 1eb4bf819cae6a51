"""Addresses of this platform as its caller reached it."""

from rest_framework.request import Request


def base_url(request: Request) -> str:
    """`https://host`, without a slash at its end."""
    return request.build_absolute_uri("/").rstrip("/")
