"""Refusals about algorithms, builds, versions and calls."""

from typing import ClassVar

from algoport.errors import InputValidationError, NotAuthorized, PlatformError, UserError
from scm.errors import ScmNotAuthorized


class AlgorithmNotFound(UserError):
    code, status = 1000, 404
    message = "The requested algorithm was not found."


class NoSuchAlgorithm(AlgorithmNotFound):
    """GET of an algorithm: one client compares the whole body (wire.md 5)."""

    message = "No such algorithm"

    def body(self) -> dict[str, object]:
        return {"error": self.text}


class AlgorithmNameHasBeenTaken(UserError):
    code, status = 1002, 409
    message = "An algorithm with the requested name already exists."


class CategoryNotFound(InputValidationError):
    status = 404
    message = "There is no such category."


class InvalidCategory(InputValidationError):
    message = "The category is not possible: {reason}."


class PackageSetNotFound(UserError):
    code = 1003
    message = "The package set does not exist."


class VersionAlreadyPublished(UserError):
    code, status = 1007, 409
    message = "Version already published. Please compile your algorithm."


class NothingToPublish(VersionAlreadyPublished):
    message = "There is no successful build to publish. Please compile your algorithm."


class LargerVersionNeeded(InputValidationError):
    """The step that was asked for is too small for what changed (spec.md 3.5)."""

    message = (
        "settings.{changed} was {old} in {before} and is {new} now, which needs a {step} version. "
        "Publish with version_info.version_type {step}."
    )


class LanguageCannotChange(InputValidationError):
    message = (
        "settings: an algorithm's language cannot be changed, and {name} is for {language}. "
        "Create another algorithm."
    )


class AlgorithmIdDoesNotExist(UserError):
    code, status = 1009, 404
    message = "An algorithm with the requested ID does not exist."


class AlgorithmBuildNotFound(UserError):
    code, status = 1010, 404
    message = "The requested build was not found."


class AlgorithmBuildLogsNotFound(UserError):
    code, status = 1011, 404
    message = "The build has not ended yet; its logs can be read when it has."


class VersionDoesNotExist(UserError):
    code, status = 1014, 404
    message = "The requested version was not found."


class NothingToApprove(InputValidationError):
    status = 409
    message = "Version {version} is {state}."


class BuildFailed(UserError):
    code = 2012
    message = "The build failed: {reason}"


class UnknownAlgorithmLanguage(UserError):
    code = 4001
    message = "The request algorithm language is not known."


class UnsupportedAlgorithmLanguage(UserError):
    code = 4002
    message = "The requested algorithm language does not support this feature."


class UnsupportedMachineType(UserError):
    code = 4004
    message = "The requested machine type is not supported."


class EnvironmentNotFound(UserError):
    code, status = 1003, 404
    message = "There is no such environment."


class EnvironmentDisabled(UserError):
    code, status = 1003, 403
    message = "The environment {name} takes no new algorithms any more. Choose another one."


class EnvironmentNotPossible(InputValidationError):
    message = "The environment is not possible: {reason}."


class EnvironmentNameTaken(InputValidationError):
    status = 409
    message = "There is an environment {name} already."


class EnvironmentInUse(InputValidationError):
    status = 409
    message = (
        "Algorithms have the environment {name}, or builds were made in it. Disable it instead: "
        "then no new algorithm gets it."
    )


class PublicVersionsExist(UserError):
    code, status = 2001, 403
    message = (
        "An algorithm with a publicly published version cannot be deleted by its owner. "
        "Ask an administrator."
    )


class CalledAlgorithmNotFound(AlgorithmNotFound):
    """A call's target cannot be seen; the text is compared by clients (wire.md 3)."""

    message = "algorithm algo://{target} not found"


class InvalidTimeout(InputValidationError):
    message = "timeout is a whole number of seconds from 1 to {limit}."


class UnsupportedContentType(InputValidationError):
    status = 415
    message = (
        "Content-Type {given!r} is not supported. "
        "Send application/json, text/plain or application/octet-stream."
    )


class TooManyChildCalls(InputValidationError):
    message = (
        "A call may make at most {limit} calls of other algorithms, those of its calls included."
    )


class TooManyCalls(UserError):
    """The account has as many calls in progress as it may have (spec.md 3.10)."""

    code, status = 6001, 429
    retry_after = 1
    message = (
        "Your account has {limit} calls in progress, as many as it may have. "
        "Wait for one to end and try again, or ask an administrator for more."
    )


class TooManyCallsWaiting(UserError):
    """The platform's queue is full."""

    code, status = 6001, 429
    retry_after = 2
    message = "Too many calls wait for a runner. Try again shortly."


class FeatureNotFound(UserError):
    code, status = 5004, 404
    message = "There is no such feature. Features are: {names}."


class ReservationNotFound(InputValidationError):
    status = 404
    message = "There is no such reservation."


class ReservedForItsOwnerOnly(InputValidationError):
    message = (
        "version_type {version_type} is for the algorithm's owner, and {caller} may not call it. "
        "Use latest_public or specific_semantic with a public version."
    )


class TooManyReservedSlots(InputValidationError):
    status = 409
    message = (
        "All reservations together have at most {limit} slots, and {reserved} are taken. "
        "Delete a reservation or ask for fewer."
    )


class RequestNotFound(UserError):
    code, status = 7000, 404
    message = "Request ID was not found."


class RequestNotDead(InputValidationError):
    status = 409
    message = "Only a request in state dead can be started again; this one is {state}."


class RequestHasEnded(InputValidationError):
    status = 409
    message = "The request has ended already: it is {state}."


class IdempotencyKeyReused(InputValidationError):
    status = 409
    message = "This Idempotency-Key was used for another call. Use a new key for a new call."


class WebhookNotAllowed(InputValidationError):
    message = "webhook: {reason}."


class WebhooksNotForCode(NotAuthorized):
    message = "Webhooks are for an account's own keys: an algorithm's code cannot ask for them."


class NoWebhookDelivery(InputValidationError):
    status = 409
    message = "There is nothing to send: {reason}."


class TooManyQueuedCalls(UserError):
    code, status = 6001, 429
    retry_after = 30
    message = "Your account has {limit} calls in the queue, as many as it may have."


class TooManyQueuedBytes(UserError):
    code, status = 6001, 429
    retry_after = 30
    message = "With this call your account's queue would hold more than {limit} bytes of input."


class QueueUnavailable(PlatformError):
    code, status = 5001, 503
    retry_after = 5
    message = "The call was not accepted: the queue cannot be reached. Try again shortly."


class RunnersUnavailable(PlatformError):
    code, status = 5001, 503
    retry_after: ClassVar[int | None] = 2
    message = "No runner could be started for this algorithm right now. Try again shortly."


class NoSuitableHost(RunnersUnavailable):
    """No host has what the algorithm's environment needs; waiting does not help."""

    retry_after = None
    message = "The algorithm cannot be run: {reason}. Tell the platform's administrators."


class UsageDatesMissing(UserError):
    code = 4010
    message = "Required parameter start_date or end_date is missing."


class MalformedSecretRequest(UserError):
    code = 8000
    message = "The request for a secret is malformed: {reason}"


class SecretConstraintViolation(UserError):
    code = 8001
    message = "The secret is not possible: {reason}."


class SecretVariableTaken(SecretConstraintViolation):
    status = 409
    message = "The algorithm has a secret with this secret_key already. Update that one."


class CreateRequiresSecretValue(UserError):
    code = 8004
    message = "A new secret needs a secret_value that is not empty."


class CannotModifyInternalSecretProvider(UserError):
    code, status = 8005, 403
    message = "The internal secret provider cannot be changed or deleted."


class SecretProviderNotFound(UserError):
    code, status = 8006, 404
    message = "There is no such secret provider. GET /v1/secret-provider lists them."


class EditSecretFailed(UserError):
    code = 8007
    message = "The secret_key cannot be changed. Delete the secret and make another one."


class SecretNotFound(UserError):
    code, status = 8008, 404
    message = "The algorithm has no such secret."


class SecretsNotReadable(RunnersUnavailable):
    code, status = 8009, 500
    retry_after = None
    message = "The algorithm's secrets cannot be read. Tell the platform's administrators."


class RunFailed(Exception):
    """A call reached its algorithm and has no result: answered as a result, not as an ApiError."""

    def __init__(self, message: str, error_type: str, stacktrace: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.error_type = error_type
        self.stacktrace = stacktrace


class SourceNotVouchedFor(ScmNotAuthorized):
    """Whose authorization the source is read by may not push to the algorithm any more."""

    message = (
        "SCM provider is not authorized. "
        "Who has connected the source does not act for {owner} any more. "
        "A member whose account at {scm} is connected can press Fetch now."
    )


class SourceNotFetched(UserError):
    """A source at another host that is to be built cannot be read there."""

    code, status = 4084, 503
    message = "Failed communicating with SCM. {reason}"
