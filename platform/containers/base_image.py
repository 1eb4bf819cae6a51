"""Environments that are made of an image which an administrator names.

Their folder holds no root file system. It says of which image theirs is made and keeps what is
installed into it, so that every host makes the same one, also when the platform has another recipe
by then.
"""

import hashlib
import re
import shutil
import uuid
from pathlib import Path

REFERENCE_LENGTH = 300
_FORMAT = "1"
_NAMED_BY = "base-image"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*(?::[0-9]{{1,5}})?"
_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"sha256:[0-9a-f]{64}"
_REFERENCE = re.compile(rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::{_TAG}|@{_DIGEST})")


def is_reference(text: str) -> bool:
    """Whether it names one image, by a tag or a digest: without, an engine would get them all."""
    return len(text) <= REFERENCE_LENGTH and _REFERENCE.fullmatch(text) is not None


def describe_environment(parent: Path, name: str, base_image: str, recipe: Path) -> Path:
    """The environment's folder, named by all that goes into its image; written when missing."""
    final = parent / f"{name}-{_fingerprint(base_image, recipe)}"
    if final.exists():
        return final
    draft = parent / f".{final.name}-{uuid.uuid4().hex[:8]}"
    (draft / "site").mkdir(parents=True)
    (draft / _NAMED_BY).write_text(base_image)
    shutil.copyfile(recipe / "requirements.txt", draft / "requirements.txt")
    for module in _modules(recipe):
        shutil.copyfile(module, draft / "site" / module.name)
    try:
        draft.rename(final)
    except OSError:
        shutil.rmtree(draft)  # Another process was quicker.
    return final


def base_image_of(environment: Path) -> str:
    """The image that the environment's is made of; "" for one with a root file system."""
    try:
        return (environment / _NAMED_BY).read_text()
    except FileNotFoundError:
        return ""


def _modules(recipe: Path) -> list[Path]:
    return sorted((recipe / "site").glob("*.py"))


def _fingerprint(base_image: str, recipe: Path) -> str:
    digest = hashlib.sha256(f"{_FORMAT} {base_image}".encode())
    for path in (recipe / "requirements.txt", *_modules(recipe)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
