"""Files of hosted collections as objects of their store."""

from collections.abc import Callable
from typing import Any, TypeVar

from algoport.db.threads import await_database
from algoport.http.asgi import Request, Send
from dataportal.api.store_threads import in_file_thread
from dataportal.api.transfers import receive_object, send_head, send_object
from dataportal.connectors.failures import as_api_error
from dataportal.models import Collection, HostedFile
from dataportal.paths import DATA
from dataportal.stores.base import NotModified, Store, StoreError
from dataportal.stores.hosted import HostedStore, info_of

R = TypeVar("R")


async def send_file(request: Request, send: Send, file: HostedFile) -> None:
    """Answer a GET or HEAD of a file that the caller has been found to be allowed to read."""
    place = _HostedPlace(HostedStore(file.collection, found=file, database=await_database))
    if request.method == "HEAD":
        await send_head(request, send, place, file.name, info_of(file))
    else:
        await send_object(request, send, place, file.name)


async def receive_file(request: Request, collection: Collection, name: str) -> None:
    """Take the request's body as the file `name` of the collection, whole or not at all."""
    store = HostedStore(collection, database=await_database)
    await receive_object(request, _HostedPlace(store), name)


class _HostedPlace:
    name = DATA

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ask(self, question: Callable[[Store], R]) -> R:
        return await self.blocking(question, self._store)

    async def blocking(self, function: Callable[..., R], *args: Any) -> R:
        try:
            return await in_file_thread(function, *args)
        except NotModified:
            raise
        except StoreError as exc:
            raise as_api_error(exc, DATA) from exc
