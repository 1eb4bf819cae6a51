"""A program that reads source and writes its lines as HTML in a JSON list, or null.

Run by `highlighting` in a process of its own, with the name of the file as its argument.
"""

import json
import sys

from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexers import get_lexer_for_filename
from pygments.util import ClassNotFound


def coloured_lines(name: str, text: str) -> list[str] | None:
    """None for a file of a language that is not known."""
    try:
        lexer = get_lexer_for_filename(name, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None
    html = highlight(text, lexer, HtmlFormatter(nowrap=True))
    lines = html.split("\n")
    # As many as the text has: a formatter ends what it writes with a line break.
    count = text.count("\n") + (not text.endswith("\n"))
    return lines[:count] + [""] * (count - len(lines))


if __name__ == "__main__":
    source = sys.stdin.buffer.read().decode().replace("\r\n", "\n")
    json.dump(coloured_lines(sys.argv[1], source), sys.stdout)
