"""Choices and limits of the audit trail."""

from enum import StrEnum

# What stands in front of the first entry.
GENESIS = "0" * 64
# The advisory lock under which entries are appended, one at a time.
LOCK = 0x616C676F_61756469

NAME_LENGTH = 200
VALUE_CHARACTERS = 2_000
ENTRY_CHARACTERS = 24_000
MOST_PARTS = 50
CHECKPOINT_SECONDS = 5.0


class Via(StrEnum):
    """The way by which somebody acts."""

    API = "api"
    ADMIN = "admin"
    WEB = "web"
    GIT = "git"
    COMMAND = "command"
    SYSTEM = "system"
