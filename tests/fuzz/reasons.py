"""Answers that no description can foretell: which operation may give them, and why."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemathesis.core.failures import Failure, ServerError
from schemathesis.openapi.checks import RejectedPositiveData, UnsupportedMethodResponse

from algoport.accounts.errors import (
    InconsistentUsername,
    InviteCodeExists,
    InviteCodeNotFound,
    UpdatingEmailNotAllowed,
)
from algoport.configuration.errors import InvalidConfigEntry, InvalidFileUpload
from algoport.errors import ApiError, FeatureNotImplemented, InputValidationError, MethodNotAllowed
from algoport.http.server_errors import AddressTooLong
from algorithms.errors import (
    UnsupportedAlgorithmLanguage,
    WebhookNotAllowed,
)
from dataportal.errors import (
    InvalidConnector,
    NoSession,
    NotPossibleHere,
    PartNotThere,
    PreconditionNotMet,
)
from scm.errors import (
    ScmOAuthInvalidAuthorizationCode,
    ScmOAuthUnsupported,
    WebhookMalformed,
)


@dataclass(frozen=True)
class Example:
    """A request that its operation's description allows, and that is answered the error."""

    body: Any = None
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    # Those that are not given name what is there.
    path: Mapping[str, str] = field(default_factory=dict)
    # Another one than the operation's.
    method: str = ""


@dataclass(frozen=True)
class Reason:
    """An operation may answer this error where a check expects something else of it."""

    operation: str
    error: type[ApiError]
    because: str
    example: Example = field(default_factory=Example)
    # What the error says, of one that says many things.
    says: str = ""
    found: type[Failure] = RejectedPositiveData

    def explains(self, response: Any) -> bool:
        parts = re.split(r"\{[^}]*\}", self.says or self.error.message)
        told = re.search(".*".join(map(re.escape, parts)), _message(response), re.DOTALL)
        return response.status_code == self.error.status and told is not None


def _message(response: Any) -> str:
    """What an error says; to HEAD it is said in a header."""
    try:
        error = json.loads(response.content)["error"]
    except (ValueError, KeyError, TypeError):
        said = response.headers.get("x-error-message", "")
        return str(said if isinstance(said, str) else said[0])
    return str(error["message"] if isinstance(error, dict) else error)


def _each(operations: Iterable[str], *reason: Any, **more: Any) -> list[Reason]:
    return [Reason(name, *reason, **more) for name in operations]


_CALLS = [
    f"call_algorithm{how}{where}"
    for how in ("", "_version", "_by_id", "_version_by_id")
    for where in ("", "_from_page")
]
_ALGORITHM: dict[str, Any] = {
    "name": "Example",
    "details": {"label": "Example"},
    "settings": {
        "network_access": "isolated",
        "pipeline_enabled": True,
        "source_visibility": "closed",
    },
}
_CLOSED = _ALGORITHM | {
    "settings": _ALGORITHM["settings"] | {"license": "gpl3", "package_set": "python311"}
}
_PUBLICATIONS = [
    f"create_version{where}"
    for where in ("", "_by_id", "_at_algorithms_version", "_by_id_at_algorithms_version")
]
_CONNECTOR = {"username": "demo", "protocol": "s3", "cred_type": "iam", "cred_data": {}}

REASONS: tuple[Reason, ...] = (
    *_each(
        _CALLS,
        InputValidationError,
        "some options are for queued calls only",
        Example("input", {"retries": 1}),
        says="is for asynchronous calls",
    ),
    *_each(
        _CALLS,
        WebhookNotAllowed,
        "most of what looks like an address is none",
        Example("input", {"output": "void", "webhook": "http://"}),
    ),
    *_each(
        ("scm_webhook", "scm_webhook_by_id"),
        WebhookMalformed,
        "which headers say what event it is about depends on the host of the repository",
        Example({"ref": "refs/heads/master"}),
    ),
    *_each(
        ("get_file", "head_file", "get_connector_path", "head_connector_path"),
        PreconditionNotMet,
        "whether the file is the one that is meant is for the platform to tell",
        Example(headers={"If-Match": '"another"'}),
    ),
    *_each(
        ("get_file", "get_connector_path"),
        PartNotThere,
        "how long a file is cannot be told before it is read",
        Example(headers={"Range": "bytes=1000000-"}),
    ),
    *_each(
        ("create_connector", "change_connector"),
        InvalidConnector,
        "which credentials and options there are depends on the protocol, and paths have a form",
        Example(_CONNECTOR),
    ),
    Reason(
        "get_connector_preview",
        InvalidConnector,
        "paths have a form",
        Example(query={"path": "a//b"}),
    ),
    *_each(
        ("create_connector_root", "create_connector_path", "change_connector_path"),
        NotPossibleHere,
        "what is possible at a path depends on the kind of its storage",
        Example({"name": "example", "acl": {"read": []}}),
    ),
    Reason(
        "put_cors",
        NotPossibleHere,
        "storages have rules of their own for what an origin is",
        Example({"rules": [{"allowed_methods": ["GET"], "allowed_origins": ["Q*-b<f"]}]}),
    ),
    *_each(
        ("get_connect", "token_connect"),
        ScmOAuthUnsupported,
        "whether an account can be connected, and how, depends on the host",
    ),
    Reason(
        "get_finish",
        ScmOAuthInvalidAuthorizationCode,
        "whether a flow has begun is for the platform to tell",
        Example(query={"code": "example"}),
    ),
    *_each(
        ("create_algorithm", "put_algorithm", "put_algorithm_by_id", *_PUBLICATIONS),
        InputValidationError,
        "which sources may be closed depends on the license, which may have been said before",
        Example(_CLOSED),
        says="only the license apl supports closed source",
    ),
    Reason(
        "create_algorithm",
        InputValidationError,
        "an environment is named in one of three ways",
        Example(_ALGORITHM),
        says="settings: ",
    ),
    Reason(
        "create_invite",
        InputValidationError,
        "time goes on",
        Example({"inviteCode": "example", "expiresAt": "2026-01-01T00:00:00Z"}),
        says="this moment is past",
    ),
    Reason(
        "create_invite", InviteCodeExists, "a code is made once", Example({"inviteCode": "kept"})
    ),
    Reason("delete_invite", InviteCodeNotFound, "a code has to be there"),
    *_each(
        ("create_administered_key", "create_user_key", "create_key", "create_member_key"),
        InputValidationError,
        "admin keys are for administrators",
        Example({"key_label": "example", "key_type": "PlatformAdminKey"}),
        says="is not an administrator",
    ),
    *_each(
        ("image", "image_at_config_logo"),
        InvalidFileUpload,
        "not all bytes are an image",
        Example(b"RIFF", headers={"Content-Type": "image/webp"}),
        says="upload a PNG, JPEG, GIF or ICO image",
    ),
    Reason(
        "put_entry",
        InvalidConfigEntry,
        "the keyname is said twice",
        Example({"keyname": "example", "value": ""}),
        says="the keyname in the body is another than in the path",
    ),
    Reason(
        "put_user",
        InconsistentUsername,
        "the name is said twice",
        Example({"username": "another", "email": "another@example.com"}),
    ),
    Reason(
        "put_user",
        UpdatingEmailNotAllowed,
        "the address has to be the one that is kept",
        Example({"username": "demo", "email": "another@example.com"}),
    ),
    Reason(
        "get_explain",
        AddressTooLong,
        "a path of 4096 letters is longer as an address",
        Example(query={"path": "/v1/" + 1000 * "\U0001f600"}),
    ),
    Reason(
        "get_explain",
        MethodNotAllowed,
        "not every path has every method",
        Example(query={"path": "/v1/openapispec", "method": "DELETE"}),
    ),
    *_each(
        ("get_usage", "get_caller_usage", "get_algorithm_usage"),
        InputValidationError,
        "a period ends after it has begun",
        Example(query={"start_date": "2026-01-31", "end_date": "2026-01-01"}),
        says="before start_date",
    ),
    Reason(
        "list_language_environment",
        UnsupportedAlgorithmLanguage,
        "an administrator may have deleted the environments of a language",
        Example(path={"language": "ruby"}),
    ),
    *_each(
        (
            "get_provider_plugin",
            "provider_plugin",
            "provider_plugin_at_admin_default",
            "create_provider_administration",
        ),
        FeatureNotImplemented,
        "the protocol has a code for what is not there, and it is a 501",
        says="Secret providers beside the internal one",
        found=ServerError,
    ),
    Reason(
        "list_session_files",
        NoSession,
        "outside of a call there is no session, whatever is asked of it",
        Example(method="POST"),
        found=UnsupportedMethodResponse,
    ),
)


def reason_for(operation: str, failure: Any, response: Any) -> Reason | None:
    """Why a failure that a check found is none."""
    fitting = (
        reason
        for reason in REASONS
        if reason.operation == operation
        and isinstance(failure, reason.found)
        and reason.explains(response)
    )
    return next(fitting, None)
