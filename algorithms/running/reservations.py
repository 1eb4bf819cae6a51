"""Reservations: what administrators have kept ready, and which builds that means now."""

import re
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet, Sum

from algoport.accounts.authentication import principal_of_user, principals_of_users
from algoport.accounts.permissions import Principal
from algoport.accounts.selectors import get_account
from algoport.audit.recording import act
from algoport.db.changes import announce_change
from algoport.errors import InputValidationError, NotAuthorized
from algorithms.constants import (
    MOST_RESERVED_SLOTS,
    MOST_SLOTS_OF_RESERVATION,
    ReservedVersion,
)
from algorithms.errors import (
    AlgorithmNotFound,
    CalledAlgorithmNotFound,
    ReservationNotFound,
    ReservedForItsOwnerOnly,
    TooManyReservedSlots,
    VersionDoesNotExist,
)
from algorithms.models import Algorithm, Build, Reservation
from algorithms.running.groups import Reserved
from algorithms.running.invocation import route_of
from algorithms.running.program import loader_for
from algorithms.selectors import Target, resolve_call

_OWNERS = (
    ReservedVersion.LATEST_PRIVATE,
    ReservedVersion.LATEST_COMPILED,
    ReservedVersion.SPECIFIC_HASH,
)
IDENTIFIERS = {
    ReservedVersion.SPECIFIC_SEMANTIC: (r"^[0-9]{1,9}(\.[0-9]{1,9}){2}\Z", "a number like 1.2.3"),
    ReservedVersion.SPECIFIC_HASH: (r"^[0-9a-fA-F]{40}\Z", "a commit of 40 hexadecimal digits"),
}


@dataclass(frozen=True)
class ReservationRequest:
    """What an administrator asks for, as given."""

    owner: str
    name: str
    caller: str
    version_type: str
    num_slots: int
    version_identifier: str = ""


def reservations() -> QuerySet[Reservation]:
    """All of them, oldest first; there are at most MOST_RESERVED_SLOTS."""
    rows = Reservation.objects.select_related("algorithm__owner", "caller")
    return rows.order_by("created_at", "id")


def commits_of(rows: list[Reservation]) -> dict[UUID, str]:
    """The commit that each reservation means now, by its id; those without one are left out."""
    callers = principals_of_users(row.caller for row in rows)
    targets = {row.pk: _resolve(row, callers[row.caller_id]) for row in rows}
    wanted = {target.build_id for target in targets.values() if target is not None}
    commits = dict(Build.objects.filter(pk__in=wanted).values_list("id", "commit_sha"))
    return {
        pk: commits[target.build_id]
        for pk, target in targets.items()
        if target is not None and target.build_id in commits
    }


def resolve_reservations() -> list[Reserved]:
    """The runners to keep, for a pool; a reservation that means no build now is left out.

    A few queries for each reservation.
    """
    found = []
    rows = list(reservations())
    callers = principals_of_users(row.caller for row in rows)
    for reservation in rows:
        caller = callers[reservation.caller_id]
        target = _resolve(reservation, caller)
        if target is not None:
            route = route_of(target, caller)
            loader = loader_for(route.identity)
            found.append(Reserved(route.program, loader, reservation.num_slots))
    return found


@transaction.atomic
def create_reservation(*, asked: ReservationRequest) -> Reservation:
    """Keep runners ready from now on.

    Raises AlgorithmNotFound, UserNotFound, VersionDoesNotExist, TooManyReservedSlots and
    InputValidationErrors.
    """
    _check(asked)
    named = Algorithm.objects.named(asked.owner, asked.name)
    algorithm = named.select_related("owner").first()
    if algorithm is None:
        raise AlgorithmNotFound
    caller = get_account(asked.caller)
    reservation = Reservation(
        algorithm=algorithm,
        caller=caller,
        version_type=asked.version_type,
        version_identifier=asked.version_identifier,
        num_slots=asked.num_slots,
    )
    if _resolve(reservation, principal_of_user(caller)) is None:
        if asked.version_type in _OWNERS and caller.pk != algorithm.owner_id:
            raise ReservedForItsOwnerOnly(version_type=asked.version_type, caller=caller.username)
        raise VersionDoesNotExist
    _check_room(asked.num_slots)
    with act("reservation.create") as done:
        reservation.save(force_insert=True)
        done.target = reservation
    announce_change()
    return reservation


@transaction.atomic
def delete_reservation(*, reservation_id: str) -> None:
    """Let its runners go when they are not called any more. Raises ReservationNotFound."""
    try:
        identifier = UUID(reservation_id)
    except ValueError as exc:
        raise ReservationNotFound from exc
    reservation = reservations().filter(pk=identifier).first()
    if reservation is None:
        raise ReservationNotFound
    with act("reservation.delete", reservation) as done:
        reservation.delete()
        done.removed()
    announce_change()


def _check(asked: ReservationRequest) -> None:
    if "\x00" in asked.owner + asked.name + asked.caller:
        raise InputValidationError("A name has no NUL in it.")
    if asked.version_type not in ReservedVersion.values:
        choices = ", ".join(ReservedVersion.values)
        raise InputValidationError(f"version_type: choose one of {choices}.")
    if not 1 <= asked.num_slots <= MOST_SLOTS_OF_RESERVATION:
        raise InputValidationError(
            f"num_slots: a whole number from 1 to {MOST_SLOTS_OF_RESERVATION}."
        )
    pattern, described = IDENTIFIERS.get(ReservedVersion(asked.version_type), (r"^\Z", "empty"))
    if not re.match(pattern, asked.version_identifier):
        raise InputValidationError(
            f"version_identifier: with version_type {asked.version_type} it is {described}."
        )


def _check_room(num_slots: int) -> None:
    with connection.cursor() as cursor:
        # Two at once would each find the room that there is for one.
        cursor.execute("LOCK TABLE algorithms_reservation IN SHARE ROW EXCLUSIVE MODE")
    taken = Reservation.objects.aggregate(taken=Sum("num_slots"))["taken"] or 0
    if taken + num_slots > MOST_RESERVED_SLOTS:
        raise TooManyReservedSlots(limit=MOST_RESERVED_SLOTS, reserved=taken)


def _resolve(reservation: Reservation, caller: Principal) -> Target | None:
    """What the caller's call of this version would run now."""
    algorithm, version = reservation.algorithm, _version_of(reservation)
    if version is None or not reservation.caller.is_active:
        return None
    try:
        return resolve_call(caller, algorithm.owner.username, algorithm.name, version)
    except (CalledAlgorithmNotFound, NotAuthorized):
        return None


def _version_of(reservation: Reservation) -> str | None:
    """The version as a call names it; None when nothing was compiled yet."""
    if reservation.version_type == ReservedVersion.LATEST_PUBLIC:
        return "latest"
    if reservation.version_type == ReservedVersion.LATEST_PRIVATE:
        return "latestPrivate"
    if reservation.version_type == ReservedVersion.LATEST_COMPILED:
        builds = Build.objects.filter(algorithm=reservation.algorithm_id).succeeded()
        newest = builds.newest_first().first()
        return None if newest is None else str(newest.commit_sha)
    return reservation.version_identifier
