"""Words that would act if they were not shown as text: in a browser, on a terminal, in a spreadsheet."""

from __future__ import annotations

__all__ = ["PAYLOADS"]

PAYLOADS = (
    "<script>window.pwned=1</script>",
    "</script><script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "<svg/onload=window.pwned=1>",
    "\"><iframe srcdoc='<script>parent.pwned=1</script>'>",
    "' autofocus onfocus='window.pwned=1' x='",
    "javascript:window.pwned=1",
    "<a href=javascript:window.pwned=1>dog</a>",
    "<style>*{display:none}</style>",
    "<meta http-equiv=refresh content='0;url=https://example.org'>",
    "<base href=https://example.org/>",
    "<!-- --><b>bold</b>",
    "{{7*7}} {% for x in y %} ${7*7}",
    "`${window.pwned=1}`",
    "');window.pwned=1;('",
    '\\");window.pwned=1;//',
    "__proto__",
    "&lt;b&gt; &amp; &#60;script&#62;",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J",
    "\x9b31m eight-bit \x9d0;title\x9c",
    "\u202egod eht\u202c \u2066dog\u2069 \u200fdog\u200e",
    "zero\u200bwidth \ufeff\u2028line",
    "\ud800 half a character",
    "[red]rich[/red] [link=https://example.org]dog[/link] :dog:",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd",
    "%00%0d%0aSet-Cookie: a=b",
    "../../../etc/passwd",
    "\u05d4\u05db\u05dc\u05d1 \u0645\u0631\u062d\u0628\u0627",
)
"""The last one is harmless: words that are written from right to left stay as they are."""
