"""Accounts, keys and files for tests of hosted data."""

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algoport.accounts.models import User
from algoport.accounts.permissions import EVERYTHING, Principal, Run, Scopes
from algoport.accounts.services import create_key, create_user
from dataportal.models import Collection, HostedFile
from dataportal.services import publish_file, reserve_file
from dataportal.storage import IncomingFile, keep
from tests.factories.accounts import principal_of_key


@dataclass(frozen=True)
class Caller:
    """An account with a key, and the principal of that key."""

    user: User
    secret: str
    principal: Principal

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Simple {self.secret}"}


def make_caller(username: str, scopes: Scopes = EVERYTHING, user: User | None = None) -> Caller:
    owner = user or create_user(username=username, email=f"{username}@example.com")
    key = create_key(owner=owner, label="test", scopes=scopes)
    return Caller(owner, key.secret, principal_of_key(key.row))


def make_run(
    caller: Caller,
    algorithm_owner: Caller,
    algorithm_id: uuid.UUID | None = None,
    session_id: uuid.UUID | None = None,
) -> Principal:
    """`caller` as seen from within an algorithm of `algorithm_owner`."""
    run = Run(algorithm_id or uuid.uuid4(), algorithm_owner.user.id, True, session_id)
    return caller.principal.for_run(run)


def make_file(collection: Collection, name: str, data: bytes = b"data") -> HostedFile:
    incoming = IncomingFile()
    incoming.write(data)
    incoming.flush()
    file = reserve_file(name=name, size=incoming.size, digest=incoming.digest)
    keep(incoming, file.blob_name)
    incoming.discard()
    publish_file(file=file, collection=collection)
    file.refresh_from_db()
    return file


def host_files_in(folder: Path, settings: Any) -> None:
    """Have the platform's own files below this folder."""
    settings.ALGOPORT_DATA = folder
    options = {"location": str(folder / "hosted")}
    backend = "django.core.files.storage.FileSystemStorage"
    settings.STORAGES = settings.STORAGES | {"hosted": {"BACKEND": backend, "OPTIONS": options}}
