"""Words of people and models on their way into a prompt."""

from __future__ import annotations

import re

__all__ = ["defuse"]

_MARKUP = re.compile(r"<(?=[^\s<])|\[(?=/?[A-Z_]+\])")


def defuse(text: str) -> str:
    """``text`` in which no chat template or tokenizer finds markup: ``<|im_end|>`` becomes ``< |im_end|>``.

    Tokenizers turn their special tokens into control tokens wherever they are written, so a sentence could
    otherwise end the user's turn, or claim an image that is not there.
    """
    return _MARKUP.sub(lambda found: f"{found.group()} ", text)
