"""From a queued call to what it runs: rights are asked again when its turn has come."""

from dataclasses import dataclass, replace

from algoport.accounts.authentication import find_principal, principal_of_user
from algoport.accounts.permissions import Principal, Run
from algoport.errors import NotAuthenticated
from algorithms.models import AsyncCall
from algorithms.running.invocation import Route, route_of
from algorithms.selectors import resolve_build


@dataclass(frozen=True)
class Routed:
    """A call with the principal that asked for it, as it stands now."""

    principal: Principal
    route: Route


def route_queued(call: AsyncCall) -> Routed:
    """Raises NotAuthenticated for a key that was revoked, and what a call would be refused with.

    The call's caller has to be loaded.
    """
    principal = _principal_of(call)
    if principal is None:
        raise NotAuthenticated("The key that made this call is not valid any more.")
    if call.calling_algorithm_id is not None:
        assert call.calling_owner_id is not None
        run = Run(call.calling_algorithm_id, call.calling_owner_id, pipeline_enabled=True)
        principal = principal.for_run(run)
    target = resolve_build(principal, call.build_id, call.version)
    return Routed(principal, route_of(target, principal))


def _principal_of(call: AsyncCall) -> Principal | None:
    """The account by the key of the call, or by itself where the platform made the call for it."""
    if call.key_id is not None:
        return find_principal(pk=call.key_id)
    if not call.caller.is_active:
        return None
    return replace(principal_of_user(call.caller), call_limit=call.caller.call_limit)
