"""manage.py verify_audit [--checkpoint NUMBER:HASH] [--former-secrets FILE]"""

import re
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from time import perf_counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from algoport.audit.checkpoints import Checkpoint
from algoport.audit.verification import Verification

_CHECKPOINT = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})\Z", re.ASCII)
_MOST_LINES = 1_000


class Command(BaseCommand):
    help = (
        "Find what was edited, removed, moved or cut off in the audit trail: a line for each, and"
        " then a summary; the exit status is 1 when something is wrong. The platform may be"
        " running."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--checkpoint",
            action="append",
            default=[],
            type=_noted,
            metavar="NUMBER:HASH",
            help="where the trail once ended, as the platform's log tells it (repeatable)",
        )
        parser.add_argument(
            "--former-secrets",
            type=Path,
            metavar="FILE",
            help="former values of ALGOPORT_SECRET_KEY, one a line",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        noted = sorted(options["checkpoint"], key=lambda each: each.number)
        verification = Verification(_secrets_of(options["former_secrets"]), tuple(noted))
        began, found = perf_counter(), 0
        for finding in verification.findings():
            found += 1
            if found <= _MOST_LINES:
                self.stdout.write(finding)
        summary = (
            f"{verification.entries} entries and {verification.checkpoints} checkpoints read in"
            f" {perf_counter() - began:.1f} s"
        )
        if found:
            raise CommandError(f"{summary}: {found} things are wrong")
        self.stdout.write(f"{summary}: the trail is whole")
        if verification.vouched < verification.entries:
            self.stdout.write(
                f"no checkpoint speaks of the entries after {verification.vouched}: workers write"
                " one every few seconds"
            )


def _noted(text: str) -> Checkpoint:
    match = _CHECKPOINT.match(text)
    if match is None:
        raise ArgumentTypeError("expected NUMBER:HASH")
    return Checkpoint(int(match[1]), match[2], "when the checkpoint was noted")


def _secrets_of(path: Path | None) -> tuple[str, ...]:
    if path is None:
        return ()
    try:
        return tuple(line.strip() for line in path.read_text().splitlines() if line.strip())
    except OSError as exc:
        raise CommandError(f"{path} cannot be read: {exc}") from exc
