"""Refusals about accounts and keys."""

from algoport.errors import (
    InputValidationError,
    NotAuthenticated,
    NotAuthorized,
    ServiceUnavailable,
    UserError,
)


class UserNotFound(UserError):
    code, status = 3000, 404
    message = "The requested user was not found."


class MalformedUserJson(UserError):
    code = 3001
    message = "Malformed user JSON in request."


class UsernameHasBeenTaken(UserError):
    code, status = 3003, 409
    message = "The username is already taken."


class EmailAddressHasBeenTaken(UserError):
    code, status = 3004, 409
    message = "The email address is already taken by a different username."


class MissingRequiredFields(UserError):
    code, status = 3005, 400
    message = "Not all required fields have been provided."


class InconsistentUsername(UserError):
    code, status = 3007, 400
    message = "The username in the request body does not match the username in the request path."


class UpdatingEmailNotAllowed(UserError):
    code, status = 3008, 400
    message = "Updating the email of a user is not allowed."


class OrganizationNotFound(UserError):
    code, status = 3100, 404
    message = "The requested organization was not found."


class MalformedOrganizationJson(UserError):
    code = 3103
    message = "Malformed organization JSON in request."


class OrganizationAlreadyExists(UserError):
    code, status = 3101, 409
    message = "An organization already exists with this name."


class OrganizationRequiresOwner(UserError):
    code, status = 3102, 409
    message = "Unable to remove the last owner of an organization."


class CanNotReserveUserForOrganization(UserError):
    code, status = 3104, 409
    message = "Failed to reserve an organization user while adding an organization."


class InvalidKeyScope(InputValidationError):
    message = (
        "{scope!r} is not an algorithm pattern. Use algo://*, algo://OWNER/* or algo://OWNER/NAME."
    )


class KeyAlreadyExists(InputValidationError):
    status = 409
    message = "api_key: there is such a key already."


class SignUpClosed(NotAuthorized):
    """Nobody may make an account for themselves now."""

    message = "Sign-up is closed. Ask an administrator for an account."


class InvalidInviteCode(InputValidationError):
    message = (
        "This invite code is not valid, or not any more. Ask whoever gave it to you for another."
    )


class InviteCodeExists(InputValidationError):
    message = "inviteCode: there is such a code already."


class InviteCodeNotFound(InputValidationError):
    message = "There is no such invite code."


class InvalidToken(NotAuthenticated):
    message = "The bearer token is not accepted: {reason}."


class IdentityProviderUnavailable(ServiceUnavailable):
    message = "The identity provider does not answer, so that tokens cannot be checked now."
    retry_after = 30


class KeyNotFound(InputValidationError):
    status = 404
    message = "The account has no such key."


class KeyBeyondItsMaker(NotAuthorized):
    message = "A key makes other keys that may do no more than itself. Sign in to make this one."


class SessionNotFound(InputValidationError):
    status = 404
    message = "The account has no such session."
