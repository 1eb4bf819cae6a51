"""What the URL configuration lets be changed."""

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from algoport.api.unbuilt import UnbuiltView

MUTATING = ("POST", "PUT", "PATCH", "DELETE")


def operations(prefix: str) -> Iterator[str]:
    """`METHOD route` of each mutating method of the views below `prefix`."""
    for route, view in _views(get_resolver(), ""):
        if route.startswith(prefix):
            for method in _methods(view):
                yield f"{method} {route}"


def _views(resolver: URLResolver, before: str) -> Iterator[tuple[str, Any]]:
    for entry in resolver.url_patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield route, entry.callback
        else:
            yield from _views(entry, route)


def _methods(view: Any) -> list[str]:
    """Those that a class-based view answers; a function says nothing of its methods."""
    kind = getattr(view, "view_class", None) or getattr(view, "cls", None)
    if kind is None or issubclass(kind, UnbuiltView):
        return []
    options = getattr(view, "initkwargs", None) or getattr(view, "view_initkwargs", {})
    named = options.get("http_method_names", kind.http_method_names)
    handled = getattr(view, "actions", None) or [name for name in named if hasattr(kind, name)]
    return [method for method in MUTATING if method.lower() in handled]
