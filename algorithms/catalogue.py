"""The catalogue: all algorithms that a principal may see, to be searched, filtered and ordered.

What is seen is what `can` says of SEE_ALGORITHM, as a condition of the database.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import CharField, F, Func, OuterRef, Q, Subquery, Value
from django.db.models.functions import Concat, Lower

from algoport.accounts.permissions import Principal
from algorithms.models import Algorithm, Environment, Version
from algorithms.querysets import AlgorithmQuerySet, is_public
from algorithms.selectors import all_algorithms

# What a search looks at: OWNER/NAME, label, tagline and tags.
_TEXT = Lower(
    Concat(
        F("owner__username"),
        Value("/"),
        F("name"),
        Value(" "),
        F("label"),
        Value(" "),
        F("tagline"),
        Value(" "),
        Func(F("tags"), Value(" "), function="array_to_string", output_field=CharField()),
        output_field=CharField(),
    )
)
_MOST_WORDS = 8
MINE, ORGANIZATIONS, PUBLIC = "mine", "organizations", "public"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the catalogue is wanted; "" is everything. `environment` and `category` name one by
    its name and its tag.
    """

    words: str = ""
    whose: str = ""
    environment: str = ""
    category: str = ""


def catalogue_of(principal: Principal, wanted: Wanted) -> AlgorithmQuerySet:
    """The algorithms that `principal` may see; `name_key` is what they are ordered by."""
    own = _accounts_of(principal)
    rows = all_algorithms().alias(name_key=Lower("name"))
    if wanted.whose == MINE:
        rows = rows.filter(owner=principal.user_id)
    elif wanted.whose == ORGANIZATIONS:
        rows = rows.filter(owner__in=principal.member_of)
    elif wanted.whose == PUBLIC:
        rows = rows.filter(has_public_version=True)
    else:
        rows = rows.filter(Q(owner__in=own) | Q(has_public_version=True))
    if wanted.environment:
        rows = rows.filter(environment__name=wanted.environment)
    if wanted.category:
        rows = rows.filter(tags__contains=[wanted.category])
    words = wanted.words.lower().split()[:_MOST_WORDS]
    if words:
        rows = rows.alias(text=_TEXT)
    for word in words:
        rows = rows.filter(text__contains=word)
    return rows


def newest_versions(principal: Principal, algorithms: Iterable[Algorithm]) -> dict[UUID, Version]:
    """Of each algorithm that has one, the version with the highest number that may be seen.

    Two queries; by the algorithms' ids.
    """
    seen = Q(algorithm__owner__in=_accounts_of(principal)) | is_public()
    rows = Version.objects.filter(seen, algorithm=OuterRef("pk"))
    newest = Subquery(rows.order_by("-major", "-minor", "-patch").values("pk")[:1])
    of_each = Algorithm.objects.filter(pk__in=[each.pk for each in algorithms])
    ids = list(of_each.annotate(newest=newest).values_list("newest", flat=True))
    found = Version.objects.filter(pk__in=ids).select_related("approval", "build")
    return {version.algorithm_id: version for version in found}


def catalogue_environments() -> list[tuple[str, str]]:
    """Names of environments, and how readers know them."""
    return list(Environment.objects.order_by("display_name").values_list("name", "display_name"))


def _accounts_of(principal: Principal) -> set[UUID]:
    """Those for which `principal.acts_for` is true."""
    return {*principal.member_of, *filter(None, (principal.user_id,))}
