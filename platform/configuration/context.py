"""What every template may show of the site."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from algoport.configuration.selectors import get_site


def site(request: HttpRequest) -> dict[str, Any]:
    """Read only by templates that show it."""
    return {"site": SimpleLazyObject(get_site)}
