"""Where a notification may lead: to a page of this site, or to another by https."""

import re
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator

from algoport.notifications.constants import LINK_LENGTH
from algoport.notifications.errors import InvalidNotification

# A second slash would begin the name of another site; browsers take a backslash for one.
_PATH = re.compile(r"/(?!/)")
_CHARACTERS = re.compile(r"[!-\[\]-~]*\Z")
_is_url = URLValidator(["https"])


def check_link(link: str) -> None:
    """An empty one is none. Raises InvalidNotification."""
    if len(link) > LINK_LENGTH or not _CHARACTERS.match(link) or not _leads_somewhere(link):
        raise InvalidNotification(
            reason="its link is a path of this site, which begins with /, or a URL with https, "
            f"of at most {LINK_LENGTH} characters"
        )


def _leads_somewhere(link: str) -> bool:
    return not link or bool(_PATH.match(link)) or _is_elsewhere(link)


def _is_elsewhere(link: str) -> bool:
    try:
        _is_url(link)
        parts = urlsplit(link)
    except (ValidationError, ValueError):
        return False
    return parts.username is None
