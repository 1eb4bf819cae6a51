"""manage.py up: run the whole platform in the foreground."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from algoport.launcher.errors import StartRefused, StepFailed
from algoport.launcher.launcher import run_platform


class Command(BaseCommand):
    help = "Start the platform and everything it needs; Ctrl-C stops it."
    # They are for developers (make lint), and a start has no time for them.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run_platform(settings.ROOT)
        except StartRefused as exc:
            sys.exit(f"algoport: {exc}")
        except StepFailed:
            sys.exit(1)
