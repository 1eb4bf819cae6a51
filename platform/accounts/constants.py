"""Choices and limits of accounts and their keys (spec.md 2.1, 2.3)."""

from django.db import models

NAME_PATTERN = r"^[a-zA-Z][a-zA-Z0-9_]*\Z"
NAME_LENGTH = 30
EMAIL_PATTERN = r"^[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+[.][a-zA-Z]{2,6}\Z"
DEFAULT_KEY_LABEL = "default-key"
# What an administrator may let an account run at the same time.
MOST_CALLS_OF_ACCOUNT = 100_000
KEY_PREFIX = "sim"
KEY_RANDOM_CHARACTERS = 25
KEY_PATTERN = rf"^{KEY_PREFIX}[A-Za-z0-9+/]{{20,90}}\Z"
# What a key may call.
SCOPE_PATTERN = r"^algo://(\*|[a-zA-Z][a-zA-Z0-9_]*/(\*|[a-zA-Z][a-zA-Z0-9_]*(/\*)?))\Z"
# How exactly it is known when a session was last used.
SEEN_EVERY_SECONDS = 300


class AccountKind(models.TextChoices):
    USER = "user"
    ORGANIZATION = "organization"


class KeyType(models.TextChoices):
    STANDARD = "AlgorithmKey"
    ADMIN = "PlatformAdminKey"


class OrganizationRole(models.TextChoices):
    OWNER = "owner"
    MEMBER = "member"


class SignUpMode(models.TextChoices):
    """Who may make an account for themselves."""

    OPEN = "open", "open to everybody"
    INVITE = "invite", "open to who has an invite code or an invitation"
    CLOSED = "closed", "closed: administrators make accounts"


class ProviderKind(models.TextChoices):
    """Sites by which users may sign in, as allauth calls them."""

    OPENID_CONNECT = "openid_connect", "OpenID Connect"
    GITHUB = "github", "GitHub"
    GOOGLE = "google", "Google"
