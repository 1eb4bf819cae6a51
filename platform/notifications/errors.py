"""Refusals about notifications."""

from algoport.errors import InputValidationError, UserError


class MissingQueryParameterEventTypes(UserError):
    code = 8060
    message = "The parameter event_types is missing: algorithm-creation, algorithm-release or both."


class QueryParameterError(UserError):
    code = 8061
    message = "A parameter is not valid: {reason}."


class NotificationNotFound(InputValidationError):
    status = 404
    message = "There is no such notification."


class UnknownRecipients(InputValidationError):
    message = "No users have these names: {names}. Nothing was sent."


class InvalidNotification(InputValidationError):
    message = "The notification is not possible: {reason}."
