"""Authentication of the byte planes: without a query while nothing has changed."""

from functools import partial

from algoport.accounts.actors import actor_of
from algoport.accounts.authentication import (
    SCOPE_KEY,
    authenticate_key,
    digest_key,
    key_from_header,
    principal_of_relay,
)
from algoport.accounts.permissions import ANONYMOUS, Principal
from algoport.audit.actors import set_actor
from algoport.audit.constants import Via
from algoport.db.changes import ChangeCache, ChangeListener
from algoport.db.threads import in_database_thread
from algoport.http.asgi import Request


class CallerAuthenticator:
    """Finds the principal of a request; keys are remembered by digest, never as they are."""

    def __init__(self, listener: ChangeListener) -> None:
        self._cache: ChangeCache[Principal] = ChangeCache(listener)

    async def __call__(self, request: Request) -> Principal:
        """ANONYMOUS without a header. Raises NotAuthenticated for a key that is not good."""
        principal = await self._find(request)
        set_actor(partial(actor_of, principal, Via.API))
        return principal

    async def _find(self, request: Request) -> Principal:
        if SCOPE_KEY in request.scope:
            return principal_of_relay(request.scope[SCOPE_KEY])
        key = key_from_header(request.header(b"authorization"))
        if key is None:
            return ANONYMOUS
        digest = digest_key(key)
        known = self._cache.get(digest)
        if known is not None:
            return known
        generation = self._cache.generation
        principal = await in_database_thread(authenticate_key, key)
        self._cache.put(digest, principal, generation)
        return principal
