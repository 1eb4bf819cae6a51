#!/usr/bin/env python
"""Command line of the platform: `python manage.py help` lists its commands."""

import os
import sys

import algoport  # noqa: F401  (makes platform/ importable before Django looks for settings)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "algoport.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as exc:
        sys.exit(f"algoport: {exc}")


if __name__ == "__main__":
    main()
