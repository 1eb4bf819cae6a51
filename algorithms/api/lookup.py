"""The algorithm that a path names: by its owner and name, or by its id (spec.md 3.1)."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpResponseBase
from django.urls import URLPattern, path
from rest_framework.request import Request

from algoport.accounts.api.authentication import principal_of
from algoport.accounts.permissions import Action
from algorithms import selectors
from algorithms.models import Algorithm

_BY_NAME = "algorithms/<str:owner>/<str:name>"
# Account names have no hyphens, so this is nobody's.
_BY_ID = "algorithms/<uuid:algorithm_id>"


Routed = tuple[str, Callable[..., HttpResponseBase], str]


def algorithm_routes(*routed: Routed) -> list[URLPattern]:
    """The routes of what an algorithm has: `routed` is the rest of the path, a view and a name.

    The views take `**where` for `algorithm_of`.
    """
    # Those by id first: `ID/builds` is no algorithm "builds" of somebody.
    return [
        path(one + rest, view, name=name)
        for one in (_BY_ID, _BY_NAME)
        for rest, view, name in routed
    ]


def algorithm_of(
    request: Request, where: Mapping[str, Any], action: Action = Action.SEE_ALGORITHM
) -> Algorithm:
    """The algorithm of a route's arguments, if the caller may do `action` to it.

    Raises AlgorithmNotFound, or AlgorithmIdDoesNotExist, and NotAuthorized.
    """
    principal = principal_of(request)
    if "algorithm_id" in where:
        return selectors.get_algorithm_by_id_for(principal, where["algorithm_id"], action)
    return selectors.get_algorithm_for(principal, where["owner"], where["name"], action)
