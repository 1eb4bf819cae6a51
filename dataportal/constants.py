"""Choices and limits of hosted data (spec.md 5.3, 5.4)."""

import re
from datetime import timedelta

from django.db import models

# Wider than the protocol's ResourceName: clients' own tests use names with dashes and dots.
COLLECTION_NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}\Z")
COLLECTION_NAME_LENGTH = 255
LONGEST_NAME_BYTES = 1024
LISTING_PAGE_SIZE = 1000
# Longer than any reader needs to open, or a storage to take, the bytes of one file.
UNUSED_BLOB_GRACE = timedelta(hours=1)
TEMP_FILE_AGE = timedelta(days=1)
# What a session may take longer than its calls: starting a runner, ending, clocks that differ.
SESSION_MARGIN = timedelta(minutes=10)


class ReadAcl(models.TextChoices):
    """Who reads a collection besides its owner."""

    PRIVATE = "private", "Private (only me)"
    MY_ALGORITHMS = "my_algorithms", "My Algorithms (called by any user)"
    PUBLIC = "public", "Public (anybody)"


ACL_PATTERNS: dict[str, tuple[str, ...]] = {
    str(ReadAcl.PRIVATE): (),
    str(ReadAcl.MY_ALGORITHMS): ("algo://.my/*",),
    str(ReadAcl.PUBLIC): ("user://*",),
}


class Protocol(models.TextChoices):
    """The kinds of storage that a connector leads to (spec.md 5.1)."""

    S3 = "s3", "Amazon S3"
    AZURE_BLOB = "azureblob", "Azure Blob"
    GOOGLE_CLOUD = "gs", "Google Cloud Storage"
    DROPBOX = "dropbox", "Dropbox"


class CredentialType(models.TextChoices):
    """What a connector's credentials consist of (spec.md 5.5)."""

    IAM = "iam", "Access key of AWS"
    SAS = "sas", "Shared access signature of Azure"
    SERVICE_ACCOUNT = "serviceaccount", "Service account of Google"
    OAUTH = "oauth", "OAuth token"


CREDENTIAL_TYPES = {
    str(Protocol.S3): str(CredentialType.IAM),
    str(Protocol.AZURE_BLOB): str(CredentialType.SAS),
    str(Protocol.GOOGLE_CLOUD): str(CredentialType.SERVICE_ACCOUNT),
    str(Protocol.DROPBOX): str(CredentialType.OAUTH),
}
# The protocol's, and the underscore and dash that its own examples use.
LABEL_PATTERN = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,59}\Z")
LABEL_LENGTH = 60
RESTRICTION_LENGTH = 1024
EVERY_PATH = "*"
MOST_CONNECTORS = 200
# In bytes: an index takes no row of more than 2704, and would hold up all others.
LONGEST_ACCESSED_PATH = 1024
