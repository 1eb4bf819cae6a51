"""manage.py create_user NAME --email E [--admin]"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from algoport.accounts.constants import KeyType
from algoport.accounts.permissions import Scopes
from algoport.accounts.services import create_default_key, create_key, create_user
from algoport.audit.recording import act
from algoport.errors import ApiError


class Command(BaseCommand):
    help = "Create an account; the last line is its API key."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--email", required=True)
        parser.add_argument("--password", help="sign-in password (none: sign in by key only)")
        parser.add_argument(
            "--admin", action="store_true", help="an administrator; the key is an admin key"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with transaction.atomic(), act("user.create") as done:
                user = create_user(
                    username=options["name"],
                    email=options["email"],
                    password=options["password"],
                    staff=options["admin"],
                )
                done.target = user
                key = create_default_key(owner=user)
                if options["admin"]:
                    key = create_key(
                        owner=user, label="admin-key", scopes=Scopes(), key_type=KeyType.ADMIN
                    )
        except ApiError as exc:
            raise CommandError(exc.text) from exc
        self.stderr.write(f"created {user.username}; its key, shown this once:")
        self.stdout.write(key.secret)
