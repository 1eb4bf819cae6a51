"""Tags: words by which an owner says what an algorithm is about."""

import re

from algoport.errors import InputValidationError
from algorithms.constants import MOST_TAGS, TAG_LENGTH

_TAG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")


def parse_tags(text: str) -> list[str]:
    """What somebody wrote with commas between tags: each once, in lower case, words joined."""
    written = ("-".join(each.lower().split()) for each in text.split(","))
    return list(dict.fromkeys(filter(None, written)))


def check_tags(tags: list[str]) -> None:
    """Raises InputValidationError."""
    if len(tags) > MOST_TAGS:
        raise InputValidationError(f"tags: an algorithm has at most {MOST_TAGS}.")
    for tag in tags:
        check_tag(tag)


def check_tag(tag: str) -> None:
    """Raises InputValidationError."""
    if len(tag) > TAG_LENGTH or not _TAG.match(tag):
        raise InputValidationError(
            f"tags: {tag[:TAG_LENGTH]!r} is no tag. A tag has at most {TAG_LENGTH} characters: "
            "lower-case letters, digits, and hyphens between them."
        )
