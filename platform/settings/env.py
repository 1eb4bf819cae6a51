"""Typed reading of the environment, and the folders that follow from it.

The only module of the platform that reads `os.environ`.
"""

import hashlib
import os
import re
import secrets
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
# A unix socket's path has at most 107 bytes; runner sockets need the rest.
LONGEST_SOCKET_FOLDER = 50
# As few are taken for a key that sessions are signed with.
SECRET_KEY_CHARACTERS = 50
# A host that was cut off finds database and broker again so soon after it is back.
CONNECT_SECONDS = 5
PATIENCE_SECONDS = 15


def read(name: str, convert: Callable[[str], T], default: T) -> T:
    """Value of one variable; a bad one stops the start with a line that names it."""
    raw = os.environ.get(name, "")
    if raw == "":
        return default
    try:
        return convert(raw)
    except ValueError as exc:
        raise ImproperlyConfigured(f"{name}={raw!r} is not valid: {exc}") from exc


def port(raw: str) -> int:
    number = integer(1, 65535)(raw)
    return number


def integer(low: int, high: int) -> Callable[[str], int]:
    def convert(raw: str) -> int:
        if not raw.isascii() or not raw.isdigit() or not low <= int(raw) <= high:
            raise ValueError(f"expected a whole number from {low} to {high}")
        return int(raw)

    return convert


def number(low: float, high: float) -> Callable[[str], float]:
    def convert(raw: str) -> float:
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", raw) or not low <= float(raw) <= high:
            raise ValueError(f"expected a number from {low:g} to {high:g}")
        return float(raw)

    return convert


def one_of(*choices: str) -> Callable[[str], str]:
    def convert(raw: str) -> str:
        if raw.lower() not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}")
        return raw.lower()

    return convert


def host(raw: str) -> str:
    if any(character.isspace() or character in "/?#@" for character in raw):
        raise ValueError("expected a host name or an address")
    return raw


def name_of_host(raw: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", raw):
        raise ValueError("expected up to 63 letters, digits, dots, hyphens and underscores")
    return raw


def listening(raw: str) -> tuple[str, int]:
    """Address and port of `ADDRESS:PORT`; port 0 is any that is free."""
    parts = urlsplit(f"//{raw}")
    if not parts.hostname or parts.port is None or parts.netloc != raw:
        raise ValueError("expected ADDRESS:PORT, with port 0 for any that is free")
    return parts.hostname, parts.port


def hosts(raw: str) -> frozenset[tuple[str, int | None]]:
    """Pairs of host and port of `HOST,HOST:PORT`; a host without one stands for all its ports."""
    return frozenset(_host_and_port(entry.strip()) for entry in raw.split(",") if entry.strip())


def _host_and_port(entry: str) -> tuple[str, int | None]:
    name = host(entry)
    if name.count(":") > 1 and not name.startswith("["):
        name = f"[{name}]"
    parts = urlsplit(f"//{name}")
    if not parts.hostname or parts.port == 0:
        raise ValueError("expected HOST or HOST:PORT, separated by commas")
    return parts.hostname.removesuffix("."), parts.port


def url(*schemes: str) -> Callable[[str], str]:
    def convert(raw: str) -> str:
        if urlsplit(raw).scheme not in schemes:
            raise ValueError(f"expected an address that starts with {' or '.join(schemes)}")
        return raw

    return convert


def bucket(raw: str) -> dict[str, str]:
    """django-storages' options of `s3://BUCKET/PREFIX?endpoint_url=URL&region=NAME`.

    Nothing for `file`. The keys are read apart, so that the address can be shown.
    """
    if raw == "file":
        return {}
    parts = urlsplit(raw)
    known = {"endpoint_url": "endpoint_url", "region": "region_name"}
    if parts.scheme != "s3" or not parts.hostname or "@" in parts.netloc:
        raise ValueError("expected `file`, or s3://BUCKET/PREFIX?endpoint_url=URL&region=NAME")
    try:
        said = dict(parse_qsl(parts.query, strict_parsing=True, keep_blank_values=True))
        options = {known[name]: value for name, value in said.items() if parts.query}
    except (KeyError, ValueError) as exc:
        raise ValueError("its parameters are endpoint_url and region") from exc
    return {"bucket_name": parts.netloc, "location": unquote(parts.path.strip("/")), **options}


def keys_of_bucket() -> dict[str, str]:
    """The access key that ALGOPORT_HOSTED_* name; without it the SDK looks where it is used to."""
    names = {
        "access_key": "ALGOPORT_HOSTED_ACCESS_KEY_ID",
        "secret_key": "ALGOPORT_HOSTED_SECRET_ACCESS_KEY",
    }
    keys = {option: os.environ.get(name, "") for option, name in names.items()}
    if any(keys.values()) and not all(keys.values()):
        raise ImproperlyConfigured(f"{' and '.join(names.values())} go together")
    return {option: key for option, key in keys.items() if key}


def registry(raw: str) -> str:
    if not re.fullmatch(r"[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*", raw):
        raise ValueError("expected HOST:PORT/PREFIX in small letters, without a scheme")
    return raw


def origin(address: str) -> str:
    """Scheme, host and port of an address, as browsers name them."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def mail(raw: str) -> dict[str, object]:
    """Django's settings for sending mail: `folder`, or an SMTP server's address.

    `smtp://USER:PASSWORD@HOST:PORT` speaks STARTTLS when it has a password, and `smtps://` TLS
    from the start.
    """
    if raw == "folder":
        return {"EMAIL_BACKEND": "algoport.mail.FolderBackend"}
    parts = urlsplit(raw)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path.strip("/"):
        raise ValueError("expected folder, or smtp(s)://USER:PASSWORD@HOST:PORT")
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or (465 if parts.scheme == "smtps" else 25),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp" and parts.password is not None,
        "EMAIL_TIMEOUT": 10,
    }


def folder(raw: str) -> Path:
    path = Path(raw).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise ValueError("expected a folder, found a file")
    return path


def database(address: str) -> dict[str, object]:
    """Django's settings for one `postgresql://USER:PASSWORD@HOST:PORT/NAME` address."""
    parts = urlsplit(address)
    hosts = parse_qs(parts.query).get("host", [])
    name = unquote(parts.path.lstrip("/"))
    if not name:
        raise ImproperlyConfigured("DATABASE_URL is not valid: it names no database")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": hosts[0] if hosts else (parts.hostname or ""),
        "PORT": str(parts.port or ""),
        # For the threads that answer requests (docs/adr/0033); one that was cut meanwhile, by a
        # restart of the server say, is replaced before the request's first query.
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        # libpq leaves out what a unix socket has not.
        "OPTIONS": {
            "connect_timeout": CONNECT_SECONDS,
            "keepalives_idle": PATIENCE_SECONDS // 3,
            "keepalives_interval": PATIENCE_SECONDS // 3,
            "keepalives_count": 2,
            "tcp_user_timeout": PATIENCE_SECONDS * 1000,
        },
    }


def broker_socket(address: str) -> dict[str, object]:
    """How a client notices that a server on the network is gone, and does not wait for it."""
    if address.startswith("unix://"):
        return {}
    return {
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_keepalive": True,
        "socket_keepalive_options": {
            socket.TCP_KEEPIDLE: PATIENCE_SECONDS // 3,
            socket.TCP_KEEPINTVL: PATIENCE_SECONDS // 3,
            socket.TCP_KEEPCNT: 2,
            socket.TCP_USER_TIMEOUT: PATIENCE_SECONDS * 1000,
        },
    }


def broker(address: str) -> str:
    """Celery's form of a Redis address (`unix:///path` becomes `redis+socket:///path`)."""
    if address.startswith("unix://"):
        return "redis+socket://" + address.removeprefix("unix://")
    return address


def reachable_by_others(path: Path) -> bool:
    """Whether a process of another user can traverse to `path` (its missing tail counts as yes)."""
    existing = path
    while not existing.exists():
        existing = existing.parent
    return all(
        stat.S_IMODE(step.stat().st_mode) & stat.S_IXOTH for step in (existing, *existing.parents)
    )


def service_folder(data: Path) -> Path:
    """Folder for what other users' processes must reach: databases, environments, sandboxes.

    It is the data folder itself, save when root keeps that where no other user may go (below
    /root, say): the database and the sandboxes never run as root, and need a path they can walk.
    """
    if os.geteuid() != 0 or reachable_by_others(data):
        return data
    return Path("/var/lib/algoport") / hashlib.sha256(str(data).encode()).hexdigest()[:12]


def socket_folder(service: Path, host_id: str) -> Path:
    """Folder of the unix sockets, short enough for the kernel's limit on their names.

    A host with a name shares its data folder with others, and keeps its sockets to itself.
    """
    wanted = service / "run"
    if len(str(wanted)) <= LONGEST_SOCKET_FOLDER and not host_id:
        return wanted
    digest = hashlib.sha256(f"{service}{host_id}".encode()).hexdigest()[:12]
    return Path("/tmp") / f"algoport-{os.geteuid()}-{digest}"


def secret_key(data: Path) -> str:
    """The signing key: ALGOPORT_SECRET_KEY, else one made once and kept in the data folder."""
    given = os.environ.get("ALGOPORT_SECRET_KEY", "")
    if given:
        if len(given) < SECRET_KEY_CHARACTERS:
            raise ImproperlyConfigured(
                f"ALGOPORT_SECRET_KEY is not valid: use {SECRET_KEY_CHARACTERS} characters or more"
            )
        return given
    path = data / "secret-key"
    try:
        return _kept_secret(path)
    except OSError as exc:
        raise ImproperlyConfigured(f"ALGOPORT_DATA={str(data)!r} cannot be used: {exc}") from exc


def secret_key_fallbacks() -> list[str]:
    """ALGOPORT_SECRET_KEY_FALLBACKS: former secret keys that are still taken; never shown."""
    raw = os.environ.get("ALGOPORT_SECRET_KEY_FALLBACKS", "")
    keys = [key.strip() for key in raw.split(",") if key.strip()]
    if any(len(key) < SECRET_KEY_CHARACTERS for key in keys):
        raise ImproperlyConfigured(
            "ALGOPORT_SECRET_KEY_FALLBACKS is not valid: former values of ALGOPORT_SECRET_KEY, "
            f"of {SECRET_KEY_CHARACTERS} characters or more, separated by commas"
        )
    return keys


def together(values: dict[str, str]) -> None:
    """Stop the start where some of these variables are set and others are not."""
    if any(values.values()) and not all(values.values()):
        missing = ", ".join(name for name, value in values.items() if not value)
        raise ImproperlyConfigured(f"{' and '.join(values)} go together: {missing} is not set")


def encryption_keys() -> tuple[str, ...]:
    """ALGOPORT_ENCRYPTION_KEYS: the first encrypts, all decrypt; they are never shown."""
    raw = os.environ.get("ALGOPORT_ENCRYPTION_KEYS", "")
    keys = tuple(key.strip() for key in raw.split(",") if key.strip())
    if any(len(key) < 32 for key in keys):
        raise ImproperlyConfigured(
            "ALGOPORT_ENCRYPTION_KEYS is not valid: use 32 characters or more for each key"
        )
    return keys


def _kept_secret(path: Path) -> str:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.parent / f".secret-key-{secrets.token_hex(8)}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(64))
        try:
            # A link never replaces: of two first starts at once one key wins for both.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()
