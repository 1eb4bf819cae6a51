"""Refusals about accounts and keys."""

from algoport.errors import InputValidationError, UserError


class UserNotFound(UserError):
    code, status = 3000, 404
    message = "The requested user was not found."


class UsernameHasBeenTaken(UserError):
    code, status = 3003, 409
    message = "The username is already taken."


class EmailAddressHasBeenTaken(UserError):
    code, status = 3004, 409
    message = "The email address is already taken by a different username."


class InconsistentUsername(UserError):
    code, status = 3007, 400
    message = "The username in the request body does not match the username in the request path."


class OrganizationNotFound(UserError):
    code, status = 3100, 404
    message = "The requested organization was not found."


class InvalidKeyScope(InputValidationError):
    message = (
        "{scope!r} is not an algorithm pattern. Use algo://*, algo://OWNER/* or algo://OWNER/NAME."
    )
