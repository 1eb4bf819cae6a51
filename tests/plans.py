"""How PostgreSQL finds the rows of a query, whatever other tests left in its statistics."""

import json
from collections.abc import Iterator
from typing import Any

from django.db import connection


def forget_statistics() -> None:
    """Let the planner take every table for one of unknown size, until the test ends.

    What ANALYZE and VACUUM wrote of rows that were rolled back stays, and of a table known to
    be empty any index is as good as the right one. Call it before the rows of the test are
    analyzed.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE pg_class SET relpages = 0, reltuples = -1
            WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
            """
        )


def plan_of(sql: str) -> list[dict[str, Any]]:
    """The nodes of the plan of a query that may not read a table whole, from the top.

    Where one still is read whole, no index serves the query.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
        (plan,) = cursor.fetchone()
    return list(_nodes((plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"]))


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)
