"""Reads of the site's configuration: images for everybody, entries for every account."""

from dataclasses import dataclass

from django.db.models import QuerySet
from django.templatetags.static import static
from django.urls import reverse

from algoport.accounts.permissions import Action, Principal, require
from algoport.configuration.constants import DEFAULT_TITLE, KEY_LENGTH, SITE_TITLE, ImageKind
from algoport.configuration.errors import ConfigEntryNotFound
from algoport.configuration.models import FrontendEntry, SiteImage


@dataclass(frozen=True, slots=True)
class Site:
    """How pages present the site; addresses of images change with what is in them."""

    title: str
    favicon: str
    logo: str


def find_image(kind: ImageKind) -> SiteImage | None:
    return SiteImage.objects.filter(pk=kind).first()


def default_image(kind: ImageKind) -> str:
    """The address of the image of a site that has none of its own."""
    return static(f"web/img/{kind}.png")


def entries_for(principal: Principal) -> QuerySet[FrontendEntry]:
    """In the order of their names."""
    require(principal, Action.READ_REFERENCE)
    return FrontendEntry.objects.order_by("keyname")


def get_entry_for(principal: Principal, keyname: str) -> FrontendEntry:
    """Raises ConfigEntryNotFound."""
    require(principal, Action.READ_REFERENCE)
    return get_entry(keyname)


def get_entry(keyname: str) -> FrontendEntry:
    """Raises ConfigEntryNotFound."""
    possible = "\x00" not in keyname and len(keyname) <= KEY_LENGTH
    entry = FrontendEntry.objects.filter(pk=keyname).first() if possible else None
    if entry is None:
        raise ConfigEntryNotFound
    return entry


def get_site() -> Site:
    """Two queries."""
    title = FrontendEntry.objects.filter(pk=SITE_TITLE).values_list("value", flat=True).first()
    digests = dict(SiteImage.objects.values_list("kind", "digest"))

    def address(kind: ImageKind) -> str:
        if kind not in digests:
            return default_image(kind)
        return f"{reverse(f'site-{kind}')}?v={digests[kind]}"

    return Site(title or DEFAULT_TITLE, address(ImageKind.FAVICON), address(ImageKind.LOGO))
