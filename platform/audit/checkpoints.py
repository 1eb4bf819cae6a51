"""Where the trail ended, written down outside of the database every few seconds.

Whoever can change the database can set its head back and cut off what came after; the file in the
data folder says that there was more. Each of its lines is signed, together with the line before it.
"""

import fcntl
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings
from django.utils import timezone

from algoport.audit.chain import known_keys, sign, signing_key
from algoport.audit.constants import GENESIS
from algoport.audit.models import AuditHead

logger = logging.getLogger(__name__)

_FORM = "algoport audit checkpoint 1"
_LONGEST_LINE = 1_000


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """At this time the trail ended with this entry."""

    number: int
    hash: str
    at: str


@dataclass(frozen=True, slots=True)
class BadCheckpoint:
    """A line of the file that the platform has not written so."""

    fault: str


def checkpoint_file() -> Path:
    return Path(settings.AUDIT_FOLDER) / "checkpoints"


def write_checkpoint() -> Checkpoint | None:
    """Write down where the trail ends; None when that is written already.

    A trail that is shorter than it was, or another one, is told in the log at once.
    """
    head = AuditHead.objects.first()
    if head is None:
        logger.error("the audit trail has no head; run `manage.py verify_audit`")
        return None
    path = checkpoint_file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        last = _last_line(file)
        if not _goes_on(last, head):
            return None
        made = Checkpoint(head.number, head.hash, timezone.now().isoformat())
        file.write(_line_of(made, last.get("signature", GENESIS)))
        file.flush()
        os.fsync(file.fileno())
    # For whoever keeps the logs elsewhere: with it a trail can be checked when all else is lost.
    logger.info("audit checkpoint %d:%s", made.number, made.hash)
    return made


def read_checkpoints(former_secrets: tuple[str, ...] = ()) -> Iterator[Checkpoint | BadCheckpoint]:
    """Checkpoints in their order; in place of a line that is not good what is wrong with it.

    Those that are written after the first was asked for are left out.
    """
    path = checkpoint_file()
    if not path.exists():
        return
    keys = known_keys(former_secrets)
    previous, index = GENESIS, 0
    with path.open("rb") as file:
        end = path.stat().st_size
        while file.tell() < end:
            line, index = file.readline(_LONGEST_LINE), index + 1
            try:
                checkpoint, previous = _read_line(line, previous, keys)
            except (ValueError, RecursionError) as exc:
                yield BadCheckpoint(f"{path}, line {index}: {exc}")
                previous = _signature_of(line)
            else:
                yield checkpoint


def _goes_on(last: dict[str, str], head: AuditHead) -> bool:
    """Whether there is something new to write."""
    number = int(last.get("number", 0))
    if number == head.number and last.get("hash", GENESIS) == head.hash:
        return False
    if number >= head.number:
        logger.error(
            "the audit trail ends with entry %d and had entry %d; run `manage.py verify_audit`",
            head.number,
            number,
        )
        return False
    return True


def _line_of(made: Checkpoint, previous: str) -> bytes:
    mark, key = signing_key()
    parts = [str(made.number), made.hash, made.at]
    names = ("number", "hash", "at")
    line = dict(zip(names, parts, strict=True)) | {
        "key_mark": mark,
        "signature": sign(key, [_FORM, *parts, mark, previous]),
    }
    return json.dumps(line).encode() + b"\n"


def _read_line(line: bytes, previous: str, keys: dict[str, bytes]) -> tuple[Checkpoint, str]:
    """The checkpoint and its signature. Raises ValueError."""
    if not line.endswith(b"\n"):
        raise ValueError("it is cut off")
    values = json.loads(line)
    if not isinstance(values, dict) or not all(isinstance(each, str) for each in values.values()):
        raise ValueError("it is no checkpoint")
    try:
        parts = [values[name] for name in ("number", "hash", "at")]
        mark, signature = values["key_mark"], values["signature"]
    except KeyError as exc:
        raise ValueError("it is no checkpoint") from exc
    key = keys.get(mark)
    if key is None:
        raise ValueError(f"it is signed with a key {mark} that is not known")
    if signature != sign(key, [_FORM, *parts, mark, previous]):
        raise ValueError("it was changed, or a line before it was removed")
    return Checkpoint(int(parts[0]), parts[1], parts[2]), signature


def _signature_of(line: bytes) -> str:
    """What the next line is signed with, so that one bad line is told once."""
    try:
        return str(json.loads(line)["signature"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _last_line(file: IO[bytes]) -> dict[str, str]:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _LONGEST_LINE))
    lines = file.read().splitlines()
    try:
        found = json.loads(lines[-1]) if lines else {}
        return {name: str(found[name]) for name in ("number", "hash", "signature") if name in found}
    except (ValueError, AttributeError, TypeError, RecursionError):
        logger.error("%s ends with a line that cannot be read", checkpoint_file())
        return {}
