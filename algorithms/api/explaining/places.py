"""What calls and requests of the Data API have to pass: the two planes in front of Django."""

from algoport.accounts.permissions import Action, OriginResource, require
from algorithms.api.call_plane import PREFIX, parse_path
from algorithms.api.explaining.questions import Question
from algorithms.api.web_plane import WEB_PREFIX, as_program
from dataportal.connectors.access import ConnectorAccess
from dataportal.connectors.selectors import get_connector_for
from dataportal.errors import InvalidPath, PathNotFound
from dataportal.paths import DATA, DataPath, parse_raw_path
from dataportal.selectors import (
    check_data_scope,
    get_account_for,
    get_collection_for,
    get_file_for,
    get_system_collection_for,
    list_system_folder_for,
)
from dataportal.services import check_creates_collection
from dataportal.system_paths import SYSTEM_FOLDERS, SystemFile, SystemPlace, parse_system_path

_READS = ("GET", "HEAD")


def call(question: Question, raw_path: bytes) -> None:
    parse_path(raw_path).resolve(question.principal)


def call_from_page(question: Question, raw_path: bytes) -> None:
    """With `host`, from a page of that host."""
    principal = question.principal
    host = question.options.get("host", "").lower()
    require(principal, Action.CALL_FROM_BROWSER, OriginResource(host))
    parse_path(PREFIX + raw_path[len(WEB_PREFIX) :]).resolve(as_program(principal))


def data(question: Question, raw_path: bytes) -> None:
    path = parse_raw_path(raw_path)
    if path.connector != DATA:
        _in_connector(question, path)
        return
    check_data_scope(question.principal)
    if path.segments and path.segments[0] in SYSTEM_FOLDERS:
        _in_system_folder(question, path)
    elif len(path.segments) > 2:
        _file(question, path.segments)
    elif len(path.segments) == 2:
        action = Action.READ_COLLECTION if question.method in _READS else Action.MANAGE_COLLECTION
        get_collection_for(question.principal, *path.segments, action)
    elif path.segments and question.method == "POST":
        check_creates_collection(question.principal, path.segments[0])
    elif path.segments:
        get_account_for(question.principal, path.segments[0])


def _file(question: Question, segments: tuple[str, ...]) -> None:
    if len(segments) > 3:
        raise PathNotFound
    owner, collection, name = segments
    if question.method == "PUT":
        get_collection_for(question.principal, owner, collection, Action.WRITE_COLLECTION)
        return
    action = Action.READ_COLLECTION if question.method in _READS else Action.WRITE_COLLECTION
    get_file_for(question.principal, owner, collection, name, action)


def _in_system_folder(question: Question, path: DataPath) -> None:
    place = parse_system_path(path)
    reads = question.method in _READS
    if isinstance(place, SystemFile):
        action = Action.READ_COLLECTION if reads else Action.WRITE_COLLECTION
        get_system_collection_for(question.principal, place.place, action)
    elif isinstance(place, SystemPlace):
        action = Action.READ_COLLECTION if reads else Action.MANAGE_COLLECTION
        get_system_collection_for(question.principal, place, action)
    elif reads:
        list_system_folder_for(question.principal, place, "")
    else:
        raise InvalidPath(reason="temp and perm always exist, and there is nothing else to make")


def _in_connector(question: Question, path: DataPath) -> None:
    """A path that ends with a slash is a directory; without one it may be either."""
    access = ConnectorAccess(question.principal, get_connector_for(question.principal, path))
    key = "/".join(path.segments)
    if question.method == "PUT":
        access.check_write(key)
    elif question.method == "POST":
        access.check_make_directory(
            "/".join(part for part in (key, question.options.get("name")) if part)
        )
    elif question.method == "DELETE" and not path.trailing_slash and access.may_read(key):
        access.check_write(key)
    elif question.method == "DELETE":
        access.check_clear(key)
    elif not (access.may_list(key) or access.may_read(key)):
        raise PathNotFound
