"""Settings of the tests: a quick password hasher, and services that the test run starts itself."""

from algoport.settings.base import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
