"""Text that anybody may have written, as HTML that any page may show.

CommonMark with tables and links that stand alone, as GitHub has them. Two steps, of which only the
second is about safety: whatever the first makes of a text, `clean_html` lets through nothing but
elements that format, links to the web and to mail, and pictures and videos from the web.
"""

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from mdit_py_plugins.gfm_autolink import gfm_autolink_plugin

_BLOCKS = {"p", "div", "blockquote", "pre", "hr", "br", "details", "summary"}
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_LISTS = {"ul", "ol", "li", "dl", "dt", "dd"}
_TABLES = {"table", "thead", "tbody", "tfoot", "tr", "th", "td", "caption"}
_EMPHASIS = {"b", "del", "em", "i", "ins", "mark", "s", "small", "strong", "sub", "sup", "u"}
_WORDS = {"a", "abbr", "code", "kbd", "q", "samp", "span", "var"}
_MEDIA = {"img", "video", "source"}
_TAGS = _BLOCKS | _HEADINGS | _LISTS | _TABLES | _EMPHASIS | _WORDS | _MEDIA
_CELL = {"align", "colspan", "rowspan"}
_ATTRIBUTES = {
    "a": {"href", "title"},
    "abbr": {"title"},
    "code": {"class"},
    "details": {"open"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "source": {"src", "type"},
    "td": _CELL,
    "th": _CELL,
    "video": {"src", "controls", "width", "height"},
}
_SCHEMES = {"http", "https", "mailto"}
_LANGUAGE = "language-"


def render_markdown(text: str) -> str:
    """A Markdown text, which may have HTML in it, as HTML that is safe to show."""
    return clean_html(_renderer().render(text))


def clean_html(html: str) -> str:
    """HTML without all that could act: scripts, handlers, frames, forms, styles, other schemes."""
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_keep,
        url_schemes=_SCHEMES,
        url_relative=_within_the_page,
        link_rel="noopener noreferrer nofollow",
    )


def _keep(tag: str, attribute: str, value: str) -> str | None:
    """A class of a page would make a text look like part of it."""
    if attribute == "class" and not (value.startswith(_LANGUAGE) and " " not in value):
        return None
    return value


def _within_the_page(url: str) -> str | None:
    """What a repository's paths mean is no address of this site."""
    return url if url.startswith("#") else None


def _renderer() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": True})
    made.core.ruler.push("align_cells", _align_cells)
    return made.enable("table").use(gfm_autolink_plugin)


def _align_cells(state: StateCore) -> None:
    """By an attribute: the pages' policy lets no style stand in them."""
    for token in state.tokens:
        style = token.attrs.pop("style", None) if token.type in ("th_open", "td_open") else None
        if style is not None:
            token.attrs["align"] = str(style).removeprefix("text-align:")
