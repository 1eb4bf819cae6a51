"""Refusals about organizations."""

from algoport.errors import InputValidationError


class UnknownOrganizationType(InputValidationError):
    message = "type_id: there is no such type of organization; see /v1/organization/types."


class OrganizationTypeInUse(InputValidationError):
    status = 409
    message = "There are organizations of the type {name!r}."


class OrganizationTypeExists(InputValidationError):
    status = 409
    message = "There is a type {name!r} already."
