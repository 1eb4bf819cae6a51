"""Changing the audit trail as nobody may, and looking whether that is found."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

from django.core.management import CommandError, call_command
from django.db import connection

TABLES = ("audit_auditentry", "audit_audithead")


@contextmanager
def unguarded() -> Iterator[None]:
    """Let the database take changes that its triggers refuse: an attacker may take them away."""
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def tamper(*statements: str) -> None:
    with unguarded(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def verify(*arguments: str) -> list[str]:
    """The lines of the findings; none when the trail is whole."""
    out = StringIO()
    try:
        call_command("verify_audit", *arguments, stdout=out)
    except CommandError:
        return out.getvalue().splitlines()
    assert "the trail is whole" in out.getvalue()
    return []
