"""Requests for what connectors lead to: `/v1/connector/s3+label/...` (spec.md 5.2, 5.5)."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from algoport.accounts.permissions import Principal
from algoport.api.pagination import decode_marker, encode_marker
from algoport.db.changes import ChangeCache, ChangeListener
from algoport.db.threads import in_database_thread
from algoport.errors import InputValidationError, InvalidMarker, MethodNotAllowed
from algoport.http.asgi import Request, Response, Send, json_response, parse_boolean
from dataportal.api.bodies import file_body, read_collection_body
from dataportal.api.store_threads import in_background, in_store_thread
from dataportal.api.transfers import DIRECTORY, receive_object, send_head, send_object
from dataportal.connectors.access import ConnectorAccess
from dataportal.connectors.failures import as_api_error
from dataportal.connectors.selectors import get_connector_for
from dataportal.errors import (
    InvalidPath,
    NotPossibleHere,
    PartlyDeleted,
    PathNotFound,
)
from dataportal.models import Connector
from dataportal.paths import DataPath, check_name
from dataportal.stores.base import (
    DirectoryInfo,
    NotFound,
    NotModified,
    ObjectInfo,
    Page,
    Store,
    StoreError,
)
from dataportal.stores.opening import STORES

R = TypeVar("R")

# Of a directory in which little may be seen, so many of the storage's pages are looked through
# for one of ours.
_MOST_PAGES = 10
_LONGEST_MARKER = 4096
ROOT_METHODS = ("GET", "HEAD", "POST")


class ConnectorFinder:
    """Connectors by who asks and how; each change of any is heard of."""

    def __init__(self, listener: ChangeListener) -> None:
        self._known: ChangeCache[Connector] = ChangeCache(listener)

    async def find(self, principal: Principal, path: DataPath) -> Connector:
        """Raises ConnectorNotFound."""
        key = (
            *(principal.user_id, principal.kind, principal.scopes.data_read),
            *(path.protocol, path.label.lower()),
        )
        known = self._known.get(key)
        if known is None:
            generation = self._known.generation
            known = await in_database_thread(get_connector_for, principal, path)
            self._known.put(key, known, generation)
        return known


async def serve_connector(
    request: Request,
    method: str,
    principal: Principal,
    connector: Connector,
    path: DataPath,
    send: Send,
) -> None:
    """Answer a request for a path in a connector."""
    if not path.segments and method not in ROOT_METHODS:
        raise MethodNotAllowed(
            "A connector's root is listed, or given a directory.", allow=ROOT_METHODS
        )
    place = _Place(ConnectorAccess(principal, connector), path, request, send)
    try:
        await _METHODS[method](place)
    except NotFound as exc:
        raise PathNotFound from exc


class _Place:
    """A path in a connector, and the request for it."""

    def __init__(
        self, access: ConnectorAccess, path: DataPath, request: Request, send: Send
    ) -> None:
        self.access = access
        self.key = "/".join(path.segments)
        self.is_directory = path.trailing_slash or not path.segments
        self.name = path.connector
        self._request = request
        self._send = send

    # -- reading ----------------------------------------------------------------------------

    async def get(self) -> None:
        if not self.is_directory and self.access.may_read(self.key):
            try:
                await send_object(self._request, self._send, self, self.key)
                return
            except NotFound:
                pass
        await (await self._listing()).send(self._send)

    async def head(self) -> None:
        found = await self._find()
        if isinstance(found, ObjectInfo):
            await send_head(self._request, self._send, self, self.key, found)
            return
        if found is None:
            await self._first_page()
        await Response(content_type=None, headers=dict(DIRECTORY)).send(self._send, head=True)

    async def _find(self) -> ObjectInfo | DirectoryInfo | None:
        """What is there; None for what can only be a directory."""
        key = self.key
        if self.is_directory or not self.access.may_read(key):
            return None
        if self.access.may_list(key):
            return await self.ask(lambda store: store.stat(key))
        # Whether there is a directory of that name is not for us to ask.
        opened = await self.ask(lambda store: store.open(key))
        in_background(opened.close)
        return opened.info

    async def _listing(self) -> Response:
        page = await self._first_page()
        listing: dict[str, Any] = {
            "folders": [{"name": name} for name in page.folders],
            "files": [file_body(file) for file in page.files],
        }
        if page.marker:
            listing["marker"] = encode_marker({"place": page.marker})
        return json_response(listing, headers=dict(DIRECTORY))

    async def _first_page(self) -> Page:
        """The page from the request's marker on. Raises PathNotFound."""
        if not self.access.may_list(self.key):
            raise PathNotFound
        marker = _parse_marker(self._request.query().get("marker", ""))
        begins, only = self.access.beginning(self.key)
        if only:
            return Page([] if marker else [only], [])
        for _ in range(_MOST_PAGES):
            found = await self.ask(partial(_list, self.key, begins, marker))
            page = self.access.shown(self.key, found)
            marker = page.marker
            if page.folders or page.files or not marker:
                break
        return page

    # -- writing ----------------------------------------------------------------------------

    async def put(self) -> None:
        if self.is_directory:
            raise InvalidPath(reason="a file is put at the path of a file, without a slash")
        # Before the body is read: a refused upload costs nothing.
        self.access.check_write(self.key)
        await receive_object(self._request, self, self.key)
        await json_response({"result": self._uri(self.key)}).send(self._send)

    async def post(self) -> None:
        said = await read_collection_body(self._request)
        if said.name is None:
            raise InputValidationError("name is missing.")
        if said.read_acl is not None:
            raise self._not_possible("connectors have no ACL of their own")
        if "/" in said.name:
            raise InvalidPath(reason="a directory's name has no slash")
        check_name(said.name)
        directory = f"{self.key}/{said.name}" if self.key else said.name
        self.access.check_make_directory(directory)
        await self.ask(lambda store: store.make_directory(directory))
        await json_response({"result": self._uri(directory)}).send(self._send)

    async def patch(self) -> None:
        if not (self.access.may_read(self.key) or self.access.may_list(self.key)):
            raise PathNotFound
        raise self._not_possible("its permissions are those of the connector")

    async def delete(self) -> None:
        force = parse_boolean([self._request.query().get("force")])
        if not self.is_directory and self.access.may_read(self.key):
            self.access.check_write(self.key)
            try:
                await self.ask(lambda store: store.delete(self.key))
            except NotFound:
                if not self.access.may_list(self.key):
                    raise
            else:
                await json_response({"result": {"deleted": 1}}).send(self._send)
                return
        self.access.check_clear(self.key)
        deleted = await self.ask(lambda store: store.delete_directory(self.key, force=force))
        if deleted.failures:
            raise PartlyDeleted(deleted.count, "; ".join(deleted.failures))
        # The directory is one more, as with hosted collections.
        await json_response({"result": {"deleted": deleted.count + 1}}).send(self._send)

    # -- the storage ------------------------------------------------------------------------

    async def ask(self, question: Callable[[Store], R]) -> R:
        connector = self.access.connector
        return await self.blocking(lambda: question(STORES.get(connector)))

    async def blocking(self, function: Callable[..., R], *args: Any) -> R:
        """Raises NotFound and NotModified; other StoreErrors as what callers are told."""
        try:
            return await in_store_thread(self.access.connector.owner_id, function, *args)
        except (NotFound, NotModified):
            raise
        except StoreError as exc:
            raise as_api_error(exc, self.name) from exc

    def _not_possible(self, reason: str) -> NotPossibleHere:
        return NotPossibleHere(connector=self.name, reason=reason)

    def _uri(self, key: str) -> str:
        return f"{self.name}://{key}"


_METHODS: dict[str, Callable[[_Place], Awaitable[None]]] = {
    "GET": _Place.get,
    "HEAD": _Place.head,
    "PUT": _Place.put,
    "POST": _Place.post,
    "PATCH": _Place.patch,
    "DELETE": _Place.delete,
}


def _list(directory: str, begins: str, marker: str, store: Store) -> Page:
    return store.list_page(directory, begins=begins, marker=marker)


def _parse_marker(marker: str) -> str:
    """The storage's own marker in ours, "" for the first page. Raises InvalidMarker."""
    if not marker:
        return ""
    (place,) = decode_marker(marker, "place")
    if len(place) > _LONGEST_MARKER or not place.isprintable():
        raise InvalidMarker
    return place
