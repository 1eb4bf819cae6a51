"""manage.py first_run: the accounts that a new platform starts with."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction

from algoport.accounts.constants import KeyType
from algoport.accounts.models import User
from algoport.accounts.permissions import Scopes
from algoport.accounts.services import create_default_key, create_key, create_user
from algoport.audit.recording import act


class Command(BaseCommand):
    help = "Create an administrator and the demo account once, and write first-run.json."

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(settings.ALGOPORT_DATA) / "first-run.json"
        if path.exists() or User.objects.exists():
            return
        with transaction.atomic(), act("platform.first_run"):
            made = self._create()
            # The file comes first: accounts whose keys nobody knows would be of no use.
            draft = path.with_suffix(".new")
            draft.unlink(missing_ok=True)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
                json.dump(made, out, indent=2)
                out.write("\n")
            draft.replace(path)

    def _create(self) -> dict[str, str]:
        password, admin_password = secrets.token_urlsafe(12), secrets.token_urlsafe(12)
        admin = create_user(
            username="admin", email="admin@example.com", password=admin_password, staff=True
        )
        demo = create_user(username="demo", email="demo@example.com", password=password)
        create_default_key(owner=admin)
        admin_key = create_key(
            owner=admin, label="admin-key", scopes=Scopes(), key_type=KeyType.ADMIN
        )
        return {
            "url": settings.ALGOPORT_URL,
            "username": demo.username,
            "password": password,
            "api_key": create_default_key(owner=demo).secret,
            "admin_username": admin.username,
            "admin_password": admin_password,
            "admin_api_key": admin_key.secret,
        }
