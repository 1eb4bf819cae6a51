"""Admin endpoints: features, reservations, deleting (spec.md 3.12, 3.13, 3.15)."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import MayAdminister
from algoport.accounts.errors import UserNotFound
from algoport.api import strict
from algoport.api.description import refusals
from algoport.api.fields import OneOf
from algoport.http.asgi import parse_boolean
from algorithms.api.shapes import FeatureShape, ReservationShape
from algorithms.constants import MOST_SLOTS_OF_RESERVATION, ReservedVersion
from algorithms.errors import (
    AlgorithmNotFound,
    FeatureNotFound,
    PublicVersionsExist,
    ReservationNotFound,
    ReservedForItsOwnerOnly,
    TooManyReservedSlots,
    VersionDoesNotExist,
)
from algorithms.features.switching import features, switch_feature
from algorithms.models import Reservation
from algorithms.running.reservations import (
    IDENTIFIERS,
    ReservationRequest,
    commits_of,
    create_reservation,
    delete_reservation,
    reservations,
)
from algorithms.selectors import get_algorithm
from algorithms.services import delete_algorithm, force_delete

_USERNAME = OpenApiParameter("username", str, description="A user or an organization.")


class AdministrationView(APIView):
    permission_classes = [MayAdminister]


class FeatureSerializer(serializers.Serializer[Any]):
    enabled = strict.BooleanField()


class FeatureListView(AdministrationView):
    @extend_schema(
        parameters=[_USERNAME],
        responses={200: FeatureShape(many=True), **refusals(UserNotFound)},
    )
    def get(self, request: Request) -> Response:
        """List features: as the site has them, or the account of `username`."""
        switched = features(request.query_params.get("username"))
        return Response([{"name": name, "enabled": on} for name, on in switched.items()])


class FeatureView(AdministrationView):
    @extend_schema(
        parameters=[_USERNAME],
        request=FeatureSerializer,
        responses={204: None, **refusals(FeatureNotFound, UserNotFound)},
    )
    def put(self, request: Request, name: str) -> Response:
        """Switch a feature for the whole site, or for the account of `username`."""
        given = FeatureSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        switch_feature(
            name=name,
            enabled=given.validated_data["enabled"],
            username=request.query_params.get("username"),
        )
        return Response(status=204)


# By the kind of version, how its identifier looks.
_IDENTIFIED: list[dict[str, Any]] = [
    {
        "properties": {
            "version_type": {"enum": [str(kind)]},
            "version_identifier": {"pattern": pattern.replace(r"\Z", "$")},
        },
        "required": ["version_identifier"],
    }
    for kind, (pattern, _) in IDENTIFIERS.items()
]
_IDENTIFIED.append(
    {
        "properties": {
            "version_type": {
                "enum": [name for name in ReservedVersion.values if name not in IDENTIFIERS]
            },
            "version_identifier": {"maxLength": 0},
        }
    }
)


class ReservationSerializer(serializers.Serializer[Any]):
    together: ClassVar[dict[str, Any]] = {"anyOf": _IDENTIFIED}

    username = strict.CharField()
    algoname = strict.CharField()
    calling_user = strict.CharField()
    version_type = OneOf(ReservedVersion.choices)
    num_slots = strict.IntegerField(min_value=1, max_value=MOST_SLOTS_OF_RESERVATION)
    version_identifier = strict.CharField(required=False, allow_blank=True)

    def asked(self) -> ReservationRequest:
        given = self.validated_data
        return ReservationRequest(
            owner=given["username"],
            name=given["algoname"],
            caller=given["calling_user"],
            version_type=given["version_type"],
            num_slots=given["num_slots"],
            version_identifier=given.get("version_identifier", ""),
        )


class ReservationListView(AdministrationView):
    @extend_schema(
        responses=ReservationShape(many=True),
    )
    def get(self, request: Request) -> Response:
        """List the reservations of runners."""
        rows = list(reservations())
        commits = commits_of(rows)
        return Response([reservation_body(row, commits.get(row.pk, "")) for row in rows])

    @extend_schema(
        request=ReservationSerializer,
        responses={
            200: ReservationShape,
            **refusals(
                AlgorithmNotFound,
                UserNotFound,
                VersionDoesNotExist,
                ReservedForItsOwnerOnly,
                TooManyReservedSlots,
            ),
        },
    )
    def post(self, request: Request) -> Response:
        """Keep runners ready for a caller."""
        given = ReservationSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        reservation = create_reservation(asked=given.asked())
        commits = commits_of([reservation])
        return Response(reservation_body(reservation, commits.get(reservation.pk, "")))


class ReservationView(AdministrationView):
    @extend_schema(
        responses={200: None, **refusals(ReservationNotFound)},
    )
    def delete(self, request: Request, reservation_id: str) -> Response:
        """Delete a reservation."""
        delete_reservation(reservation_id=reservation_id)
        return Response()


class AlgorithmView(AdministrationView):
    @extend_schema(
        parameters=[OpenApiParameter("force", bool)],
        responses={204: None, **refusals(AlgorithmNotFound, PublicVersionsExist)},
    )
    def delete(self, request: Request, owner: str, name: str) -> Response:
        """Delete anybody's algorithm, with `force` whoever may call it."""
        algorithm = get_algorithm(owner, name)
        if parse_boolean([request.query_params.get("force")]):
            force_delete(algorithm=algorithm)
        else:
            delete_algorithm(algorithm=algorithm)
        return Response(status=204)


def reservation_body(reservation: Reservation, commit_sha: str) -> dict[str, Any]:
    """`version_hash` is the commit that is kept ready now, empty when there is none."""
    algorithm, caller = reservation.algorithm, reservation.caller
    return {
        "reservation_id": str(reservation.pk),
        "billable_to": caller.username,
        "billable_to_uuid": str(caller.pk),
        "algoname": algorithm.name,
        "username": algorithm.owner.username,
        "version_type": reservation.version_type,
        "num_slots": reservation.num_slots,
        "algo_id": str(algorithm.pk),
        "algorithm_id": str(algorithm.pk),
        "version_hash": commit_sha,
    }
