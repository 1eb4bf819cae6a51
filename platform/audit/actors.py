"""Who acts: told once, by whoever authenticates them, and known wherever something is changed."""

import getpass
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID

from celery import current_task
from django.conf import settings

from algoport.audit.constants import Via


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody, by values that outlive their account; `kind` is how they are known."""

    kind: str
    via: Via
    id: UUID | None = None
    name: str = ""
    key_id: UUID | None = None
    impersonator_id: UUID | None = None
    impersonator_name: str = ""


# A function is asked when something is recorded: most requests of a session record nothing.
_actor: ContextVar[Actor | Callable[[], Actor] | None] = ContextVar("actor", default=None)


def set_actor(actor: Actor | Callable[[], Actor] | None) -> None:
    """Who acts from now on in this context; None is nobody in particular."""
    _actor.set(actor)


@contextmanager
def acting(actor: Actor | Callable[[], Actor] | None) -> Iterator[None]:
    """Let `actor` be who acts inside the block."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def current_actor() -> Actor:
    """Who acts now; where nobody was told, it is the process itself."""
    actor = _actor.get()
    if actor is None:
        return _process()
    return actor() if callable(actor) else actor


def _process() -> Actor:
    if current_task:
        return Actor("task", Via.SYSTEM, name=current_task.name)
    if settings.ALGOPORT_PROCESS == "web":
        return Actor("anonymous", Via.WEB)
    if settings.ALGOPORT_PROCESS != "manage":
        return Actor("process", Via.SYSTEM, name=settings.ALGOPORT_PROCESS)
    command = sys.argv[1] if len(sys.argv) > 1 and sys.argv[1].isidentifier() else "manage.py"
    return Actor("command", Via.COMMAND, name=f"{command} by {getpass.getuser()}")
