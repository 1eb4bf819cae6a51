"""manage.py up: run the whole platform in the foreground."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from algoport.launcher.errors import StartRefused, StepFailed
from algoport.launcher.launcher import PARTS, run_platform


class Command(BaseCommand):
    help = "Start the platform and everything it needs; Ctrl-C stops it."
    # They are for developers (make lint), and a start has no time for them.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--only",
            nargs="+",
            choices=PARTS,
            default=PARTS,
            help="what to run on this one of several hosts (docs/operations.md); beat runs on one",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run_platform(settings.ROOT, frozenset(options["only"]))
        except StartRefused as exc:
            sys.exit(f"algoport: {exc}")
        except StepFailed:
            sys.exit(1)
