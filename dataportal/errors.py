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


class ConnectorAlreadyExists(UserError):
    code, status = 6001, 409
    message = "There is a connector {connector} already. Choose another label."


class TooManyConnectors(UserError):
    code, status = 6001, 409
    message = "An account has at most {most} connectors. Delete one that is not used."


class InvalidConnector(InputValidationError):
    message = "The connector is not valid: {reason}."

    def __init__(self, *, reason: str) -> None:
        super().__init__(reason=reason)
        self.reason = reason


class CredentialsNotReadable(UserError):
    """Encrypted with a key that the platform does not have any more."""

    code, status = 6001, 409
    message = (
        "The platform cannot read the credentials of this connector any more. Give them again by a"
        " PATCH with cred_type and cred_data."
    )


class TooManyAtOnce(UserError):
    """Requests to storages that are slow must not fill the platform's threads."""

    code, status = 6001, 429
    message = "Other requests to storages have to be answered first. Try again shortly."
    retry_after = 5


class StorageRefused(UserError):
    """The backend said no; its words are for the connector's owner."""

    code, status = 6001, 403
    message = "The storage of {connector} refused this: {reason}"


class StorageNotReached(UserError):
    """The backend did not answer as a storage of its kind does."""

    code, status = 6001, 502
    message = "The storage of {connector} cannot be used: {reason}"


class NotPossibleHere(UserError):
    code, status = 6001, 400
    message = "This is not possible with {connector}: {reason}"


class PreconditionNotMet(UserError):
    code, status = 6001, 412
    message = "The file is not the one that the request is for: {reason}"


class PartNotThere(UserError):
    """The range of a GET begins behind the end of the file."""

    code, status = 6001, 416
    message = "The file has no such part; it has {size} bytes."

    def __init__(self, size: int | None) -> None:
        super().__init__(size="fewer" if size is None else size)
        self.size = size

    def headers(self) -> dict[str, str]:
        size = "*" if self.size is None else self.size
        return {**super().headers(), "Content-Range": f"bytes */{size}"}


class PartlyDeleted(UserError):
    """A directory could not be deleted whole; clients read the count (spec.md 5.2)."""

    code, status = 6001, 409
    message = "{deleted} files are deleted; others are not: {reason}"

    def __init__(self, deleted: int, reason: str) -> None:
        super().__init__(deleted=deleted, reason=reason)
        self.deleted = deleted

    def body(self) -> dict[str, object]:
        body = super().body()
        error = body["error"]
        assert isinstance(error, dict)
        return {**body, "error": {**error, "deleted": self.deleted}}


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


class TooManyBytes(UserError):
    code, status = 6001, 413
    message = (
        "The account's files may have {limit} bytes in all, and this would be more. Delete files,"
        " or ask an administrator for more."
    )


class TooManyFiles(UserError):
    code, status = 6001, 409
    message = (
        "The account has all the {limit} files it may have. Delete files, or ask an administrator"
        " for more."
    )


class StorageUnavailable(PlatformError):
    code, status = 5001, 503
    message = "The file storage cannot be used right now. Try again shortly."


class BlobMissing(PlatformError):
    """A file's row is there and its bytes are not: the storage has lost them."""
