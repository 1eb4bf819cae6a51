"""Settings of the tests: a quick password hasher, and services that the test run starts itself."""

from algoport.settings.base import *  # noqa: F403

# A request that changes something, and leaves no entry in the audit trail or two, fails its test.
MIDDLEWARE = ["tests.audit_guard.guard", *MIDDLEWARE]  # noqa: F405
# Under their own names, from where they are.
STORAGES = STORAGES | {  # noqa: F405
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# The same on every machine, whether or not an engine answers.
RUNTIME = "sandbox"
