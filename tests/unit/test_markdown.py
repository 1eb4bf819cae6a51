"""Text of anybody as HTML that is safe to show."""

import re
import time

import pytest

from algoport.markdown import clean_html, render_markdown

ATTACKS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src='https://a.example/b.png' onload='alert(1)'>",
    "<img src=`javascript:alert(1)`>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href=' &#14; javascript:alert(1)'>x</a>",
    "<a href='JaVaScRiPt:alert(1)'>x</a>",
    "<a href='java\nscript:alert(1)'>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href=https://a.example onclick=alert(1)>x</a>",
    "<iframe src=https://evil.example></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=evil.swf></object>",
    "<embed src=evil.swf>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x></svg>",
    "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
    "<form action=javascript:alert(1)><input type=submit></form>",
    "<button formaction=javascript:alert(1)>x</button>",
    "<input autofocus onfocus=alert(1)>",
    "<body onload=alert(1)>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<base href=https://evil.example/>",
    "<div style='background:url(javascript:alert(1))'>x</div>",
    "<p style='position:fixed;top:0'>x</p>",
    "<td style='text-align:left;background:url(https://evil.example)'>x</td>",
    "<video src=javascript:alert(1) onplay=alert(1)></video>",
    "<video><source onerror=alert(1) src=data:video/mp4;base64,x></video>",
    "<details open ontoggle=alert(1)>x</details>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<!--<img src='--><img src=x onerror=alert(1)>'>",
    "<template><script>alert(1)</script></template>",
    "<textarea><img title='</textarea><img src=x onerror=alert(1)>'></textarea>",
    "<a id=x name=y class=btn data-x=1 href=#z>x</a>",
    "[x](javascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x]: javascript:alert(1)\n\n[x]",
    "<javascript:alert(1)>",
    "![x](x onerror=alert(1))",
    '![x"onerror="alert(1)](https://a.example/b.png)',
    '```"onload=alert(1)\nx\n```',
    '``` "><script>alert(1)</script>\nx\n```',
    "| a |\n|-|\n| <script>alert(1)</script> |",
    'https://a.example/"onmouseover=alert(1)',
    "www.a.example/<script>alert(1)</script>",
]
# Whatever is left in text is no markup: it has no angle bracket of its own.
_TAG = re.compile(r"<[^>]*>")
_SAFE_TAG = re.compile(
    r"</?[a-z0-9]+(?: (?:title|alt|width|height|start|colspan|rowspan|type|align)=\"[^\"]*\"| "
    r"(?:href|src)=\"(?:https?://|mailto:|#)[^\"]*\"| rel=\"noopener noreferrer nofollow\"| "
    r"class=\"language-[^\" ]*\"| (?:open|controls)=\"\")*>\Z"
)
_NEVER = {"script", "style", "iframe", "object", "embed", "svg", "math", "form", "input", "base"}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("render", [render_markdown, clean_html])
def test_nothing_that_acts_is_left(attack: str, render: object) -> None:
    assert callable(render)
    for text in (attack, f"# A\n\nwords {attack} words\n", f"> - {attack}"):
        html = render(text)
        for tag in _TAG.findall(html):
            assert _SAFE_TAG.match(tag), tag
            assert re.findall(r"[a-z0-9]+", tag)[0] not in _NEVER, tag
        # Once is enough: a second time finds nothing to do.
        assert clean_html(html) == html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# Title", "<h1>Title</h1>\n"),
        (
            "*em* **strong** `code`",
            "<p><em>em</em> <strong>strong</strong> <code>code</code></p>\n",
        ),
        (
            "| a | b |\n|:-|-:|\n| 1 | 2 |",
            '<table>\n<thead>\n<tr>\n<th align="left">a</th>\n'
            '<th align="right">b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n'
            '<td align="left">1</td>\n<td align="right">2</td>\n</tr>\n'
            "</tbody>\n</table>\n",
        ),
        ("```python\nx = 1\n```", '<pre><code class="language-python">x = 1\n</code></pre>\n'),
        (
            "See https://example.com/a?b=1.",
            '<p>See <a href="https://example.com/a?b=1" rel="noopener noreferrer nofollow">'
            "https://example.com/a?b=1</a>.</p>\n",
        ),
        (
            "<video src='https://a.example/b.mp4' controls></video>",
            '<p><video src="https://a.example/b.mp4" controls=""></video></p>\n',
        ),
        ("a < b & c", "<p>a &lt; b &amp; c</p>\n"),
        ("", ""),
    ],
)
def test_what_it_makes_of_text(text: str, html: str) -> None:
    assert render_markdown(text) == html


@pytest.mark.parametrize("piece", ["[", "![", "*", "> ", "<div>", "* a\n ", "`", "[a]("])
def test_text_that_was_made_to_be_slow(piece: str) -> None:
    began = time.process_time()
    render_markdown((piece * 64_000)[:64_000])
    assert time.process_time() - began < 10
