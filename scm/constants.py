"""Choices and limits of repository hosts."""

import re

from django.db import models

# The platform's own host: it always exists, and no other is of its provider.
INTERNAL = "internal"
ID_LENGTH = 60
ID_PATTERN = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9_-]{0,59}\Z")
NAME_LENGTH = 100
URL_LENGTH = 200
CLIENT_ID_LENGTH = 200
CLIENT_SECRET_LENGTH = 500
LOGIN_LENGTH = 255
REPOSITORY_NAME_LENGTH = 100
BRANCH_LENGTH = 244
PROJECT_KEY_PATTERN = re.compile(r"\A[A-Z0-9]{3}\Z")

# Tokens that ended are taken back at the host at once; if it fails after pauses that double, for
# so many days. One worker takes so many in a row.
REVOCATION_PAUSE_SECONDS = 60
REVOCATION_LONGEST_PAUSE_SECONDS = 6 * 3600
REVOCATION_DAYS = 7
MOST_REVOCATIONS = 50


class Provider(models.TextChoices):
    """What software a host runs."""

    INTERNAL = INTERNAL
    GITHUB = "github", "GitHub"
    GITLAB = "gitlab", "GitLab"
    BITBUCKET = "bitbucket", "Bitbucket Server"
    BITBUCKET_CLOUD = "bitbucket-cloud", "Bitbucket Cloud"


# Hosts that people connect their accounts of, and that algorithms can be on.
CONNECTABLE = frozenset({Provider.GITHUB, Provider.GITLAB})
# What such hosts let repositories and their owners be called; owners may be groups inside others.
REPOSITORY_NAME_PATTERN = re.compile(r"\A(?!\.)[A-Za-z0-9._-]{1,100}\Z")
REPOSITORY_OWNER_PATTERN = re.compile(r"\A(?![./])[A-Za-z0-9._/-]{1,255}\Z")
