"""Tags of the site's pages."""

from datetime import timedelta
from typing import Any

from django import template
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from algoport.markdown import render_markdown
from algoport.web.lists import Listing
from algoport.web.pages import DIALOG_LAYOUT

register = template.Library()

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


@register.simple_tag(takes_context=True)
def nav_link(context: template.Context, name: str, label: str, *args: Any) -> SafeString:
    """A link of the site's or a page's navigation; says so where it leads to the page itself.

    The pages below that of the link count as its own.
    """
    url = reverse(name, args=args)
    return _link(context, url, label, "page" if _is_at(context, url) else "")


@register.simple_tag(takes_context=True)
def tab(context: template.Context, name: str, label: str, *args: Any) -> SafeString:
    """A tab: a link to one of the pages about a thing, of which this page is one."""
    url = reverse(name, args=args)
    current = ' aria-current="page"' if _path(context) == url else ""
    return format_html('<li><a href="{}"{}>{}</a></li>', url, SafeString(current), label)


@register.simple_tag
def column(listing: Listing, name: str, css: str = "") -> SafeString:
    """The head of a column by which a list can be ordered."""
    direction = listing.direction(name)
    attribute = format_html(' aria-sort="{}"', direction) if direction else ""
    return format_html(
        '<th scope="col" class="{}"{}><a class="sort" href="{}" hx-get="{}" hx-target="#part"'
        ' hx-push-url="true">{}</a></th>',
        css,
        attribute,
        listing.sort_url(name),
        listing.sort_url(name),
        listing.sorts[name].label,
    )


@register.simple_tag(takes_context=True)
def dialog_form(context: template.Context) -> SafeString:
    """What a form says of itself that stays in the dialog when it was opened there."""
    if not _is_dialog(context):
        return SafeString("")
    return format_html(' hx-post="{}" hx-target="#modal-body"', _path(context))


@register.simple_tag(takes_context=True)
def cancel(context: template.Context, url: str) -> SafeString:
    """The way back from a form: out of the dialog, or to another page."""
    if _is_dialog(context):
        return SafeString('<button type="button" class="plain" data-close>Cancel</button>')
    return format_html('<a class="button plain" href="{}">Cancel</a>', url)


@register.filter
def size(number: int | None) -> str:
    """A number of bytes as people read it."""
    if number is None:
        return "-"
    amount, unit = float(number), 0
    while amount >= 1000 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{number} {_UNITS[0]}" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"


@register.filter
def markdown(text: str) -> SafeString:
    """What somebody wrote in Markdown or HTML, without all that could act."""
    return SafeString(render_markdown(text))


@register.filter
def moment(when: Any) -> SafeString:
    """A time in UTC, which the page turns into the reader's zone."""
    if not when:
        return SafeString("-")
    return format_html(
        '<time datetime="{}">{} UTC</time>', f"{when:%Y-%m-%dT%H:%M:%SZ}", f"{when:%Y-%m-%d %H:%M}"
    )


@register.filter
def duration(time: timedelta | None) -> str:
    """As minutes and seconds, with hours before them where it took any."""
    if time is None:
        return "-"
    minutes, seconds = divmod(max(round(time.total_seconds()), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


@register.filter
def seconds(number: float | None) -> str:
    """A short time with as many digits as say something; "-" where there is none."""
    if number is None:
        return "-"
    if number < 0.9995:
        return f"{number * 1000:.3g} ms" if number >= 0.001 else f"{number * 1000:.2f} ms"
    return f"{number:.3g} s" if number < 1000 else f"{number:,.0f} s"


def _link(context: template.Context, url: str, label: str, current: str) -> SafeString:
    attribute = format_html(' aria-current="{}"', current) if current else ""
    return format_html('<a class="entry" href="{}"{}>{}</a>', url, attribute, label)


def _is_at(context: template.Context, url: str) -> bool:
    path = _path(context)
    return path == url or path.startswith(f"{url.rstrip('/')}/")


def _is_dialog(context: template.Context) -> bool:
    return context.get("layout") == DIALOG_LAYOUT


def _path(context: template.Context) -> str:
    request = context.get("request")
    return request.path if isinstance(request, HttpRequest) else ""
