"""What the protocol has and this platform does not: declared here, answered with 501 and 5005.

Whoever builds one of these takes it out of `UNBUILT`; tests/compat sees to it.
"""

from typing import Any, NoReturn

from django.urls import URLPattern, path
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from algoport.errors import FeatureNotImplemented

# Methods, path below /v1/, and whether it is for administrators only.
Unbuilt = tuple[str, str, bool]

_ALGORITHM = "algorithms/<uuid:algorithm_id>"
_ORGANIZATION = "organizations/<str:name>"
_LISTENERS = "users/<str:user_id>/event-listeners"

UNBUILT: tuple[Unbuilt, ...] = (
    ("GET POST DELETE", "admin/insights-connection", True),
    ("PUT", "admin/organization_host_information", True),
    ("GET POST DELETE", "admin/organization_host_information/<str:name>", True),
    ("GET POST", f"{_ALGORITHM}/versions/<str:git_hash>/registry", False),
    ("POST", f"{_ALGORITHM}/collections/<str:collection_id>", False),
    ("GET", "hostedData", False),
    ("POST", "insights", False),
    ("GET PUT", f"{_ORGANIZATION}/algorithms-host-usernames", True),
    ("DELETE", f"{_ORGANIZATION}/algorithms-host-usernames/<str:algorithm_id>", True),
    ("GET", "registries", False),
    ("POST", "registries", True),
    ("PUT DELETE", "registries/<str:registry_id>", True),
    ("GET POST", _LISTENERS, False),
    ("GET PUT DELETE", f"{_LISTENERS}/<str:listener_id>", False),
)


class UnbuiltView(APIView):
    """Answers 5005 to those who could use it if it were there."""

    # What is not there is not described.
    schema = None
    # Methods that are for administrators, and who these are.
    administered: frozenset[str] = frozenset()
    administrators: type[BasePermission] = BasePermission

    def get_permissions(self) -> list[Any]:
        administered = self.request.method in self.administered
        return [self.administrators()] if administered else super().get_permissions()

    def refuse(self, request: Request, **named: str) -> NoReturn:
        raise FeatureNotImplemented

    get = post = put = patch = delete = refuse


def patterns(administrators: type[BasePermission]) -> list[URLPattern]:
    """The routes of all that is unbuilt."""
    return [
        path(
            route,
            UnbuiltView.as_view(
                http_method_names=[method.lower() for method in methods],
                administered=frozenset(
                    method for method, administered in methods.items() if administered
                ),
                administrators=administrators,
            ),
        )
        for route, methods in _BY_ROUTE.items()
    ]


def is_unbuilt(method: str, target: str) -> bool:
    """Whether this method of a path is declared here, though the path has others that are built."""
    below = target.removeprefix("/v1/")
    return any(
        method in methods and pattern.resolve(below) is not None
        for pattern, methods in zip(_PATTERNS, _BY_ROUTE.values(), strict=True)
    )


def _by_route() -> dict[str, dict[str, bool]]:
    """The methods of each route, and whether they are for administrators."""
    found: dict[str, dict[str, bool]] = {}
    for methods, route, administered in UNBUILT:
        for method in methods.split():
            found.setdefault(route, {})[method] = administered
    return found


_BY_ROUTE = _by_route()
_PATTERNS = patterns(BasePermission)
