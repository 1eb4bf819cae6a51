"""What every template may show of the site."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from algoport.configuration.selectors import get_site


def brand(request: HttpRequest) -> dict[str, Any]:
    """Read only by templates that show it. (`site` is what allauth calls the host.)"""
    return {"brand": SimpleLazyObject(get_site)}
