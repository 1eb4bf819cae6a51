"""The command `up`: what `manage.py` runs without loading Django's apps."""

import argparse
import sys
from collections.abc import Collection, Sequence

from django.conf import settings

from algoport.launcher.errors import StartRefused, StepFailed
from algoport.launcher.launcher import PARTS, run_platform

HELP = "Start the platform and everything it needs; Ctrl-C stops it."


def main(arguments: Sequence[str]) -> None:
    """Run the platform as these arguments of the command line say."""
    parser = argparse.ArgumentParser(prog="manage.py up", description=HELP)
    add_options(parser)
    up(parser.parse_args(arguments).only)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--only",
        nargs="+",
        choices=PARTS,
        default=PARTS,
        help="what to run on this one of several hosts (docs/operations.md); beat runs on one",
    )


def up(only: Collection[str]) -> None:
    """Run these parts until a signal stops them; a start that is refused exits with the reason."""
    try:
        run_platform(settings.ROOT, frozenset(only))
    except StartRefused as exc:
        sys.exit(f"algoport: {exc}")
    except StepFailed:
        sys.exit(1)
