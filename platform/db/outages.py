"""Telling a database that does not answer from one that refuses what it is asked."""

from django.db import DatabaseError, InterfaceError, OperationalError


def is_outage(exc: BaseException) -> bool:
    """Whether another try could go well: the server was gone, is starting, or has cut us off."""
    # psycopg2 tells a connection that was cut during a statement by the base class itself.
    return isinstance(exc, OperationalError | InterfaceError) or type(exc) is DatabaseError
