"""What `manage.py check --deploy` says about a platform that others are to rely on."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from algoport.secret_keys import secret_keys

# A random key has more, in whatever alphabet it is written.
_FEWEST_CHARACTERS = 8
_PLACEHOLDER = re.compile(r"change.?me|replace.?me|example|placeholder|insecure|password", re.I)
_NEW_KEY = "Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(64))'"


@register(Tags.security, deploy=True)
def check_secrets(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The keys are there, nobody can guess them, and one that leaks does not open all."""
    return [*_check_secret_key(), *_check_encryption_keys()]


@register(Tags.security, deploy=True)
def check_address(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Keys and passwords of users are sent through TLS only."""
    if not settings.ALGOPORT_URL.startswith("https://"):
        return [
            Warning(
                "ALGOPORT_URL is plain HTTP: keys and passwords can be read on their way.",
                hint="Put a proxy that speaks TLS in front, and set its https address.",
                id="algoport.W001",
            )
        ]
    if not settings.TRUSTED_PROXIES:
        return [
            Warning(
                "ALGOPORT_URL is https, but no proxy is trusted to say which requests came so.",
                hint="Set ALGOPORT_TRUSTED_PROXIES to how many proxies there are; the outermost"
                " has to set X-Forwarded-Proto.",
                id="algoport.W002",
            )
        ]
    return []


@register(Tags.security, deploy=True)
def check_servers(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The embedded servers are for one machine, and nobody backs them up."""
    sockets = Path(settings.SOCKET_FOLDER)
    embedded = {
        "DATABASE_URL": settings.DATABASES["default"]["HOST"] == str(sockets / "pg"),
        "REDIS_URL": f"unix://{sockets / 'valkey.sock'}" == settings.REDIS_URL,
    }
    return [
        Warning(
            f"{name} is not set: the embedded server serves this machine only.",
            hint="Use a server of your own, with backups (docs/deploy.md).",
            id="algoport.W003",
        )
        for name, is_embedded in embedded.items()
        if is_embedded
    ]


@register(Tags.security, deploy=True)
def check_engine(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Where algorithms are to run in Docker, an engine answers; to be asked where a worker is."""
    if settings.RUNTIME != "docker":
        return []
    # The SDK is large, and no process needs it for this.
    from algoport.containers.docker_runtime import connect
    from algoport.containers.errors import RuntimeUnavailable

    try:
        connect()
    except RuntimeUnavailable as exc:
        return [
            Error(
                f"No algorithm can be run here: {exc}",
                hint="On a host without a worker this does not matter.",
                id="algoport.E005",
            )
        ]
    return []


def _check_secret_key() -> Iterator[CheckMessage]:
    if _is_weak(settings.SECRET_KEY):
        yield Error("ALGOPORT_SECRET_KEY can be guessed.", hint=_NEW_KEY, id="algoport.E001")
    for number, key in enumerate(settings.SECRET_KEY_FALLBACKS, start=1):
        if _is_weak(key):
            yield Error(
                f"Key {number} of ALGOPORT_SECRET_KEY_FALLBACKS can be guessed.",
                hint="Take it away: sessions end, and keys that nobody has used since are void.",
                id="algoport.E006",
            )
    kept = Path(settings.ALGOPORT_DATA) / "secret-key"
    if kept.exists() and kept.read_text() == settings.SECRET_KEY:
        yield Warning(
            "ALGOPORT_SECRET_KEY is not set: the one in the data folder is used.",
            hint="Set it to what `secret-key` in the data folder holds: other hosts need the same,"
            " and a backup of the data shall not hold the key to it.",
            id="algoport.W004",
        )


def _check_encryption_keys() -> Iterator[CheckMessage]:
    keys = settings.ENCRYPTION_KEYS
    if not keys:
        yield Error(
            "ALGOPORT_ENCRYPTION_KEYS is not set: stored secrets are under the secret key.",
            hint=_NEW_KEY + ", set it, restart and run manage.py encrypt_again.",
            id="algoport.E002",
        )
    for number, key in enumerate(keys, start=1):
        if _is_weak(key):
            yield Error(
                f"Key {number} of ALGOPORT_ENCRYPTION_KEYS can be guessed.",
                hint=_NEW_KEY,
                id="algoport.E003",
            )
        if key in secret_keys():
            yield Error(
                f"Key {number} of ALGOPORT_ENCRYPTION_KEYS is the secret key, or a former one.",
                hint=_NEW_KEY,
                id="algoport.E004",
            )


def _is_weak(key: str) -> bool:
    repeats = key in (key + key)[1:-1]
    return repeats or len(set(key)) < _FEWEST_CHARACTERS or bool(_PLACEHOLDER.search(key))
