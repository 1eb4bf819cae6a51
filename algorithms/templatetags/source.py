"""Tags of the pages about source."""

from django import template

from algorithms.models import Algorithm
from algorithms.web.source import source_url

register = template.Library()


@register.simple_tag
def source_link(name: str, algorithm: Algorithm, **query: object) -> str:
    """The URL of a page about the algorithm's source; values that say nothing are left out."""
    return source_url(name, algorithm, **{key: str(value or "") for key, value in query.items()})
