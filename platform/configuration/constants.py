"""Limits of what administrators configure (spec.md 8)."""

import re
from enum import StrEnum


class ImageKind(StrEnum):
    """The images that a site may have of its own."""

    FAVICON = "favicon"
    LOGO = "logo"


MOST_IMAGE_BYTES = {ImageKind.FAVICON: 128 * 1024, ImageKind.LOGO: 1024 * 1024}
MOST_IMAGE_PIXELS = 4096
KEY_LENGTH = 64
KEY_PATTERN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*[A-Za-z0-9_]\Z")
VALUE_LENGTH = 64 * 1024
MOST_ENTRIES = 500
# The entry that pages have as their title, and the title of a site without it.
SITE_TITLE = "site_title"
DEFAULT_TITLE = "Algoport"
