"""Keys as their owners read them."""

from django import template

from algoport.accounts.constants import KeyType
from algoport.accounts.models import ApiKey

register = template.Library()

_ALL = "algo://*"


@register.filter
def scopes(key: ApiKey) -> list[str]:
    """What a key may be used for, in words."""
    if key.key_type == KeyType.ADMIN:
        return ["Administers the platform"]
    said = [*_calls(key), *_data(key)]
    if key.allow_algo_management:
        said.append("Manages algorithms, keys and what else is the account's")
    return said or ["May do nothing"]


def _calls(key: ApiKey) -> list[str]:
    places = []
    if key.allow_algo:
        places.append("programs")
    if key.allow_web_algo:
        places.append(f"pages of {key.referer_host}" if key.referer_host else "any web page")
    if not places or not key.algo_acl:
        return []
    what = [_name_of(pattern) for pattern in key.algo_acl]
    named = "all algorithms" if _ALL in key.algo_acl else ", ".join(what)
    return [f"Calls {named} from {' and '.join(places)}"]


def _data(key: ApiKey) -> list[str]:
    if not key.allow_data:
        return []
    return ["Reads and writes data" if key.allow_data_write else "Reads data"]


def _name_of(pattern: str) -> str:
    """`OWNER/NAME`, or `OWNER/*` for all of an owner."""
    parts = pattern.removeprefix("algo://").split("/")
    return "/".join(parts[:2])
