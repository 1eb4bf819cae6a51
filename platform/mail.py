"""Mail of a platform that has no mail server: files that its operator reads."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail.backends.filebased import EmailBackend


def is_sent() -> bool:
    """Whether mail leaves the platform; links that people need to come in are written anyway."""
    folder = f"{FolderBackend.__module__}.{FolderBackend.__name__}"
    return bool(folder != settings.EMAIL_BACKEND)


class FolderBackend(EmailBackend):
    """A file for each process that sends, in the data folder, where nobody else may look."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # SECURITY: the links in these mails are as good as a password.
        folder = Path(settings.MAIL_FOLDER)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        super().__init__(*args, file_path=folder, **kwargs)
