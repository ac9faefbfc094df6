"""How sure the model was: the probability of each allowed item at the first place of its list."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import exp

from alref_local.reason.question import AnswerSpec
from alref_local.reason.reply import Token

__all__ = ["NONE", "confidences"]

NONE = "none"
"""Name of the empty list among the confidences."""


def confidences(tokens: Sequence[Token], spec: AnswerSpec) -> dict[str, float] | None:
    """Probabilities of the allowed items (and of "none" where it is allowed), which sum to 1.

    Follows the chosen tokens from the bracket that opens the last list. Where they part ways, each likely token in
    the place of the chosen one stands for the item that it begins; a token that begins several items, or none, says
    nothing, and what is left is scaled to 1.

    Args:
        tokens: the last tokens of a valid reply, the list included.
        spec: what a valid answer is.

    Returns:
        ``None`` where the tokens hold no list or say nothing about it, and for open lists, whose other names nobody
        knows.
    """
    if spec.pattern:
        return None
    start = next((i for i in reversed(range(len(tokens))) if "[" in tokens[i].text), None)
    if start is None:
        return None
    written = _written(spec)
    found = dict.fromkeys(written, 0.0)
    before, path, weight = tokens[start].text.rpartition("[")[0], "", 1.0
    for token in tokens[start:]:
        for text, logprob in token.top.items():
            if not text.startswith(before):
                continue
            names = _begun(path + text.removeprefix(before), written)
            if len(names) == 1:
                found[names[0]] += weight * exp(logprob)
        path += token.text.removeprefix(before)
        weight *= exp(token.top.get(token.text, 0.0))
        before = ""
        if len(_begun(path, written)) <= 1:
            break
    total = sum(found.values())
    return {name: value / total for name, value in found.items()} if total > 0 else None


def _written(spec: AnswerSpec) -> dict[str, tuple[str, ...]]:
    """The beginnings of lists that open with an item, without blanks."""
    quoted = {
        name: name if spec.kind == "ids" else json.dumps(name, ensure_ascii=False) for name in spec.allowed
    }
    lists = {name: tuple(_tight(f"[{said}{end}") for end in ",]") for name, said in quoted.items()}
    return {**lists, NONE: ("[]",)} if spec.none_allowed else lists


def _begun(path: str, written: dict[str, tuple[str, ...]]) -> list[str]:
    said = _tight(path)
    return [
        name
        for name, lists in written.items()
        if any(one.startswith(said) or said.startswith(one) for one in lists)
    ]


def _tight(text: str) -> str:
    return "".join(text.split())
