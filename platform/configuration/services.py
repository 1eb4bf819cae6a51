"""Writes of the site's configuration; administrators make them."""

import hashlib

from django.db import connection, transaction

from algoport.audit.recording import act
from algoport.configuration.constants import (
    KEY_LENGTH,
    KEY_PATTERN,
    MOST_ENTRIES,
    MOST_IMAGE_BYTES,
    VALUE_LENGTH,
    ImageKind,
)
from algoport.configuration.errors import (
    FaviconSizeLimitExceeded,
    InvalidConfigEntry,
    LogoSizeLimitExceeded,
)
from algoport.configuration.images import content_type_of
from algoport.configuration.models import FrontendEntry, SiteImage
from algoport.configuration.selectors import get_entry

_TOO_LARGE = {
    ImageKind.FAVICON: FaviconSizeLimitExceeded,
    ImageKind.LOGO: LogoSizeLimitExceeded,
}


@transaction.atomic
def set_image(*, kind: ImageKind, content: bytes) -> SiteImage:
    """Have an image in place of the default one.

    Raises InvalidFileUpload, FaviconSizeLimitExceeded, LogoSizeLimitExceeded.
    """
    limit = MOST_IMAGE_BYTES[kind]
    if len(content) > limit:
        error = _TOO_LARGE[kind]
        raise error(f"{error.message} It may have {limit} bytes.")
    values = {
        "content_type": content_type_of(content),
        "content": content,
        "digest": hashlib.sha256(content).hexdigest()[:16],
    }
    with act(f"{kind}.set", SiteImage.objects.filter(pk=kind).first()) as done:
        image, _ = SiteImage.objects.update_or_create(pk=kind, defaults=values)
        done.target = image
    return image


@transaction.atomic
def reset_image(*, kind: ImageKind) -> None:
    """Have the default image again."""
    image = SiteImage.objects.filter(pk=kind).first()
    with act(f"{kind}.reset", image) as done:
        if image is None:
            done.nothing()
        else:
            image.delete()
            done.removed()


@transaction.atomic
def set_entry(*, keyname: str, value: str) -> FrontendEntry:
    """Make or change an entry. Raises InvalidConfigEntry."""
    if not KEY_PATTERN.match(keyname) or len(keyname) > KEY_LENGTH:
        raise InvalidConfigEntry(
            reason="a keyname has letters, digits, `_`, `.` and `-`, begins and ends with none of"
            f" the last two, and has 2 to {KEY_LENGTH} characters"
        )
    if len(value) > VALUE_LENGTH:
        raise InvalidConfigEntry(reason=f"a value has at most {VALUE_LENGTH} characters")
    with connection.cursor() as cursor:
        # Two at once would each find the room that there is for one.
        cursor.execute("LOCK TABLE configuration_frontendentry IN SHARE ROW EXCLUSIVE MODE")
    others = FrontendEntry.objects.exclude(pk=keyname)
    if others.count() >= MOST_ENTRIES:
        raise InvalidConfigEntry(reason=f"there are {MOST_ENTRIES} already; delete one before")
    with act("frontend_entry.set", FrontendEntry.objects.filter(pk=keyname).first()) as done:
        entry, _ = FrontendEntry.objects.update_or_create(pk=keyname, defaults={"value": value})
        done.target = entry
    return entry


@transaction.atomic
def delete_entry(*, keyname: str) -> None:
    """Raises ConfigEntryNotFound."""
    entry = get_entry(keyname)
    with act("frontend_entry.delete", entry) as done:
        entry.delete()
        done.removed()
