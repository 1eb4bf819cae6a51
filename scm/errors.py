"""Refusals and failures of repositories and of their hosts."""

from algoport.errors import InputValidationError, InvalidRequest, PlatformError, UserError


class CommitNotUsable(InputValidationError):
    """A commit holds something that is never unpacked; the text says what."""

    message = "The commit cannot be used: {reason}"


class CommitNotFound(CommitNotUsable):
    status = 404
    message = "The repository has no commit {sha}."


class BranchHasMoved(InputValidationError):
    """Somebody else has committed since the author has looked."""

    status = 409
    message = "The repository has changed meanwhile. Look at the newest commit and try again."


class NothingChanged(InputValidationError):
    message = "Nothing has changed, so there is nothing to commit."


class PathNotAllowed(InputValidationError):
    message = "A path {reason}."


class PathTaken(InputValidationError):
    status = 409
    message = "There is something at {path} already."


class FileNotThere(InputValidationError):
    status = 404
    message = "There is no file {path}."


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


class ScmConnectionNotFound(UserError):
    """The account has authorized nothing at the host."""

    code, status = 4008, 404
    message = "The SCM OAuth token was not found."


class ScmConfigurationNotFound(UserError):
    code, status = 4009, 404
    message = "The SCM configuration was not found."


class NotOnInternalScm(UserError):
    code = 4011
    message = (
        "Only algorithms backed with the internal SCM can modify code through Algorithmia APIs."
    )


class WebhooksNotSupported(UserError):
    code = 4012
    message = "Internal SCM does not support webhooks."


class ScmBadCreatePayload(UserError):
    code = 4020
    message = "The provided SCM configuration is invalid. {reason}"


class ScmBadUpdatePayload(UserError):
    code = 4021
    message = "Malformed update SCM payload. {reason}"


class ScmEnabled(UserError):
    code, status = 4040, 409
    message = "Unable to delete SCM configuration. Disable it first."


class ScmIsDefault(UserError):
    code, status = 4041, 409
    message = (
        "Unable to perform specified action on the default SCM. Make another SCM the default first."
    )


class ScmDisabled(UserError):
    code = 4042
    message = "Unable to perform specified action on a disabled SCM."


class ScmInUse(UserError):
    code, status = 4043, 409
    message = "Unable to delete SCM configuration in use. It can be disabled."


class ScmConflict(UserError):
    code, status = 4044, 409
    message = (
        "Duplicate SCM exists that has the same id or matches provider, OAuth client ID, "
        "and web URL."
    )


class ScmDisallowedOperation(UserError):
    """The internal host is neither made nor changed nor removed."""

    code = 4045
    message = "Unable to modify the referenced SCM configuration. The internal SCM stays as it is."


class ScmOAuthUnsupported(UserError):
    code = 4050
    message = "Unable to start OAuth flow. {reason}"


class ScmOAuthMissingParameters(UserError):
    code = 4051
    message = "Unable to finish OAuth flow. The parameter code is missing."


class ScmOAuthDeclined(ScmOAuthMissingParameters):
    """The person has not agreed at the host, or the host has let them not."""

    message = "Unable to finish OAuth flow. The host says that you have not agreed there."


class ScmOAuthInvalidAuthorizationCode(UserError):
    code = 4052
    message = "Unable to finish OAuth flow. The code was not given out for a flow begun here."


class ScmNotAuthorized(UserError):
    """The account has authorized nothing at the host, so nothing can be made there."""

    code = 4080
    message = "SCM provider is not authorized. Authorize {scm} first, at {address}."


class RepositoryNotShown(ScmNotAuthorized):
    """A repository that the authorization does not reach, or not any more."""

    message = (
        "SCM provider is not authorized. "
        "{scm} does not show the repository to the account that has authorized it."
    )


class ScmNotAuthenticated(UserError):
    """The host does not take the authorization any more."""

    code = 4081
    message = "{scm} does not accept the authorization any more. Authorize it again."


class AuthorizationNotReadable(ScmNotAuthenticated):
    """No key of the platform decrypts the token."""

    message = "The platform cannot read its authorization at {scm} any more. Authorize it again."


class RepositoryRefused(UserError):
    """The host makes no such repository; the text has its words."""

    code, status = 1008, 409
    message = "Failed to create algorithm on backing SCM. {reason}"


class HostUnreachable(PlatformError):
    """The host does not answer, or not as one of its kind; the text is for the user."""

    code, status, retry_after = 4084, 503, 30
    message = "Failed communicating with SCM. {reason}"


class WebhookMalformed(UserError):
    code = 4070
    message = "Webhook payload malformed. {reason}"
