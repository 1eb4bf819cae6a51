"""The protocol's error codes (spec.md 11.2): the one table that all others follow.

A code without a symbol or a message had none in the protocol. `NOT_RAISED` tells of each code that
this platform never answers why that is so; every other code is raised by a test.
"""

from typing import NamedTuple


class ErrorCode(NamedTuple):
    number: int
    symbol: str
    message: str


_CODES = (
    ErrorCode(1000, "AlgorithmNotFound", "The requested algorithm was not found."),
    ErrorCode(
        1001,
        "AlgorithmNameDoesNotExist",
        "An algorithm with the requested name does not exist.",
    ),
    ErrorCode(
        1002,
        "AlgorithmNameHasBeenTaken",
        "An algorithm with the requested name already exists.",
    ),
    ErrorCode(1003, "PackageSetNotFound", "The package set does not exist."),
    ErrorCode(1004, "PackageSetBuildNotFound", "The package set build doest not exist."),
    ErrorCode(1005, "PackageNotFound", "The package does not exist."),
    ErrorCode(1006, "ForbiddenPackageSetUpdate", "Unable to update package set."),
    ErrorCode(
        1007,
        "VersionAlreadyPublished",
        "Version already published. Please compile your algorithm.",
    ),
    ErrorCode(1008, "ScmFailedToCreateRepository", "Failed to create algorithm on backing SCM."),
    ErrorCode(
        1009,
        "AlgorithmIdDoesNotExist",
        "An algorithm with the requested ID does not exist.",
    ),
    ErrorCode(1010, "AlgorithmBuildNotFound", ""),
    ErrorCode(1011, "AlgorithmBuildLogsNotFound", ""),
    ErrorCode(1012, "VersionTagAlreadyExists", ""),
    ErrorCode(1013, "VersionTagDoesntExist", ""),
    ErrorCode(1014, "VersionDoesNotExists", ""),
    ErrorCode(1015, "ReservedTagName", ""),
    ErrorCode(1016, "TagIsAVersion", ""),
    ErrorCode(1017, "AlgorithmVisibilityNotFound", ""),
    ErrorCode(2001, "NotAuthorized", "Caller is not authorized to perform the operation."),
    ErrorCode(2002, "NotAuthenticated", "Unknown or invalid API key."),
    ErrorCode(2011, "PackageNameAlreadyExists", "A package with that name already exists."),
    ErrorCode(2012, "InvalidBuildStatus", "Invalid build status."),
    ErrorCode(2013, "MalformedJson", "Invalid JSON."),
    ErrorCode(2014, "InvalidBuildImage", "Invalid build image."),
    ErrorCode(2015, "InvalidRequest", "Invalid request."),
    ErrorCode(2016, "MalformedPackageSetContentsJson", "Invalid JSON for package set contents."),
    ErrorCode(
        2017,
        "InvalidPackageSetStatus",
        "The status is invalid or the operation is not valid for a package set with its status.",
    ),
    ErrorCode(
        2018,
        "BadScmConnectionUpdateRequest",
        "Request body is invalid, missing field: 'owner'.",
    ),
    ErrorCode(3000, "UserNotFound", "The requested user was not found."),
    ErrorCode(3001, "MalformedUserJson", "Malformed user JSON in request."),
    ErrorCode(3003, "UsernameHasBeenTaken", "The username is already taken."),
    ErrorCode(
        3004,
        "EmailAddressHasBeenTaken",
        "The email address is already taken by a different username.",
    ),
    ErrorCode(3005, "MissingRequiredFields", "Not all required fields have been provided."),
    ErrorCode(
        3007,
        "InconsistentUsername",
        "The username in the request body does not match the username in the request path.",
    ),
    ErrorCode(3008, "UpdatingEmailNotAllowed", "Updating the email of a user is not allowed."),
    ErrorCode(3009, "InvalidSignUpForm", "Invalid sign-up form."),
    ErrorCode(3010, "MalformedPackageCreateJson", "Invalid JSON to create a package."),
    ErrorCode(3100, "OrganizationNotFound", "The requested organization was not found."),
    ErrorCode(3101, "OrganizationAlreadyExists", "An organization already exists with this name."),
    ErrorCode(
        3102,
        "OrganizationRequiresOwner",
        "Unable to remove the last owner of an organization.",
    ),
    ErrorCode(3103, "MalformedOrganizationJson", "Malformed organization JSON in request."),
    ErrorCode(
        3104,
        "CanNotReserveUserForOrganization",
        "Failed to reserve an organization user while adding an organization.",
    ),
    ErrorCode(3105, "FaviconSizeLimitExceeded", "Favicon cannot exceed maximum size."),
    ErrorCode(3106, "InvalidFileUpload", "Invalid file to upload."),
    ErrorCode(3107, "LogoSizeLimitExceeded", "Logo cannot exceed maximum size."),
    ErrorCode(3108, "OrganizationTypeNotFound", ""),
    ErrorCode(3109, "OrganizationTypeAlreadyExists", ""),
    ErrorCode(3110, "UnableToDeleteAuthSimple", ""),
    ErrorCode(3300, "OrganizationHostInformationNotFound", ""),
    ErrorCode(3301, "OrganizationHostInformationAlreadyExists", ""),
    ErrorCode(3302, "MalformedOrganizationHostInformationJson", ""),
    ErrorCode(4001, "UnknownAlgorithmLanguage", "The request algorithm language is not known."),
    ErrorCode(
        4002,
        "UnsupportedAlgorithmLanguage",
        "The requested algorithm language does not support this feature.",
    ),
    ErrorCode(4003, "MalformedPackageSetJson", "Malformed package set JSON in request."),
    ErrorCode(4004, "UnsupportedMachineType", "The requested machine type is not supported."),
    ErrorCode(
        4005,
        "PackageSetNameHasBeenTaken",
        "A package set with the requested name already exists.",
    ),
    ErrorCode(
        4006,
        "PackageSetNameDoesNotExist",
        "A package set with the requested name does not exist.",
    ),
    ErrorCode(
        4007,
        "DuplicatePackageSetContents",
        "The package set contents contain duplicate items.",
    ),
    ErrorCode(4008, "ScmConnectionNotFound", "The SCM OAuth token was not found."),
    ErrorCode(4009, "ScmConfigurationNotFound", "The SCM configuration was not found."),
    ErrorCode(4010, "", "Required parameter start_date or end_date is missing."),
    ErrorCode(
        4011,
        "",
        "Only algorithms backed with the internal SCM can modify code through Algorithmia APIs.",
    ),
    ErrorCode(4012, "", "Internal SCM does not support webhooks."),
    ErrorCode(4020, "ScmBadCreatePayloadError", "The provided SCM configuration is invalid."),
    ErrorCode(4021, "ScmBadUpdatePayloadError", "Malformed update SCM payload."),
    ErrorCode(4040, "ScmEnabledError", "Unable to delete SCM configuration."),
    ErrorCode(4041, "ScmDefaultError", "Unable to perform specified action on the default SCM."),
    ErrorCode(4042, "ScmDisabledError", "Unable to perform specified action on a disabled SCM."),
    ErrorCode(4043, "ScmInUseError", "Unable to delete SCM configuration in use."),
    ErrorCode(
        4044,
        "ScmConflictError",
        "Duplicate SCM exists that has the same id or matches provider, OAuth client ID, and web"
        " URL.",
    ),
    ErrorCode(
        4045,
        "ScmDisallowedOperationError",
        "Unable to modify the referenced SCM configuration.",
    ),
    ErrorCode(4050, "ScmOAuthUnsupportedError", "Unable to start OAuth flow."),
    ErrorCode(4051, "ScmOAuthMissingParamsError", "Unable to finish OAuth flow."),
    ErrorCode(4052, "ScmOAuthInvalidAuthorizationCodeError", ""),
    ErrorCode(4070, "ScmWebhookPayloadMalformedError", "Webhook payload malformed."),
    ErrorCode(4080, "ScmNotAuthorizedError", "SCM provider is not authorized."),
    ErrorCode(4081, "ScmNotAuthenticatedError", ""),
    ErrorCode(4082, "ScmBadRequestError", ""),
    ErrorCode(4083, "ScmUnknownError", ""),
    ErrorCode(4084, "ScmConnectionError", "Failed communicating with SCM."),
    ErrorCode(5001, "InternalServerError", "There was an internal error."),
    ErrorCode(5002, "InvalidMarker", "Invalid marker used."),
    ErrorCode(
        5003,
        "InvalidLimit",
        "Limit must be between 1 and the system-configured page size limit.",
    ),
    ErrorCode(5004, "ConfigEntryNotFound", "Requested configuration entry could not be found."),
    ErrorCode(5005, "", "Feature not implemented."),
    ErrorCode(6001, "InputValidationError", "The request is invalid."),
    ErrorCode(7000, "", "Request ID was not found."),
    ErrorCode(8000, "MalformedAlgorithmSecretRequestJson", ""),
    ErrorCode(8001, "SecretMetadataConstraintViolation", ""),
    ErrorCode(8002, "DefaultSecretProviderNotFound", ""),
    ErrorCode(8003, "CreateSecretNotSupported", ""),
    ErrorCode(8004, "CreateRequiresSecretValue", ""),
    ErrorCode(8005, "CannotModifyInternalSecretProvider", ""),
    ErrorCode(8006, "SecretProviderNotFound", ""),
    ErrorCode(8007, "EditSecretFailed", ""),
    ErrorCode(8008, "SecretNotFound", ""),
    ErrorCode(8009, "SecretProviderFailed", ""),
    ErrorCode(8010, "UnableToDeleteSecret", ""),
    ErrorCode(8011, "UnableToSetDefaultSecretProvider", ""),
    ErrorCode(8012, "SecretProviderDisabled", ""),
    ErrorCode(8013, "UnableToDeleteDefaultSecretProvider", ""),
    ErrorCode(8014, "EditSecretNotSupported", ""),
    ErrorCode(8060, "MissingQueryParameterEventTypes", ""),
    ErrorCode(8061, "QueryParameterError", ""),
)
ERROR_CODES = {each.number: each for each in _CODES}

_PACKAGES = "Package sets that users put together are not part of this platform."
_TAGS = "Versions have numbers and no tags."
_CONNECTIONS = "What a host refuses or fails with is told with one of the codes beside this."
_HOSTS = "Organizations have no hosts of their own."
_PROVIDERS = "Secrets are kept by the platform itself; there is no other provider."
_LATER = "What it is about is not there yet."
NOT_RAISED = {
    1001: "A missing algorithm is 1000, by whatever it is named.",
    1004: _PACKAGES,
    1005: _PACKAGES,
    1006: _PACKAGES,
    1012: _TAGS,
    1013: _TAGS,
    1015: _TAGS,
    1016: _TAGS,
    1017: "A visibility that is none is a request that is not valid (6001).",
    2011: _PACKAGES,
    2014: "Environments are folders of this platform and not images.",
    2016: _PACKAGES,
    2017: _PACKAGES,
    2018: "A connection has no owner to be changed.",
    3009: "Accounts sign up on a page, which shows what is wrong.",
    3010: _PACKAGES,
    3110: _LATER,
    3300: _HOSTS,
    3301: _HOSTS,
    3302: _HOSTS,
    4003: _PACKAGES,
    4005: _PACKAGES,
    4006: _PACKAGES,
    4007: _PACKAGES,
    **dict.fromkeys((4082, 4083), _CONNECTIONS),
    **dict.fromkeys((8002, 8003, *range(8010, 8015)), _PROVIDERS),
}
