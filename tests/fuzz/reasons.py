"""What the runs do not ask of every operation, each with its reason."""

_NO_WEBHOOKS = "the only host of repositories, the platform itself, has no webhooks"
_CREDENTIALS = "which credentials go with which protocol cannot be described"
_PATHS = "what a storage takes as a name cannot be described"

# By check, the operations that are let off it (`running._EXEMPTIONS`).
EXEMPT: dict[str, dict[str, str]] = {
    # They may answer 400 to what their description allows.
    "positive_data_acceptance": {
        "scm_webhook": _NO_WEBHOOKS,
        "scm_webhook_by_id": _NO_WEBHOOKS,
        "create_connector": _CREDENTIALS,
        "change_connector": _CREDENTIALS,
        "list_audit": "its markers are of another form than those of lists by time",
    },
    "unsupported_method": {
        "list_session_files": "outside of a call there is no session, whatever is asked of it",
    },
}

# Operations that no run succeeds with.
NEVER_SUCCEED: dict[str, str] = {}
