"""Which methods of which paths the platform answers, and how it does."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from django.urls import URLPattern, URLResolver, get_resolver, resolve

from algoport.api.unbuilt import UnbuiltView, is_unbuilt
from tests.asgi_client import call

PROTOCOL = Path(__file__).with_name("protocol.csv")
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>|\{(\w+)\}")
_ID = str(UUID(int=7))
# Below this, or at exactly one of these, a path is of the API; the rest is pages.
_API = ("v1/",)
_OUTSIDE = ("healthz", "readyz", "metrics")

# The ASGI planes tell their paths apart by themselves (platform/asgi.py).
_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_PLANES = [
    (re.compile(pattern), template)
    for pattern, template in (
        (r"/v1/web/algo/", "/v1/web/algo/{PATH}"),
        (rf"/v1/algo/{_UUID}/?(\?|\Z)", "/v1/algo/{ALGORITHM_ID}"),
        (rf"/v1/algo/{_UUID}/", "/v1/algo/{ALGORITHM_ID}/{VERSION}"),
        (r"/v1/algo/", "/v1/algo/{OWNER}/{NAME}/{VERSION}"),
        (r"/v1/data(/|\?|\Z)", "/v1/data/{PATH}"),
        (r"/v1/connector/", "/v1/connector/{CONNECTOR_ID}/{PATH}"),
        (r"/git/[^/]+/[^/]+\.git/", "/git/{OWNER}/{NAME}.git/info/refs"),
    )
]


class State(StrEnum):
    BUILT = "built"
    UNBUILT = "answers 5005"
    OUT_OF_SCOPE = "out of scope"
    MISSING = "missing"


@dataclass(frozen=True, order=True)
class Route:
    """A method of a path; parameters are in braces, and their names are for people only."""

    path: str
    method: str

    @property
    def shape(self) -> str:
        return f"{self.method} {_PARAMETER.sub('{}', self.path)}"

    @property
    def sample(self) -> str:
        """A path of this shape: algorithms are named by an id where that is meant."""
        return _PARAMETER.sub(lambda found: _ID if "ALGORITHM" in found[0] else "x1", self.path)


def protocol() -> dict[Route, str]:
    """The routes of the original, and where each of them is documented."""
    with PROTOCOL.open() as file:
        return {Route(row["path"], row["method"]): row["source"] for row in csv.DictReader(file)}


@cache
def django_routes() -> dict[str, Route]:
    """What Django answers of the API, by shape, without what is unbuilt."""
    found = {}
    for route, pattern in _patterns(get_resolver(), ""):
        if not route.startswith(_API) and route not in _OUTSIDE:
            continue
        # Another pattern in front of it may take its paths.
        if resolve("/" + _sample(route, pattern)).route != route:
            continue
        path = "/" + _PARAMETER.sub(lambda name: f"{{{name[1].upper()}}}", route)
        for method in _methods(pattern.callback):
            each = Route(path, method)
            found.setdefault(each.shape, each)
    return found


def state_of(route: Route) -> State:
    """How the platform answers a route of the protocol."""
    if not route.path.startswith(("/v1/", "/git/")):
        return State.OUT_OF_SCOPE
    if route.shape in django_routes() or _plane_answers(route):
        return State.BUILT
    return State.UNBUILT if is_unbuilt(route.method, route.sample) else State.MISSING


def shape_of_request(method: str, target: str) -> str | None:
    """The route that a request is for, or None for what is not of the API."""
    path = target.partition("?")[0]
    template = _plane_of(path)
    if template is None:
        if not path.lstrip("/").startswith((*_API, *_OUTSIDE)):
            return None
        template = "/" + resolve(path).route
    shape = Route(template, "GET" if "/git/" in template else method).shape
    return None if "^" in shape else shape


def _plane_of(path: str) -> str | None:
    return next((template for pattern, template in _PLANES if pattern.match(path)), None)


def _plane_answers(route: Route) -> bool:
    """Whether a plane asks for a key, as it does when it knows the method of the path."""
    if _plane_of(route.sample) is None:
        return False
    from algoport.asgi import application

    query = "?service=git-upload-pack" if route.path.startswith("/git/") else ""
    return call(application, route.method, route.sample + query).status == 401


def _patterns(resolver: Any, prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for each in resolver.url_patterns:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _patterns(each, route)
        elif "^" not in route:
            yield route, each


def _sample(route: str, pattern: URLPattern) -> str:
    uuids = {
        name for name, kind in pattern.pattern.converters.items() if "UUID" in type(kind).__name__
    }
    return _PARAMETER.sub(lambda found: _ID if found[1] in uuids else "x1", route)


def _methods(view: Any) -> list[str]:
    """Those that a view answers; OPTIONS and HEAD go without saying."""
    kind = getattr(view, "cls", None) or getattr(view, "view_class", None)
    if kind is None:
        return ["GET"]
    if issubclass(kind, UnbuiltView):
        return []
    initial = getattr(view, "initkwargs", None) or getattr(view, "view_initkwargs", {})
    names = initial.get("http_method_names", kind.http_method_names)
    return [
        name.upper() for name in names if name not in ("options", "head") and hasattr(kind, name)
    ]
