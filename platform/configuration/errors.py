"""Refusals about the site's configuration."""

from algoport.errors import InputValidationError, UserError


class FaviconSizeLimitExceeded(UserError):
    code, status = 3105, 413
    message = "Favicon cannot exceed maximum size."


class InvalidFileUpload(UserError):
    code = 3106
    message = "Invalid file to upload."

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid file to upload: {reason}.")


class LogoSizeLimitExceeded(UserError):
    code, status = 3107, 413
    message = "Logo cannot exceed maximum size."


class ConfigEntryNotFound(UserError):
    code, status = 5004, 404
    message = "Requested configuration entry could not be found."


class InvalidConfigEntry(InputValidationError):
    message = "The configuration entry is not possible: {reason}."
