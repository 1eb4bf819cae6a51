"""Authentication of the byte planes: without a query while nothing has changed."""

import asyncio
import time
from collections.abc import Callable
from functools import partial

from algoport.accounts.actors import actor_of
from algoport.accounts.authentication import (
    SCOPE_KEY,
    authenticate_key,
    digest_key,
    key_from_header,
    principal_of_relay,
)
from algoport.accounts.bearer import token_from_header, verify_token
from algoport.accounts.guesses import Attempt, count_failure
from algoport.accounts.identities import principal_of_claims
from algoport.accounts.permissions import ANONYMOUS, Principal
from algoport.audit.actors import set_actor
from algoport.audit.constants import Via
from algoport.db.changes import ChangeCache, ChangeListener
from algoport.db.threads import in_database_thread
from algoport.errors import NotAuthenticated
from algoport.http.asgi import Request
from algoport.http.clients import address_of

# What becomes of a user at their provider is seen after this time at the latest.
_TOKENS_LAST_SECONDS = 300.0


class CallerAuthenticator:
    """Finds the principal of a request; keys are remembered by digest, never as they are."""

    def __init__(self, listener: ChangeListener, clock: Callable[[], float] = time.time) -> None:
        self._cache: ChangeCache[Principal] = ChangeCache(listener)
        # With the time until which the token is good.
        self._tokens: ChangeCache[tuple[Principal, float]] = ChangeCache(listener)
        self._clock = clock

    async def __call__(self, request: Request) -> Principal:
        """ANONYMOUS without a header.

        Raises NotAuthenticated for a key or token that is not good, TooManyFailures.
        """
        principal = await self._find(request)
        set_actor(partial(actor_of, principal, Via.API))
        return principal

    async def _find(self, request: Request) -> Principal:
        if SCOPE_KEY in request.scope:
            return principal_of_relay(request.scope[SCOPE_KEY])
        header = request.header(b"authorization")
        if header is None:
            return ANONYMOUS
        try:
            return await self._principal_of(header)
        except NotAuthenticated:
            await in_database_thread(count_failure, Attempt(address_of(request)))
            raise

    async def _principal_of(self, header: str) -> Principal:
        token = token_from_header(header)
        if token is not None:
            return await self._principal_of_token(token)
        key = key_from_header(header)
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

    async def _principal_of_token(self, token: str) -> Principal:
        digest = digest_key(token)
        known = self._tokens.get(digest)
        if known is not None and self._clock() < known[1]:
            return known[0]
        generation = self._tokens.generation
        # Not in a thread of the database's: the provider may have to be asked for its keys.
        claims = await asyncio.to_thread(verify_token, token)
        principal = await in_database_thread(principal_of_claims, claims)
        good_until = min(claims.expires_at, self._clock() + _TOKENS_LAST_SECONDS)
        self._tokens.put(digest, (principal, good_until), generation)
        return principal
