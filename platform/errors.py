"""The errors that callers are told of: one class per code of the protocol (spec.md 11.2).

`ApiError` is raised by selectors and services and rendered in one place per protocol:
`algoport.api.exception_handler` for DRF, `algoport.http.errors` for the byte planes.
"""

import uuid
from collections.abc import Iterable
from typing import ClassVar


class ApiError(Exception):
    """A refusal or failure: a code of the protocol, an HTTP status, a text for the caller."""

    code: ClassVar[int] = 5001
    status: ClassVar[int] = 500
    message: ClassVar[str] = "There was an internal error."
    # Seconds after which the same may succeed.
    retry_after: ClassVar[int | None] = None

    def __init__(self, message: str | None = None, **values: object) -> None:
        self.id = str(uuid.uuid4())
        self.text = (
            (message or self.message).format(**values) if values else message or self.message
        )
        super().__init__(self.text)

    def body(self) -> dict[str, object]:
        """The envelope of spec.md 15 row 1: nested for clients, flat for the API reference."""
        fields = {"id": self.id, "code": self.code, "message": self.text}
        return {"error": fields, **fields}

    def headers(self) -> dict[str, str]:
        """Further headers of the answer."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


class UserError(ApiError):
    """The request cannot be done as asked; its text is shown in full."""

    status = 400


class PlatformError(ApiError):
    """The platform failed; the text is generic and the log has the details."""


class NotAuthorized(UserError):
    code, status = 2001, 403
    message = "Caller is not authorized to perform the operation."


class NotAuthenticated(UserError):
    code, status = 2002, 401
    message = "Unknown or invalid API key."


class CallIsOver(NotAuthenticated):
    """A run's request that came after its call had ended."""

    message = "No call is in progress: code that runs after its call is nobody."


class MalformedJson(UserError):
    code = 2013
    message = "Invalid JSON."


class InvalidRequest(UserError):
    code = 2015
    message = "Invalid request."


class InvalidMarker(UserError):
    code = 5002
    message = "Invalid marker used."


class InvalidLimit(UserError):
    code = 5003
    message = "Limit must be between 1 and the system-configured page size limit."


class FeatureNotImplemented(UserError):
    code, status = 5005, 501
    message = "Feature not implemented."


class InputValidationError(UserError):
    code = 6001
    message = "The request is invalid."


class RouteNotFound(UserError):
    """No such path below /v1; the code is the one of a request that cannot be valid."""

    code, status = 6001, 404
    message = "There is nothing at this path. Check the method and the path."


class MethodNotAllowed(UserError):
    """`allow` are the methods that are supported; DRF tells them by itself."""

    code, status = 6001, 405
    message = "This method is not supported here."

    def __init__(self, message: str | None = None, *, allow: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.allow = tuple(allow)

    def headers(self) -> dict[str, str]:
        told = {"Allow": ", ".join(self.allow)} if self.allow else {}
        return {**super().headers(), **told}


class ServiceUnavailable(PlatformError):
    code, status = 5001, 503
    message = "The platform cannot do this right now. Try again shortly."
