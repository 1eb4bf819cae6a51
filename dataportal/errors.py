"""Refusals and failures of the Data API."""

from algoport.errors import InputValidationError, PlatformError, UserError


class PathNotFound(UserError):
    """Nothing that the caller may see is there; clients compare the text (wire.md 4)."""

    code, status = 6001, 404
    message = "path not found"


class CollectionNotFound(PathNotFound):
    message = "There is no collection {uri}."


class NoSession(PathNotFound):
    message = (
        "There is no session here: data://.session exists for algorithms, while the call they are"
        " part of is running."
    )


class NoAlgorithmRunning(PathNotFound):
    message = (
        "data://.algo/{kind} is the running algorithm's own. From outside, write"
        " data://.algo/AUTHOR/NAME/{kind}."
    )


class ConnectorNotFound(PathNotFound):
    message = "There is no connector {connector} configured for this account."


class InvalidPath(InputValidationError):
    message = "The path is not valid: {reason}."


class InvalidCollectionName(InputValidationError):
    message = (
        "A collection's name starts with a letter or digit and has letters, digits, `_`, `-` and"
        " `.`, at most 255."
    )


class InvalidAcl(InputValidationError):
    message = 'acl is {"read":[]}, {"read":["algo://.my/*"]} or {"read":["user://*"]}.'


class CollectionAlreadyExists(UserError):
    code, status = 6001, 409
    message = "The collection data://{owner}/{name} already exists."


class DirectoryNotEmpty(UserError):
    """Neither 401 nor 404: clients take those for other things (wire.md 4)."""

    code, status = 6001, 409
    message = "The directory is not empty. Delete it with ?force=true."


class StorageUnavailable(PlatformError):
    code, status = 5001, 503
    message = "The file storage cannot be used right now. Try again shortly."


class BlobMissing(PlatformError):
    """A file's row is there and its bytes are not: the storage has lost them."""
