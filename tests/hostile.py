"""What somebody could send or type to take over a page, a spreadsheet or a sentence: one corpus for all tests.

Whatever would happen says `pwned`: a variable that is set, an element of that class, a request to that address.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from zlib import crc32

#: what becomes an element, an attribute or a link wherever it is not escaped
MARKUP = (
    "<script>window.pwned=1</script>",
    "<img class=pwned src=x onerror=window.pwned=1>",
    '"><svg class="pwned" onload="window.pwned=1">',
    "'><b class='pwned' hx-get='/pwned/' hx-trigger='load'>",
    "<p class=pwned hx-on:load='window.pwned=1' hx-on::after-init='window.pwned=1'>",
    '<i class=pwned hx-post="/signout/" hx-trigger="load" hx-vals="js:{a:pwned=1}">',
    '<div id="page" class="pwned" hx-swap-oob="true">',
    '" hx-get="/pwned/" hx-trigger="load" x="',
    "' onmouseover='window.pwned=1' autofocus onfocus='window.pwned=1' x='",
    '<a class="pwned" href="javascript:window.pwned=1">',
    "javascript:window.pwned=1//",
    "data:text/html,<script>window.pwned=1</script>",
    "</title><script>window.pwned=1</script>",
    "</textarea><script>window.pwned=1</script>",
    "</select></script><script>window.pwned=1</script>",
    "--><script>window.pwned=1</script><!--",
    "<!--><script>window.pwned=1</script>-->",
    "<template class=pwned><script>window.pwned=1</script>",
    "<iframe class=pwned src=//pwned.example srcdoc='<script>parent.pwned=1</script>'>",
    "<object class=pwned data=//pwned.example><embed class=pwned src=//pwned.example>",
    "<form class=pwned action=//pwned.example><button>Approve</button>",
    "<base class=pwned href=//pwned.example>",
    '<meta class=pwned http-equiv=refresh content="0;url=//pwned.example">',
    "<style class=pwned>body{display:none}</style><link rel=stylesheet href=//pwned.example>",
    "<math class=pwned><mtext><table><mglyph><style><img src=x onerror=window.pwned=1>",
)
#: what would be carried out by whoever unescapes it, fills it in or reads it once more
COMMANDS = (
    "<!--",
    "<![CDATA[<b class=pwned>]]>",
    "&lt;script&gt;window.pwned=1&lt;/script&gt;&#60;img src=x onerror=window.pwned=1&#62;",
    "{{7007*7}}${7007*7}<%=7007*7%>#{7007*7}",
    "{% raw %}{{ settings.SECRET_KEY }}{% endraw %}{% load static %}{% debug %}",
    "{pwned} {0} {0.__class__} %(pwned)s %s %d %",
    '{"__proto__": {"pwned": 1}, "constructor": {"prototype": {"pwned": 1}}}',
)
#: what changes how other text is read, or how wide and tall a page gets
TEXTS = (
    "\u202egnp.dewnp\u202c \u202d\u202a\u202b never closed: \u202e",
    "\u2066\u2067\u2068 opened \u2069\u2069\u2069 closed too often",
    "zero\u200bwidth\u200c\u200d\u2060\ufeff soft\u00adhyphen \u200e\u200f marks",
    "controls \x01\x08\x0b\x0c\x1b[31m\x1f\x7f\x80\x85\x9f\ufffe\ufdd0\U0001ffff",
    "line\r\nSet-Cookie: pwned=1\r\n\r\nbody\u2028pwned\u2029\x0bnext",
    "Z" + "\u0335\u0321\u0489" * 40 + "algo",
    "W" * 120,
    "שלום عليكم 123 \u0627",
    "=cmd|' /C calc'!A0",
    "https://аррlе.example/@pwned.example/?x=<b>",
    "𝔓𝔲𝔯𝔢 ﷽ 👩\u200d👩\u200d👧 Ǆ ŉ İı ß ﬃ \U000e0041\U000e0042",
)
#: longer than any line, without a place to break it
ENDLESS = "pwned" * 2000
#: ends whatever it may stand in, and begins an element
BREAKOUT = "~asked~ \"'></title></textarea></select></script>--><img class=pwned src=x onerror=window.pwned=1>"
CORPUS = MARKUP + COMMANDS + TEXTS
#: what a spreadsheet would calculate
FORMULAS = (
    "=cmd|' /C calc'!A0", '=HYPERLINK("https://pwned.example","press")', "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1",
    "\n=1", "  =1+1", "\u00a0=1", "＝1",
)  # fmt: skip

_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def text(place: str, most: int = 2000) -> str:
    """A text for this place of at most so many characters: the name of the place, then what fits of the corpus.

    Each place begins with other parts of it, markup and the rest by turns, so that a few places use all of it.
    """
    said, first = f"~{place}~", crc32(place.encode())
    markup, rest = (_from(first, some) for some in (MARKUP, COMMANDS + TEXTS))
    for one in (one for pair in zip_longest(markup, rest) for one in pair if one):
        if len(said) + 1 + len(one) <= most:
            said = f"{said} {one}"
    return said


def _from(first: int, some: tuple[str, ...]) -> tuple[str, ...]:
    return some[first % len(some) :] + some[: first % len(some)]


def plain(said: str) -> str:
    """The text as a page shows it: blanks run together, and what would turn the sentence around is replaced."""
    return " ".join(_TURNS.sub("\ufffd", said).split())
