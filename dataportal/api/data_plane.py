"""/v1/data and /v1/connector: the ASGI application of the Data API (design.md 4)."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from django.conf import settings

from algoport.accounts.permissions import Action, Principal, PrincipalKind
from algoport.db.changes import ChangeListener
from algoport.db.threads import in_database_thread
from algoport.errors import (
    ApiError,
    InputValidationError,
    MethodNotAllowed,
    NotAuthenticated,
)
from algoport.http.asgi import (
    Receive,
    Request,
    Response,
    Scope,
    Send,
    answer,
    json_response,
    parse_boolean,
)
from algoport.journals.segments import SEGMENT_SECONDS
from algoport.loops import keep_at
from dataportal.api.bodies import (
    file_listing,
    folder_listing,
    parse_marker,
    read_collection_body,
)
from dataportal.api.browsers import for_browsers
from dataportal.api.connector_places import ROOT_METHODS, ConnectorFinder, serve_connector
from dataportal.api.hosted_places import receive_file, send_file
from dataportal.api.system_places import FILE_METHODS, READING_METHODS, serve_system_path
from dataportal.api.transfers import DIRECTORY
from dataportal.auditing.records import Access, AccessJournal
from dataportal.errors import InvalidPath, PathNotFound
from dataportal.paths import DATA, DataPath, parse_raw_path
from dataportal.selectors import (
    FolderPage,
    check_data_scope,
    get_account_for,
    get_collection_for,
    get_file_for,
    list_collections_for,
    list_files_for,
)
from dataportal.services import (
    create_collection,
    delete_collection,
    delete_file,
    update_collection_acl,
)
from dataportal.system_paths import SYSTEM_FOLDERS, SystemFile, parse_system_path

METHODS = ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE")
# Of the root, of an account's folder, and of a collection, by how long their paths are.
_ALLOWED = (
    READING_METHODS,
    ("GET", "HEAD", "POST"),
    ("GET", "HEAD", "POST", "PATCH", "DELETE"),
)


class DataPlane:
    """Authenticates, parses the path and hands the request to what serves its kind of place."""

    def __init__(
        self, authenticate: Callable[[Request], Awaitable[Principal]], listener: ChangeListener
    ) -> None:
        self._authenticate = authenticate
        self._connectors = ConnectorFinder(listener)
        self._journal = AccessJournal(Path(settings.DATA_JOURNAL_FOLDER))
        self._tending: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        access, receive, send = self._journal.recorded(scope, receive, send)

        async def handle(request: Request, send: Send) -> None:
            try:
                await self._handle(request, send, access)
            except ApiError as exc:
                access.error_type = type(exc).__name__
                raise

        try:
            await answer(handle, scope, receive, send)
        finally:
            self._journal.end(access)

    def open(self) -> None:
        """Begin to let the worker have what is recorded, in this event loop."""
        self._tending = asyncio.get_running_loop().create_task(keep_at(self._tend))

    def close(self) -> None:
        if self._tending is not None:
            self._tending.cancel()
        self._journal.close()

    async def _tend(self) -> None:
        while True:
            await asyncio.sleep(SEGMENT_SECONDS)
            self._journal.tend()

    async def _handle(self, request: Request, send: Send, access: Access) -> None:
        access.method = method = method_of(request)
        principal = await self._authenticate(request)
        if principal.user_id is None:
            raise NotAuthenticated("authorization required")
        access.principal = principal
        if principal.kind is PrincipalKind.PASSWORD:
            send = for_browsers(send)
        access.path = path = parse_raw_path(request.raw_path)
        if method not in METHODS:
            raise MethodNotAllowed(allow=methods_at(path))
        if path.connector != DATA:
            connector = await self._connectors.find(principal, path)
            access.connector, access.owner = connector.name, connector.owner.username
            self._journal.begin(access)
            await serve_connector(request, method, principal, connector, path, send)
            return
        check_data_scope(principal)
        self._journal.begin(access)
        if path.segments and path.segments[0] in SYSTEM_FOLDERS:
            await serve_system_path(request, method, principal, path, send)
        elif len(path.segments) > 2:
            await _serve_file(request, method, principal, path, send)
        else:
            response = await _serve_folder(request, method, principal, path)
            await response.send(send, head=method == "HEAD")


def method_of(request: Request) -> str:
    """The method meant: clients without PATCH send it as a POST with a header (wire.md 2)."""
    override = request.header(b"x-http-method-override")
    if request.method == "POST" and override is not None:
        if override.strip().upper() != "PATCH":
            raise MethodNotAllowed("X-HTTP-Method-Override may say PATCH.", allow=METHODS)
        return "PATCH"
    return request.method


def methods_at(path: DataPath) -> tuple[str, ...]:
    """The methods of a place of this kind. Raises PathNotFound."""
    if path.connector != DATA:
        return METHODS if path.segments else ROOT_METHODS
    if path.segments and path.segments[0] in SYSTEM_FOLDERS:
        is_file = isinstance(parse_system_path(path), SystemFile)
        return FILE_METHODS if is_file else READING_METHODS
    return FILE_METHODS if len(path.segments) > 2 else _ALLOWED[len(path.segments)]


async def _serve_folder(
    request: Request, method: str, principal: Principal, path: DataPath
) -> Response:
    allowed = _ALLOWED[len(path.segments)]
    if method not in allowed:
        raise MethodNotAllowed(
            "A file is put at OWNER/COLLECTION/FILE, a collection made in an account's folder as"
            " data://.my; only collections and files can be changed or deleted.",
            allow=allowed,
        )
    if len(path.segments) == 2:
        return await _serve_collection(request, method, principal, path.segments)
    if method == "POST":
        return await _create(request, principal, path.segments)
    if not path.segments:
        # The first folder is how clients learn the caller's name (wire.md 4).
        page = FolderPage([principal.username], more=False)
        return json_response(folder_listing(page), headers=dict(DIRECTORY))
    return await _read_account(request, method, principal, path.segments[0])


async def _read_account(
    request: Request, method: str, principal: Principal, owner: str
) -> Response:
    if method == "HEAD":
        await in_database_thread(get_account_for, principal, owner)
        return Response(content_type=None, headers=dict(DIRECTORY))
    after = parse_marker(request.query())
    page = await in_database_thread(list_collections_for, principal, owner, after)
    return json_response(folder_listing(page), headers=dict(DIRECTORY))


async def _create(request: Request, principal: Principal, segments: tuple[str, ...]) -> Response:
    said = await read_collection_body(request)
    if said.name is None:
        raise InputValidationError("name is missing.")
    options = {} if said.read_acl is None else {"read_acl": said.read_acl}
    made = await in_database_thread(
        create_collection, principal=principal, owner=segments[0], name=said.name, **options
    )
    return json_response({"result": f"data://{made}"})


async def _serve_collection(
    request: Request, method: str, principal: Principal, segments: tuple[str, ...]
) -> Response:
    owner, name = segments
    if method in ("PATCH", "POST"):
        return await _change_acl(request, principal, owner, name)
    if method == "DELETE":
        force = parse_boolean([request.query().get("force")])
        deleted = await in_database_thread(
            delete_collection, principal=principal, owner=owner, name=name, force=force
        )
        return json_response({"result": {"deleted": deleted}})
    if method == "HEAD":
        await in_database_thread(get_collection_for, principal, owner, name)
        return Response(content_type=None, headers=dict(DIRECTORY))
    query = request.query()
    page = await in_database_thread(list_files_for, principal, owner, name, parse_marker(query))
    listing = file_listing(page, with_acl=parse_boolean([query.get("acl")]))
    return json_response(listing, headers=dict(DIRECTORY))


async def _change_acl(request: Request, principal: Principal, owner: str, name: str) -> Response:
    said = await read_collection_body(request)
    if said.name is not None:
        raise InvalidPath(reason="collections do not nest")
    if said.read_acl is None:
        raise InputValidationError("acl is missing.")
    await in_database_thread(
        update_collection_acl, principal=principal, owner=owner, name=name, read_acl=said.read_acl
    )
    return Response(content_type=None)


async def _serve_file(
    request: Request, method: str, principal: Principal, path: DataPath, send: Send
) -> None:
    if method in ("POST", "PATCH"):
        raise MethodNotAllowed("A file is put, read or deleted.", allow=FILE_METHODS)
    if len(path.segments) > 3 or path.trailing_slash:
        if method == "PUT":
            raise InvalidPath(reason="collections do not nest; put files at OWNER/COLLECTION/FILE")
        raise PathNotFound
    owner, collection, name = path.segments
    if method == "PUT":
        response = await _put(request, principal, owner, collection, name)
        await response.send(send)
    elif method == "DELETE":
        deleted = await in_database_thread(
            delete_file, principal=principal, owner=owner, collection=collection, name=name
        )
        await json_response({"result": {"deleted": deleted}}).send(send)
    else:
        file = await in_database_thread(get_file_for, principal, owner, collection, name)
        await send_file(request, send, file)


async def _put(
    request: Request, principal: Principal, owner: str, collection: str, name: str
) -> Response:
    # Before the body is read: a refused upload costs nothing.
    target = await in_database_thread(
        get_collection_for, principal, owner, collection, Action.WRITE_COLLECTION
    )
    await receive_file(request, target, name)
    return json_response({"result": f"{target.uri}/{name}"})
