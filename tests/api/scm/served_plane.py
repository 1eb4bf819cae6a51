"""The ASGI module that the tests' gunicorn serves: the real plane, with accounts made of paper."""

import base64
import json
import os
import time
import uuid
from pathlib import Path

import django

django.setup()

from django.conf import settings  # noqa: E402

FOLDER = Path(os.environ["SCM_TEST_FOLDER"])
settings.REPOSITORIES_FOLDER = FOLDER / "repositories"
settings.SOCKET_FOLDER = Path(os.environ["SCM_TEST_SOCKETS"])

from algoport.accounts.permissions import (  # noqa: E402
    ANONYMOUS,
    EVERYTHING,
    Principal,
    PrincipalKind,
)
from algoport.errors import NotAuthenticated, NotAuthorized, UserError  # noqa: E402
from scm.api import git_plane  # noqa: E402
from scm.host import RepositoryAccess, register_host  # noqa: E402

ACCOUNTS = {
    "demo": {"secret", "simA+b/c=D:e"},
    "guest": {"hidden"},
    "reader": {"reads"},
}


class NoSuchThing(UserError):
    code, status = 1000, 404
    message = "The requested algorithm was not found."


class BuildRefused(UserError):
    message = "The build failed: no apply() in {name}"


def authenticate(header, address):
    if header is None:
        return ANONYMOUS
    user, _, secret = base64.b64decode(header.split(" ")[1]).decode().partition(":")
    if secret not in ACCOUNTS.get(user, ()):
        raise NotAuthenticated
    return Principal(
        PrincipalKind.PASSWORD, uuid.uuid5(uuid.NAMESPACE_DNS, user), user, False, EVERYTHING
    )


def note(**event):
    with (FOLDER / "events").open("a") as events:
        events.write(json.dumps(event) + "\n")


class PaperHost:
    """Repositories of the folder `names`; what a push does stands in the folder `builds`."""

    def authorize(self, principal, owner, name, *, write):
        entry = FOLDER / "names" / f"{owner}.{name}"
        if not entry.exists() or principal.username not in {owner, "reader"}:
            raise NoSuchThing
        if write and principal.username != owner:
            raise NotAuthorized("You may read this algorithm, but not push to it.")
        return RepositoryAccess(uuid.UUID(entry.read_text()), f"{owner}/{name}")

    def refs_moved(self, principal, repository_id, updates):
        note(event="moved", user=principal.username, refs=[update.ref for update in updates])

    def pushed(self, principal, repository_id, *, before, after):
        note(event="pushed", user=principal.username, before=before, after=after)
        plan = FOLDER / "builds" / str(repository_id)
        yield "Build started"
        if plan.exists() and plan.read_text() == "fails":
            raise BuildRefused(name="source")
        if plan.exists() and plan.read_text() == "breaks":
            raise RuntimeError("secret detail")
        yield "\x1b[31mInstalling\x07 " + "many words " * 12
        note(event="building", after=after)
        try:
            while plan.exists():
                time.sleep(0.05)
                yield ""
        finally:
            note(event="closed", waiting=plan.exists())
        yield f"algo://demo/thing/{after}"


git_plane.authenticate_basic = authenticate
register_host(PaperHost())
application = git_plane.GitPlane()
