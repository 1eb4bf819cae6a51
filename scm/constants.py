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
PROJECT_KEY_PATTERN = re.compile(r"\A[A-Z0-9]{3}\Z")


class Provider(models.TextChoices):
    """What software a host runs."""

    INTERNAL = INTERNAL
    GITHUB = "github", "GitHub"
    GITLAB = "gitlab", "GitLab"
    BITBUCKET = "bitbucket", "Bitbucket Server"
    BITBUCKET_CLOUD = "bitbucket-cloud", "Bitbucket Cloud"
