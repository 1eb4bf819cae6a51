"""manage.py up: run the whole platform in the foreground."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from algoport.launcher.command import HELP, add_options, up


class Command(BaseCommand):
    """For the list of all commands: `manage.py` itself runs this one, without Django."""

    help = HELP
    # They are for developers (make lint), and a start has no time for them.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_options(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        up(options["only"])
