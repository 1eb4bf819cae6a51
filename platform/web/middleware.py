"""What every page's answer says besides the page."""

from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

_HEADER = "Content-Security-Policy"


class ContentSecurityPolicyMiddleware:
    """Tells browsers what a page may load; scripts in the page itself never run."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.get("Content-Type", "").startswith("text/html"):
            response.setdefault(_HEADER, policy_of(request.path))
        return response


def policy_of(path: str) -> str:
    below = settings.CONTENT_SECURITY_POLICY_BELOW
    return _policy(next((prefix for prefix in below if path.startswith(prefix)), ""))


@cache
def _policy(prefix: str) -> str:
    rules = settings.CONTENT_SECURITY_POLICY | settings.CONTENT_SECURITY_POLICY_BELOW.get(
        prefix, {}
    )
    return "; ".join(f"{directive} {sources}" for directive, sources in rules.items())
