"""Refusals and failures of the repositories that the platform hosts."""

from algoport.errors import InputValidationError, InvalidRequest, PlatformError


class CommitNotUsable(InputValidationError):
    """A commit holds something that is never unpacked; the text says what."""

    message = "The commit cannot be used: {reason}"


class CommitNotFound(CommitNotUsable):
    status = 404
    message = "The repository has no commit {sha}."


class UnsupportedEncoding(InvalidRequest):
    status = 415
    message = "Content-Encoding {encoding!r} is not supported. Send gzip or none."


class UnsupportedContent(InvalidRequest):
    status = 415
    message = "The Content-Type of this request must be {expected}."


class RepositoryExists(PlatformError):
    """A repository of this id was made before."""

    code, status = 1008, 409
    message = "Failed to create algorithm on backing SCM."


class RepositoryMissing(PlatformError):
    """An algorithm's repository is not on this host's disk."""

    code, status = 4084, 503
    message = "Failed communicating with SCM."


class GitFailed(PlatformError):
    """git itself failed; the log has its words."""

    code, status = 4084, 503
    message = "Failed communicating with SCM."
