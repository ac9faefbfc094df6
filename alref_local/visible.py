"""Words of models, people and files as they are shown: what would act on a screen is spelled out."""

from __future__ import annotations

import re

__all__ = ["visible"]

_ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, escape sequences among them
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"  # marks that turn the direction of what follows
    "\u200b\u2028\u2029\u2060-\u2065\ufeff\ufff9-\ufffb"  # blanks and breaks that are not seen
    "\ud800-\udfff\U000e0000-\U000e007f]"  # halves of characters, and tags
)


def visible(text: str, *, lines: bool = False) -> str:
    r"""``text`` in which control characters and marks of direction are written as ``\x1b`` or ``\u202e``.

    Letters of any script stay as they are; those that are written from right to left are, on their own.

    Args:
        text: of whatever origin.
        lines: keep line ends and tabs; otherwise they are written out, too.
    """
    shown = _ACTING.sub(_spelled, text.replace("\r\n", "\n"))
    return shown if lines else shown.replace("\n", r"\n").replace("\t", r"\t")


def _spelled(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
