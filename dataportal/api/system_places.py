"""Requests below `data://.session` and `data://.algo`: collections that always exist."""

from algoport.accounts.permissions import Action, CollectionKind, Principal
from algoport.db.threads import in_database_thread
from algoport.errors import MethodNotAllowed
from algoport.http.asgi import Request, Response, Send, json_response
from algoport.http.tracing import SESSION
from dataportal.api.bodies import file_listing, folder_listing, parse_marker
from dataportal.api.hosted_places import receive_file, send_file
from dataportal.api.transfers import DIRECTORY
from dataportal.paths import DataPath
from dataportal.selectors import (
    get_system_collection_for,
    get_system_file_for,
    list_system_files_for,
    list_system_folder_for,
)
from dataportal.services import delete_system_file, open_system_collection
from dataportal.system_paths import SystemFile, SystemFolder, SystemPlace, parse_system_path

READING_METHODS = ("GET", "HEAD")
FILE_METHODS = ("GET", "HEAD", "PUT", "DELETE")


async def serve_system_path(
    request: Request, method: str, principal: Principal, path: DataPath, send: Send
) -> None:
    """Answer a request for a path that begins with one of SYSTEM_FOLDERS."""
    place = parse_system_path(path)
    if isinstance(place, SystemFile):
        await _serve_file(request, method, principal, place, send)
        return
    if method == "PUT":
        raise MethodNotAllowed(
            "A file is put into a collection, as in data://.algo/perm/FILE.", allow=READING_METHODS
        )
    if isinstance(place, SystemPlace):
        response = await _serve_collection(request, method, principal, place)
    else:
        response = await _serve_folder(request, method, principal, place)
    await response.send(send, head=method == "HEAD")


async def _serve_folder(
    request: Request, method: str, principal: Principal, folder: SystemFolder
) -> Response:
    is_read = method in READING_METHODS
    after = parse_marker(request.query()) if is_read else ""
    page = await in_database_thread(list_system_folder_for, principal, folder, after)
    if not is_read:
        raise MethodNotAllowed(
            "temp and perm always exist for every algorithm, and there is nothing else.",
            allow=READING_METHODS,
        )
    return json_response(folder_listing(page), headers=dict(DIRECTORY))


async def _serve_collection(
    request: Request, method: str, principal: Principal, place: SystemPlace
) -> Response:
    if method not in ("GET", "HEAD"):
        # Never allowed; asked all the same, so that what may not be seen does not exist.
        await in_database_thread(
            get_system_collection_for, principal, place, Action.MANAGE_COLLECTION
        )
        raise MethodNotAllowed(allow=READING_METHODS)
    if method == "HEAD":
        await in_database_thread(get_system_collection_for, principal, place)
        return Response(content_type=None, headers=dict(DIRECTORY))
    after = parse_marker(request.query())
    page = await in_database_thread(list_system_files_for, principal, place, after)
    # Nobody set its permissions, so none are told (spec.md 5.3).
    return json_response(file_listing(page, with_acl=False), headers=dict(DIRECTORY))


async def _serve_file(
    request: Request, method: str, principal: Principal, file: SystemFile, send: Send
) -> None:
    if method in ("POST", "PATCH"):
        raise MethodNotAllowed("A file is put, read or deleted.", allow=FILE_METHODS)
    if method == "PUT":
        response = await _put(request, principal, file)
        await response.send(send)
    elif method == "DELETE":
        deleted = await in_database_thread(delete_system_file, principal=principal, file=file)
        await json_response({"result": {"deleted": deleted}}).send(send)
    else:
        found = await in_database_thread(get_system_file_for, principal, file)
        await send_file(request, send, found)


async def _put(request: Request, principal: Principal, file: SystemFile) -> Response:
    if file.place.kind is CollectionKind.SESSION:
        # Before there is a row: a call that ends meanwhile must know that it may come.
        request.scope[SESSION].has_data = True
    target, uri = await in_database_thread(
        open_system_collection, principal=principal, place=file.place
    )
    await receive_file(request, target, file.name)
    return json_response({"result": f"{uri}/{file.name}"})
