"""Refusals about organizations."""

from algoport.errors import InputValidationError


class UnknownOrganizationType(InputValidationError):
    code = 3108
    message = "type_id: there is no such type of organization; see /v1/organization/types."


class OrganizationTypeInUse(InputValidationError):
    status = 409
    message = "There are organizations of the type {name!r}."


class OrganizationTypeExists(InputValidationError):
    code, status = 3109, 409
    message = "There is a type {name!r} already."
