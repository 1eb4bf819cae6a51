#!/usr/bin/env python
"""Command line of the platform: `python manage.py help` lists its commands."""

import os
import sys

import algoport  # noqa: F401  (makes platform/ importable before Django looks for settings)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "algoport.settings")
    from django.core.exceptions import ImproperlyConfigured

    try:
        if sys.argv[1:2] == ["up"]:
            # It stays for as long as the platform runs, and needs no app: 60 MiB less.
            from algoport.launcher.command import main as up

            up(sys.argv[2:])
        else:
            from django.core.management import execute_from_command_line

            execute_from_command_line(sys.argv)
    except ImproperlyConfigured as exc:
        sys.exit(f"algoport: {exc}")


if __name__ == "__main__":
    main()
