"""Browsers as people call them."""

from django import template

register = template.Library()

# What agents say of themselves, the more special first: most also name those they are like.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


@register.filter
def browser(agent: str) -> str:
    """`Firefox on Linux`, as far as the agent says so."""
    name = _first(_BROWSERS, agent) or "A browser"
    system = _first(_SYSTEMS, agent)
    return f"{name} on {system}" if system else name


def _first(names: tuple[tuple[str, str], ...], agent: str) -> str:
    return next((name for part, name in names if part in agent), "")
