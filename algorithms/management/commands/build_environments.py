"""manage.py build_environments: make the root file systems that algorithms run in."""

from typing import Any

from django.core.management.base import BaseCommand

from algorithms.models import Environment
from algorithms.running.runtime import environment_root


class Command(BaseCommand):
    help = "Build the environments that are not there yet (about 20 s the first time)."

    def handle(self, *args: Any, **options: Any) -> None:
        for recipe in Environment.objects.values_list("recipe", flat=True).distinct():
            self.stdout.write(f"{recipe}: {environment_root(recipe)}")
