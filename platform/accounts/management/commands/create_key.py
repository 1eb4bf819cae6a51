"""manage.py create_key NAME [--admin] [scopes]"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from algoport.accounts.constants import KeyType
from algoport.accounts.models import User
from algoport.accounts.permissions import Scopes
from algoport.accounts.services import create_key
from algoport.errors import ApiError


class Command(BaseCommand):
    help = "Create an API key for an account; the last line is the key, alone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the account")
        parser.add_argument("--label", default="key")
        parser.add_argument("--admin", action="store_true", help="for the admin endpoints only")
        parser.add_argument(
            "--algo",
            action="append",
            default=[],
            metavar="PATTERN",
            help="may call: algo://*, algo://OWNER/* or algo://OWNER/NAME (repeatable)",
        )
        parser.add_argument("--manage", action="store_true", help="may manage its algorithms")
        parser.add_argument("--data", choices=("none", "read", "write"), default="none")

    def handle(self, *args: Any, **options: Any) -> None:
        owner = User.objects.named(options["name"]).filter(is_active=True).first()
        if owner is None:
            raise CommandError(f"there is no account {options['name']!r}")
        scopes = Scopes(
            algo_acl=tuple(options["algo"]),
            management=options["manage"],
            native_calls=True,
            data_read=options["data"] != "none",
            data_write=options["data"] == "write",
        )
        key_type = KeyType.ADMIN if options["admin"] else KeyType.STANDARD
        try:
            key = create_key(owner=owner, label=options["label"], scopes=scopes, key_type=key_type)
        except ApiError as exc:
            raise CommandError(exc.text) from exc
        self.stdout.write(key.secret)
