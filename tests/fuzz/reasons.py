"""What the runs do not ask of every operation, each with its reason."""

_NO_WEBHOOKS = "the only host of repositories, the platform itself, has no webhooks"
_CREDENTIALS = "which credentials go with which protocol cannot be described"
_PATHS = "what is possible at a path depends on the kind of its storage"
_ENVIRONMENTS = "an environment is named in one of three ways, and has to be there"
_QUEUED = "some options are for queued calls only"
_TYPES = "type_id names a type of organizations that is there"

# By check, the operations that are let off it (`running._EXEMPTIONS`).
EXEMPT: dict[str, dict[str, str]] = {
    # They may answer 400 to what their description allows.
    "positive_data_acceptance": {
        "scm_webhook": _NO_WEBHOOKS,
        "scm_webhook_by_id": _NO_WEBHOOKS,
        "create_connector": _CREDENTIALS,
        "create_algorithm": _ENVIRONMENTS,
        "put_algorithm": _ENVIRONMENTS,
        "put_algorithm_by_id": _ENVIRONMENTS,
        "call_algorithm": _QUEUED,
        "call_algorithm_version": _QUEUED,
        "call_algorithm_by_id": _QUEUED,
        "call_algorithm_version_by_id": _QUEUED,
        "create_connector_root": _PATHS,
        "create_connector_path": _PATHS,
        "change_connector_path": _PATHS,
        "create_organization": _TYPES,
        "put_organization": _TYPES,
        "change_connector": _CREDENTIALS,
        "list_audit": "its markers are of another form than those of lists by time",
    },
    "unsupported_method": {
        "list_session_files": "outside of a call there is no session, whatever is asked of it",
    },
}

# Operations that no run succeeds with.
NEVER_SUCCEED: dict[str, str] = {}

# What answers without a key.
OPEN_TO_ALL = {
    "GET /v1/explain": "it tells who has no key that they need one",
    "GET /v1/openapispec": "it says how to ask for the rest",
    "GET /v1/config/favicon": "pages show it before anybody has signed in",
    "GET /v1/config/logo": "pages show it before anybody has signed in",
    "GET /v1/algorithm-environments/edge/environment-specifications/{specification_id}/template": (
        "clients send no key"
    ),
}
