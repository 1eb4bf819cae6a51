"""What the data plane takes and answers, for /v1/openapispec."""

from collections.abc import Sequence
from typing import Any

from algoport.api.description import or_empty
from algoport.api.plane_description import (
    BYTES,
    TEXT,
    Part,
    answer,
    operation,
    parameter,
    refused,
)
from algoport.errors import (
    ApiError,
    InputValidationError,
    InvalidMarker,
    MalformedJson,
    NotAuthenticated,
    NotAuthorized,
    ServiceUnavailable,
)
from algoport.http.asgi import RequestTooLarge
from dataportal.constants import ACL_PATTERNS, COLLECTION_NAME_PATTERN
from dataportal.errors import (
    CollectionAlreadyExists,
    CredentialsNotReadable,
    DirectoryNotEmpty,
    InvalidAcl,
    InvalidCollectionName,
    InvalidPath,
    NotPossibleHere,
    PartlyDeleted,
    PartNotThere,
    PathNotFound,
    PreconditionNotMet,
    StorageNotReached,
    StorageRefused,
    StorageUnavailable,
    TooManyAtOnce,
    TooManyBytes,
    TooManyFiles,
)

_FOR_ALL: tuple[type[ApiError], ...] = (
    NotAuthenticated,
    NotAuthorized,
    PathNotFound,
    InvalidPath,
    ServiceUnavailable,
    StorageUnavailable,
)
# What storages behind connectors answer on top of that.
_OF_STORAGES: tuple[type[ApiError], ...] = (
    StorageRefused,
    StorageNotReached,
    TooManyAtOnce,
    CredentialsNotReadable,
    NotPossibleHere,
)
_TIME: Part = {"type": "string", "format": "date-time"}


def _object(needed: dict[str, Part], **optional: Part) -> Part:
    described: Part = {"type": "object", "properties": {**needed, **optional}}
    return described | ({"required": list(needed)} if needed else {})


# Connectors take other names as well.
_COLLECTION_NAME: Part = {
    "type": "string",
    "pattern": f"^{COLLECTION_NAME_PATTERN.pattern.removesuffix('Z')[:-1]}$",
}
_READERS: Part = {
    "type": "array",
    "items": TEXT,
    "enum": [list(patterns) for patterns in ACL_PATTERNS.values()],
}
_SCHEMAS: dict[str, Part] = {
    "DirectoryAcl": _object({"read": _READERS}),
    "File": _object(
        {"filename": TEXT, "last_modified": _TIME, "size": {"type": "integer", "minimum": 0}}
    ),
    "Folder": _object({"name": TEXT}),
    "Directory": _object(
        {
            "folders": {"type": "array", "items": {"$ref": "#/components/schemas/Folder"}},
            "files": {"type": "array", "items": {"$ref": "#/components/schemas/File"}},
        },
        marker={"type": "string", "description": "Leads to the next page; absent on the last."},
        acl={"$ref": "#/components/schemas/DirectoryAcl"},
    ),
    # Members that nobody knows are not looked at.
    "AclRequest": _object({"read": _READERS}),
    "DirectoryCreateRequest": _object(
        {"name": _COLLECTION_NAME},
        acl={"allOf": [{"$ref": "#/components/schemas/AclRequest"}], "nullable": True},
    ),
    "DirectoryAclRequest": _object({"acl": {"$ref": "#/components/schemas/AclRequest"}}),
    "DataUri": _object({"result": TEXT}),
    "Deleted": _object({"result": _object({"deleted": {"type": "integer", "minimum": 0}})}),
    "PartlyDeleted": {
        "allOf": [
            {"$ref": "#/components/schemas/Error"},
            _object({"error": _object({}, deleted={"type": "integer", "minimum": 0})}),
        ]
    },
}


def _ref(name: str) -> Part:
    return {"application/json": {"$ref": f"#/components/schemas/{name}"}}


_DIRECTORY_HEADERS: Part = {
    "X-Data-Type": {"required": True, "schema": {"type": "string", "enum": ["directory", "file"]}}
}
_VALIDATORS: Part = {"ETag": {"schema": TEXT}, "Last-Modified": {"schema": TEXT}}
_FILE_HEADERS: Part = {
    **_DIRECTORY_HEADERS,
    **_VALIDATORS,
    "Accept-Ranges": {"schema": {"type": "string", "enum": ["bytes"]}},
    "Content-Security-Policy": {"schema": TEXT},
}
_MARKER = parameter(
    "marker", "query", or_empty({"type": "string", "format": "name-marker"}), "Of a listing."
)
_PLACE_MARKER = parameter(
    "marker", "query", or_empty({"type": "string", "format": "place-marker"}), "Of a listing."
)
_ACL = parameter(
    "acl", "query", or_empty({"type": "boolean"}), "Whether a listing tells its permissions."
)
_FORCE = parameter(
    "force", "query", or_empty({"type": "boolean"}), "Whether a directory goes with its files."
)
_READING = (
    parameter("Range", "header", TEXT, "One range of bytes; others are not looked at."),
    *(
        parameter(name, "header", TEXT)
        for name in ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since")
    ),
    parameter("If-Range", "header", TEXT),
)
_NOT_MODIFIED = answer("The file is the one that the caller has.", headers=_VALIDATORS)
_PART = answer(
    "The part that was asked for.",
    {"*/*": BYTES},
    {**_FILE_HEADERS, "Content-Range": {"required": True, "schema": TEXT}},
)


class _Place:
    """A kind of path, and the operations on it."""

    def __init__(
        self, name: str, path: Sequence[Part], errors: Sequence[type[ApiError]] = ()
    ) -> None:
        self._name = name
        self._path = tuple(path)
        self._errors = (*_FOR_ALL, *errors)

    def list(self, *more: Part, summary: str = "List a directory", marker: Part = _MARKER) -> Part:
        listing = answer("Folders and files.", _ref("Directory"), _DIRECTORY_HEADERS)
        return self._operation(
            "list", summary, {"200": listing}, [InvalidMarker], parameters=(marker, *more)
        )

    def read(self, *, or_list: bool = False) -> Part:
        whole = answer("The file.", {"*/*": BYTES}, _FILE_HEADERS)
        if or_list:
            whole = answer(
                "The file, or what the directory has; X-Data-Type tells which.",
                {"*/*": {}},
                _FILE_HEADERS,
            )
        return self._operation(
            "get",
            "Read a file, or list a directory" if or_list else "Read a file",
            {"200": whole, "206": _PART, "304": _NOT_MODIFIED},
            [PreconditionNotMet, PartNotThere, *([InvalidMarker] if or_list else [])],
            parameters=(*([_PLACE_MARKER] if or_list else []), *_READING),
        )

    def head(self, *, of_file: bool = True) -> Part:
        answers = {"200": answer("It is there.", headers=_FILE_HEADERS)}
        if of_file:
            answers["304"] = _NOT_MODIFIED
        return self._operation(
            "head",
            "Tell whether something is there, and which",
            answers,
            [PreconditionNotMet] if of_file else [],
            parameters=_READING[1:5] if of_file else (),
            head=True,
        )

    def put(self) -> Part:
        return self._operation(
            "put",
            "Write a file, whole or not at all",
            {"200": answer("The file's URI.", _ref("DataUri"))},
            [TooManyBytes, TooManyFiles, InputValidationError],
            body={"application/octet-stream": BYTES},
            description="`X-Data-Meta-NAME` headers are kept at storages that keep such things.",
        )

    def post(self) -> Part:
        return self._operation(
            "create",
            "Make a directory",
            {"200": answer("The directory's URI.", _ref("DataUri"))},
            [
                *(MalformedJson, InvalidCollectionName, InvalidAcl, InputValidationError),
                *(CollectionAlreadyExists, RequestTooLarge),
            ],
            body={**_ref("DirectoryCreateRequest"), "text/plain": _COLLECTION_NAME},
            body_required=True,
            description="As text, the body is the bare name.",
        )

    def patch(self, identifier: str = "change") -> Part:
        return self._operation(
            identifier,
            "Change who may read a collection",
            {"200": answer("It is changed.")},
            [MalformedJson, InvalidAcl, InputValidationError, RequestTooLarge],
            body=_ref("DirectoryAclRequest"),
            body_required=True,
        )

    def delete(self, *, of_file: bool = False) -> Part:
        deleted = {"200": answer("How much is gone.", _ref("Deleted"))}
        made = self._operation(
            "delete",
            "Delete a file" if of_file else "Delete a file or a directory",
            deleted,
            [DirectoryNotEmpty, PartlyDeleted],
            parameters=[] if of_file else [_FORCE],
        )
        both = [{"$ref": f"#/components/schemas/{name}"} for name in ("PartlyDeleted", "Error")]
        made["responses"]["409"]["content"] = {"application/json": {"schema": {"anyOf": both}}}
        return made

    def _operation(
        self,
        verb: str,
        summary: str,
        answers: dict[str, Part],
        errors: Sequence[type[ApiError]],
        *,
        parameters: Sequence[Part] = (),
        head: bool = False,
        **more: Any,
    ) -> Part:
        return operation(
            f"{verb}_{self._name}",
            "dataportal",
            summary,
            parameters=(*self._path, *parameters),
            responses={**answers, **refused((*self._errors, *errors), head=head)},
            **more,
        )


_OWNER = parameter("owner", "path", TEXT, "An account; `.my` is the caller's.")
_COLLECTION = parameter("collection", "path", TEXT)
_FILE = parameter("file", "path", TEXT)
_KIND = parameter("kind", "path", {"type": "string", "enum": ["perm", "temp"]})
_AUTHOR = parameter("author", "path", TEXT, "The account that has the algorithm.")
_ALGORITHM = parameter("algorithm", "path", TEXT)
_CONNECTOR = parameter(
    "connector", "path", TEXT, "`data`, or the id of one of the caller's connectors."
)
_PLACE = parameter(
    "place", "path", TEXT, "A path in it; slashes may be encoded. One at its end is a directory."
)


def add_data(result: Part, **_: Any) -> Part:
    """Postprocessing hook: the paths of the data plane."""
    result["components"]["schemas"] |= _SCHEMAS
    result["paths"] |= _hosted_paths() | _system_paths() | _connector_paths()
    return result


def _hosted_paths() -> dict[str, Part]:
    root = _Place("data", ())
    account = _Place("account_folder", (_OWNER,))
    collection = _Place("collection", (_OWNER, _COLLECTION))
    return {
        "/v1/data": {
            "get": root.list(summary="List the caller's own folder"),
            "head": root.head(of_file=False),
        },
        "/v1/data/{owner}": {
            "get": account.list(summary="List an account's collections"),
            "head": account.head(of_file=False),
            "post": account.post(),
        },
        "/v1/data/{owner}/{collection}": {
            "get": collection.list(_ACL),
            "head": collection.head(of_file=False),
            "post": collection.patch("post_change"),
            "patch": collection.patch(),
            "delete": collection.delete(),
        },
        "/v1/data/{owner}/{collection}/{file}": _file("file", (_OWNER, _COLLECTION, _FILE)),
    }


def _system_paths() -> dict[str, Part]:
    session = _Place("session_files", ())
    authors = _Place("algorithm_authors", ())
    own = _Place("own_algorithm_files", (_KIND,))
    of_algorithm = (_AUTHOR, _ALGORITHM, _KIND)
    kept = _Place("algorithm_files", of_algorithm)
    return {
        "/v1/data/.session": _folder(session),
        "/v1/data/.session/{file}": _file("session_file", (_FILE,)),
        "/v1/data/.algo": _folder(authors),
        "/v1/data/.algo/{kind}": _folder(own),
        "/v1/data/.algo/{kind}/{file}": _file("own_algorithm_file", (_KIND, _FILE)),
        "/v1/data/.algo/{author}/{algorithm}/{kind}": _folder(kept),
        "/v1/data/.algo/{author}/{algorithm}/{kind}/{file}": _file(
            "algorithm_file", (*of_algorithm, _FILE)
        ),
    }


def _folder(place: _Place) -> Part:
    return {"get": place.list(), "head": place.head(of_file=False)}


def _file(name: str, path: Sequence[Part]) -> Part:
    place = _Place(name, path)
    return {
        "get": place.read(),
        "head": place.head(),
        "put": place.put(),
        "delete": place.delete(of_file=True),
    }


def _connector_paths() -> dict[str, Part]:
    root = _Place("connector_root", (_CONNECTOR,), _OF_STORAGES)
    inside = _Place("connector_path", (_CONNECTOR, _PLACE), _OF_STORAGES)
    return {
        "/v1/connector/{connector}": {
            "get": root.list(summary="List what a connector leads to", marker=_PLACE_MARKER),
            "head": root.head(of_file=False),
            "post": root.post(),
        },
        "/v1/connector/{connector}/{place}": {
            "get": inside.read(or_list=True),
            "head": inside.head(),
            "put": inside.put(),
            "post": inside.post(),
            "patch": inside.patch(),
            "delete": inside.delete(),
        },
    }
