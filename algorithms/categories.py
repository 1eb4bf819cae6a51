"""Categories of the catalogue, which administrators curate (spec.md 3.16, 8)."""

from dataclasses import asdict, dataclass
from uuid import UUID

from django.db import connection, transaction

from algoport.audit.recording import act
from algorithms.constants import MOST_CATEGORIES
from algorithms.errors import CategoryNotFound, InvalidCategory
from algorithms.models import Category
from algorithms.tags import check_tag


@dataclass(frozen=True, slots=True)
class CategoryFields:
    """What a category is to be; a position beyond the last is the last."""

    title: str
    tagline: str
    tag: str
    description: str
    position: int


def categories() -> list[Category]:
    """All of them, in their order; a description is read when it is asked for."""
    return list(Category.objects.defer("description").order_by("position"))


@transaction.atomic
def create_category(*, given: CategoryFields) -> Category:
    """Insert one at its position, before those that have that or a later one.

    Raises InvalidCategory, InputValidationError.
    """
    rows = _locked()
    if len(rows) >= MOST_CATEGORIES:
        raise InvalidCategory(reason=f"there are {MOST_CATEGORIES} already; delete one before")
    _check(given, rows)
    with act("category.create") as done:
        row = Category(**asdict(given) | {"position": len(rows)})
        row.save(force_insert=True)
        _number([*rows, row], row, given.position)
        done.target = row
    return row


@transaction.atomic
def update_category(*, category_id: UUID, given: CategoryFields) -> Category:
    """Raises CategoryNotFound, InvalidCategory, InputValidationError."""
    rows = _locked()
    row = _named(rows, category_id)
    _check(given, [each for each in rows if each != row])
    with act("category.update", row) as done:
        position = min(given.position, len(rows) - 1)
        wanted = asdict(given) | {"position": position}
        if wanted == {name: getattr(row, name) for name in wanted}:
            done.nothing()
            return row
        for name in ("title", "tagline", "tag", "description"):
            setattr(row, name, wanted[name])
        row.save()
        _number(rows, row, position)
    return row


@transaction.atomic
def delete_category(*, category_id: UUID) -> None:
    """Algorithms keep the tag. Raises CategoryNotFound."""
    rows = _locked()
    row = _named(rows, category_id)
    with act("category.delete", row) as done:
        rows.remove(row)
        row.delete()
        _renumber(rows)
        done.removed()


def _locked() -> list[Category]:
    """All rows in their order, which nobody else changes in this transaction."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE algorithms_category IN SHARE ROW EXCLUSIVE MODE")
    return list(Category.objects.order_by("position"))


def _named(rows: list[Category], category_id: UUID) -> Category:
    row = next((each for each in rows if each.pk == category_id), None)
    if row is None:
        raise CategoryNotFound
    return row


def _check(given: CategoryFields, others: list[Category]) -> None:
    check_tag(given.tag)
    if given.position < 0:
        raise InvalidCategory(reason="positions begin with 0")
    taken = next((each for each in others if each.tag == given.tag), None)
    if taken is not None:
        raise InvalidCategory(reason=f"{taken} is the category of the tag {given.tag} already")


def _number(rows: list[Category], moved: Category, position: int) -> None:
    """Put one of the rows to its position, and the others around it."""
    others = [each for each in rows if each != moved]
    others.insert(position, moved)
    _renumber(others)


def _renumber(rows: list[Category]) -> None:
    moved = []
    for number, row in enumerate(rows):
        if row.position != number:
            row.position = number
            moved.append(row)
    Category.objects.bulk_update(moved, ["position"])
