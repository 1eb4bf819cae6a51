"""Fill a platform's database; run with the environment of the platform.

Prints JSON: a list of keys and of paths of versions, for as many calls as were asked for.
"""

import argparse
import itertools
import json
import random
import secrets
import subprocess
import sys
from collections.abc import Iterator
from typing import TypeVar

import django

from tests.acceptance.platform import ROOT, Platform

ACCOUNTS = 1000
VERSIONS = 10
_BATCH = 5000
T = TypeVar("T")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--algorithms", type=int, required=True)
    parser.add_argument("--keys", type=int, required=True)
    parser.add_argument("--calls", type=int, required=True)
    options = parser.parse_args()
    django.setup()
    json.dump(fill(options.algorithms, options.keys, options.calls), sys.stdout)


def fill_platform(
    platform: Platform, *, algorithms: int, keys: int, calls: int
) -> list[tuple[str, str]]:
    """Keys and paths for so many calls."""
    command = [sys.executable, "-m", "bench.fill", "--algorithms", str(algorithms)]
    done = subprocess.run(
        [*command, "--keys", str(keys), "--calls", str(calls)],
        cwd=ROOT,
        env={**platform.environ, "DJANGO_SETTINGS_MODULE": "algoport.settings"},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return [(key, path) for key, path in json.loads(done.stdout)]


def fill(algorithms: int, keys: int, calls: int) -> list[tuple[str, str]]:
    from django.db import connection
    from django.utils import timezone

    from algoport.accounts.authentication import digest_key
    from algoport.accounts.constants import KEY_PREFIX
    from algoport.accounts.models import ApiKey, User
    from algorithms.constants import BuildState
    from algorithms.models import Algorithm, Build, Environment, Version

    count = min(ACCOUNTS, algorithms)
    users = [
        User(username=f"filled{n}", email=f"filled{n}@example.com", password="!")
        for n in range(count)
    ]
    User.objects.bulk_create(users)
    secrets_of_keys = [KEY_PREFIX + secrets.token_hex(14) for _ in range(keys)]
    ApiKey.objects.bulk_create(
        (
            ApiKey(
                owner=users[n % count],
                label="filled",
                digest=digest_key(secret),
                mask="filled",
                algo_acl=["algo://*"],
            )
            for n, secret in enumerate(secrets_of_keys)
        ),
        batch_size=_BATCH,
    )
    environment = Environment.objects.get()
    rows = [
        Algorithm(
            owner=users[n % count],
            name=f"Filled{n}",
            label="filled",
            license="apl",
            source_visibility="closed",
            network_access="isolated",
            pipeline_enabled=True,
            environment=environment,
            environment_form="language",
        )
        for n in range(algorithms)
    ]
    Algorithm.objects.bulk_create(rows, batch_size=_BATCH)
    now = timezone.now()
    for some in _batches(rows, _BATCH // VERSIONS):
        builds = [
            Build(
                algorithm=row,
                commit_sha=secrets.token_hex(20),
                environment=environment,
                state=BuildState.SUCCEEDED,
                finished_at=now,
            )
            for row in some
            for _ in range(VERSIONS)
        ]
        Build.objects.bulk_create(builds)
        Version.objects.bulk_create(
            Version(
                algorithm=build.algorithm,
                build=build,
                major=1,
                minor=number % VERSIONS,
                patch=0,
                callability="public",
                network_access="isolated",
                pipeline_enabled=True,
                published_by=build.algorithm.owner,
            )
            for number, build in enumerate(builds)
        )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    called = [random.choice(rows) for _ in range(calls)]
    versions = itertools.cycle(["", *(f"/1.{minor}.0" for minor in range(VERSIONS))])
    paths = [f"{row.owner.username}/{row.name}{next(versions)}" for row in called]
    return list(zip(random.sample(secrets_of_keys, calls), paths, strict=True))


def _batches(rows: list[T], size: int) -> Iterator[list[T]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


if __name__ == "__main__":
    main()
