"""manage.py base_images: make the images of all environments ahead."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from algoport.containers.docker_base import make_from_parent
from algoport.containers.docker_images import Images, tag_of_environment
from algoport.containers.docker_runtime import connect
from algoport.containers.errors import ImageNotMade, IndexNotUsable, RuntimeUnavailable
from algoport.containers.package_index import index_url
from algorithms.environments.templates import RECIPES, list_recipes
from algorithms.running.runtime import environment_root


class Command(BaseCommand):
    help = "Make the images of the environments: from a registry's Python, or this machine's own."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--parent",
            default="python:3.11-slim",
            help="the image to make them of where it is here or a registry has it",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            client = connect()
        except RuntimeUnavailable as exc:
            raise CommandError(str(exc)) from exc
        with client:
            images = Images(client, "", settings.REGISTRY)
            for name in list_recipes():
                try:
                    self._make(images, RECIPES / name, options["parent"])
                except (ImageNotMade, IndexNotUsable) as exc:
                    raise CommandError(str(exc)) from exc

    def _make(self, images: Images, recipe: Path, parent: str) -> None:
        environment = environment_root(recipe.name)
        tag = tag_of_environment(environment)
        if images.exists(tag):
            how = "is there"
        elif make_from_parent(images.client, parent, recipe, tag, {"PIP_INDEX_URL": index_url()}):
            how = f"made of {parent}"
        else:
            images.of_environment(environment)
            how = "made of this machine's Python"
        self.stdout.write(f"{tag}: {how}")
