"""How figures of a comparison are written, and what people call what was measured."""

from __future__ import annotations

from alref_local.compare.asked import Asked
from alref_local.compare.statistics import Estimate

__all__ = ["BY", "SPREAD", "STEPS", "dollars", "ends_text", "mean_text", "p_text", "percent", "signed"]

STEPS = {
    "lbru": "references of a sound",
    "pivot_frame": "pivot frame",
    "pivot_box": "pivot box",
    "second_look": "second look",
    "masks": "masks (score of 0.5 and more)",
}
"""Steps of the method, as people call them."""

BY = {
    "kind": "kind",
    "words": "words of the sentence",
    "sampled frames": "sampled frames of the clip",
    "candidates": "candidate boxes",
}
"""What agreement is broken down by."""

SPREAD = {
    "lbru": "references",
    "pivot_frame": "pivot frame",
    "pivot_frame_near": "within one",
    "pivot_box": "pivot box",
    "second_look": "second look",
}
"""What two answers to one question may agree on."""


def mean_text(one: Estimate | None, digits: int = 3, interval: bool = True) -> str:
    """``0.619 (0.441 to 0.768)``; nothing for what is not known."""
    if one is None:
        return ""
    return f"{one.mean:.{digits}f}" + (f" ({ends_text(one, digits)})" if interval and one.videos > 1 else "")


def ends_text(one: Estimate, digits: int = 3) -> str:
    """``0.441 to 0.768``; nothing for a single video."""
    return "" if one.videos < 2 else f"{one.low:.{digits}f} to {one.high:.{digits}f}"


def percent(share: float | None) -> str:
    """``98.5 %``."""
    return "" if share is None else f"{100 * share:.1f} %"


def dollars(one: Asked) -> str:
    """``12.34``; nothing where the card has no prices."""
    return "" if one.took.dollars is None else f"{one.took.dollars:.2f}"


def p_text(p: float) -> str:
    """``p = 0.031``, or ``p < 0.001``."""
    return f"p = {p:.3f}" if p >= 0.001 else "p < 0.001"


def signed(value: float) -> str:
    """``+0.123``."""
    return f"{value:+.3f}"
