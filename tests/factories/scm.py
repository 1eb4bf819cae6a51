"""Repository hosts as administrators describe them."""

from typing import Any

from scm.constants import INTERNAL
from scm.models import ScmConfiguration

GITHUB: dict[str, Any] = {
    "enabled": True,
    "id": "github",
    "oauth": {"client_id": "89fsdy7", "client_secret": "client-canary-0001"},
    "provider": "github",
    "urls": {
        "api": "https://api.github.com",
        "ssh": "ssh://git@github.com",
        "web": "https://github.com",
    },
}


def make_internal_scm() -> ScmConfiguration:
    """The row of the migrations, which tests with real transactions take away."""
    row, _ = ScmConfiguration.objects.get_or_create(
        pk=INTERNAL, defaults={"provider": INTERNAL, "is_default": True}
    )
    return row
