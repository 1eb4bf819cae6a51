"""Keys of accounts and organizations, for administrators (spec.md 2.3)."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algoport.accounts.api.authentication import MayAdminister
from algoport.accounts.constants import KeyType
from algoport.accounts.models import ApiKey, User
from algoport.accounts.permissions import Scopes
from algoport.accounts.selectors import get_user, keys_of
from algoport.accounts.services import create_key
from algoport.api.timestamps import to_milliseconds

# What the protocol once called an admin key.
_FORMER_TYPE = "ManagementKey"


class PermissionsSerializer(serializers.Serializer[Any]):
    """What a key may be used for; nothing by default."""

    algo_acl = serializers.ListField(child=serializers.CharField(max_length=200), default=list)
    allow_algo_management = serializers.BooleanField(default=False)
    allow_algo = serializers.BooleanField(default=False)
    allow_web_algo = serializers.BooleanField(default=False)
    referer_host = serializers.CharField(
        max_length=200, required=False, allow_blank=True, allow_null=True, default=""
    )
    allow_data = serializers.BooleanField(default=False)
    allow_data_write = serializers.BooleanField(default=False)


class KeySerializer(serializers.Serializer[Any]):
    """A key to be made. `api_key` is one that clients have already, and is taken over as it is."""

    key_label = serializers.CharField(max_length=100)
    key_type = serializers.ChoiceField(
        choices=[*KeyType.values, _FORMER_TYPE], default=KeyType.STANDARD
    )
    permissions = PermissionsSerializer(required=False)
    api_key = serializers.CharField(
        required=False, default=None, max_length=100, trim_whitespace=False
    )


class UserKeyListView(APIView):
    permission_classes = [MayAdminister]

    def get(self, request: Request, username: str) -> Response:
        user = get_user(username)
        return Response([key_body(key, user) for key in keys_of(user)])

    def post(self, request: Request, username: str) -> Response:
        return Response(make_key(request, get_user(username)))


def make_key(request: Request, owner: User) -> dict[str, Any]:
    """Make the key that is asked for and tell it, for this once.

    Raises InvalidKeyScope, KeyAlreadyExists.
    """
    serializer = KeySerializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    given = serializer.validated_data
    allowed = given.get("permissions") or PermissionsSerializer(data={}).to_internal_value({})
    scopes = Scopes(
        algo_acl=tuple(allowed["algo_acl"]),
        management=allowed["allow_algo_management"],
        native_calls=allowed["allow_algo"],
        web_calls=allowed["allow_web_algo"],
        referer_host=allowed["referer_host"] or "",
        data_read=allowed["allow_data"],
        data_write=allowed["allow_data_write"],
    )
    kind = KeyType.STANDARD if given["key_type"] == KeyType.STANDARD else KeyType.ADMIN
    key = create_key(
        owner=owner,
        label=given["key_label"],
        scopes=scopes,
        key_type=kind,
        secret=given["api_key"],
    )
    return key_body(key.row, owner, key.secret)


def key_body(key: ApiKey, owner: User, secret: str | None = None) -> dict[str, Any]:
    """A key; later than when it is made, its mask is all that is known of it."""
    return {
        "username": owner.username,
        "owner_name": owner.username,
        "key_label": key.label,
        "key_type": key.key_type,
        "created_at": to_milliseconds(key.created_at),
        "api_key_mask": key.mask,
        "api_key": secret or key.mask,
        "permissions": {
            "algo_acl": key.algo_acl,
            "allow_algo_management": key.allow_algo_management,
            "allow_algo": key.allow_algo,
            "allow_web_algo": key.allow_web_algo,
            "referer_host": key.referer_host,
            "allow_data": key.allow_data,
            "allow_data_write": key.allow_data_write,
        },
    }
