"""Why a request would be allowed or refused, as the request itself would be decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import unquote

from django.urls import Resolver404, resolve

from algoport.accounts.permissions import ANONYMOUS, Action, Decision, Principal, decisions
from algoport.errors import (
    ApiError,
    InputValidationError,
    MethodNotAllowed,
    NotAuthenticated,
    RouteNotFound,
)
from algorithms.api.explaining import places
from algorithms.api.explaining.guards import OPEN, signed_in
from algorithms.api.explaining.questions import Guard, Question
from algorithms.api.explaining.routes import GUARDS

METHODS = ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE")
_PREFIX = "v1/"
_CALLS = {"/v1/algo/": places.call, "/v1/web/algo/": places.call_from_page}


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether the request would be allowed, by which rule for which action, or with what error."""

    allowed: bool
    rule: str
    action: Action | None = None
    error: ApiError | None = None


def explain(
    principal: Principal | None, method: str, path: str, options: Mapping[str, str]
) -> Explanation:
    """Decide a request without making it.

    `path` is as in its URL, `options` what of its query and body matters. Raises RouteNotFound,
    MethodNotAllowed, InputValidationError for one that cannot be made at all.
    """
    method = method.upper()
    if method not in METHODS:
        raise InputValidationError(f"method is one of {', '.join(METHODS)}.")
    if not path.startswith("/v1/"):
        raise InputValidationError("path begins with /v1/.")
    guard, parts = _find(method, path)
    question = Question(principal or ANONYMOUS, method, parts, options)
    with decisions() as heard:
        try:
            if question.principal.user_id is None and guard not in OPEN:
                signed_in(question)
            guard(question)
        except ApiError as exc:
            return _refused(exc, heard)
    action, decision = heard[-1] if heard else (None, Decision(True, "open to everybody"))
    return Explanation(True, decision.rule, action)


def _find(method: str, path: str) -> tuple[Guard, Mapping[str, str]]:
    raw = path.encode()
    for prefix, ask in _CALLS.items():
        if path.startswith(prefix):
            if method != "POST":
                raise MethodNotAllowed("Algorithms are called with POST.")
            return partial(ask, raw_path=raw), {}
    if path.startswith(("/v1/data", "/v1/connector")):
        return partial(places.data, raw_path=raw), {}
    try:
        match = resolve(unquote(path))
    except Resolver404 as exc:
        raise RouteNotFound from exc
    guards = GUARDS.get(match.route.removeprefix(_PREFIX))
    if guards is None:
        raise RouteNotFound
    guard = guards.get("get" if method == "HEAD" else method.lower())
    if guard is None:
        raise MethodNotAllowed
    return guard, match.kwargs


def _refused(error: ApiError, heard: list[tuple[Action, Decision]]) -> Explanation:
    """A refusal by a rule, or that there is nothing there for this principal."""
    action, decision = heard[-1] if heard else (None, None)
    if error.status == 404:
        # SECURITY: the rule would tell what is hidden from what does not exist.
        return Explanation(False, "there is nothing there that you may see", error=error)
    if isinstance(error, NotAuthenticated) or decision is None or decision:
        return Explanation(False, error.text, action, error)
    return Explanation(False, decision.rule, action, error)
