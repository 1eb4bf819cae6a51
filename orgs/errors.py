"""Refusals about organizations."""

from algoport.errors import InputValidationError, NotAuthorized, UserError


class UnknownOrganizationType(InputValidationError):
    code = 3108
    message = "type_id: there is no such type of organization; see /v1/organization/types."


class OrganizationTypeInUse(InputValidationError):
    status = 409
    message = "There are organizations of the type {name!r}."


class OrganizationTypeExists(InputValidationError):
    code, status = 3109, 409
    message = "There is a type {name!r} already."


class InvitationNotFound(InputValidationError):
    status = 404
    message = "There is no such invitation, or it was answered, withdrawn or is too old."


class InvitationOfAnother(NotAuthorized):
    message = (
        "This invitation is for another account or address. Sign in with the account that it is "
        "for, or sign up with its address."
    )


class InvitedAlready(InputValidationError):
    status = 409
    message = "There is an invitation already that was not answered yet."


class MemberAlready(InputValidationError):
    status = 409
    message = "The user is in the organization already."


class TooManyInvitations(UserError):
    code, status, retry_after = 6001, 429, 3600
    message = "The organization has invited too many within an hour. Try again later."


class InvitationJustSent(UserError):
    code, status, retry_after = 6001, 429, 600
    message = "This invitation was mailed only just now. Wait ten minutes before you send it again."


class TooManyOrganizations(InputValidationError):
    message = "An account owns at most {most} organizations. Ask an administrator for more."
