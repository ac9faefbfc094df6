"""Drawings of the four animals, looking to the right; `v` in 0..1 varies proportions."""

from __future__ import annotations

from alref_local.world.palette import BRASS, INK, PAPER
from alref_local.world.pen import Pen, arc


def dog(p: Pen, v: float) -> None:
    """Side view: four legs, a long snout, a dark hanging ear, a raised tail."""
    p.line([(0.16, 0.46), (0.07, 0.34), (0.05, 0.18 + 0.06 * v)], 0.08)
    for x in (0.17, 0.29, 0.54, 0.65):
        p.box(x, 0.6, x + 0.09, 0.98)
    p.oval(0.4, 0.54, 0.31, 0.19)
    p.poly([(0.52, 0.5), (0.62, 0.2), (0.8, 0.3), (0.72, 0.62)])
    p.oval(0.72, 0.27, 0.16, 0.15)
    p.poly([(0.76, 0.19), (0.95, 0.25), (0.96, 0.37), (0.76, 0.42)], p.light)
    p.oval(0.95, 0.28, 0.045, 0.045, INK)
    p.poly([(0.58, 0.14), (0.68, 0.16), (0.66, 0.42 + 0.08 * v), (0.54, 0.4 + 0.08 * v)], p.shade)
    p.oval(0.77, 0.24, 0.032, 0.036, INK)


def cat(p: Pen, v: float) -> None:
    """Sitting, face to the viewer: two pointed ears, whiskers, a curled tail."""
    p.line([(0.68, 0.9), (0.88, 0.86), (0.93, 0.7), (0.86, 0.58 - 0.06 * v)], 0.09)
    p.oval(0.48, 0.76, 0.26, 0.23)
    p.poly([(0.16, 0.42), (0.14, 0.02), (0.42, 0.18)])
    p.poly([(0.8, 0.42), (0.82, 0.02), (0.54, 0.18)])
    p.oval(0.48, 0.38, 0.34, 0.26)
    p.poly([(0.2, 0.26), (0.19, 0.1), (0.3, 0.18)], p.shade)
    p.poly([(0.76, 0.26), (0.77, 0.1), (0.66, 0.18)], p.shade)
    for x in (0.34, 0.62):
        p.oval(x, 0.35, 0.06, 0.07, PAPER)
        p.oval(x, 0.35, 0.025, 0.06, INK)
    p.poly([(0.43, 0.46), (0.53, 0.46), (0.48, 0.53)], INK)
    for y in (0.46, 0.54):
        p.line([(0.3, y), (0.1, 2 * y - 0.5)], 0.014, INK)
        p.line([(0.66, y), (0.86, 2 * y - 0.5)], 0.014, INK)
    p.oval(0.48, 0.8, 0.12, 0.14, p.light)


def bird(p: Pen, v: float) -> None:
    """Plump, on two thin legs: an orange beak, a folded wing, a fanned tail."""
    for x in (0.42, 0.54):
        p.line([(x, 0.74), (x, 0.95), (x + 0.1, 0.95)], 0.035, BRASS)
    p.poly([(0.26, 0.42), (0.0, 0.26), (0.03, 0.4), (0.0, 0.54), (0.28, 0.62)], p.shade)
    p.oval(0.46, 0.52, 0.29, 0.26)
    p.oval(0.68, 0.26, 0.18, 0.18)
    p.poly([(0.83, 0.18), (1.0, 0.27), (0.83, 0.36)], BRASS)
    p.poly([(0.56, 0.42), (0.52, 0.66), (0.3, 0.68 + 0.06 * v), (0.14, 0.56)], p.shade)
    p.oval(0.72, 0.22, 0.055, 0.055, PAPER)
    p.oval(0.735, 0.22, 0.03, 0.03, INK)


def frog(p: Pen, v: float) -> None:
    """Squat and wide, face to the viewer: two eyes on top, a wide mouth, webbed feet."""
    for side in (0.14, 0.86):
        p.oval(side, 0.74, 0.14, 0.2)
        p.poly([(side - 0.14, 0.97), (side, 0.84), (side + 0.14, 0.97)], p.shade)
    p.oval(0.5, 0.64, 0.4, 0.3)
    for x in (0.26, 0.74):
        p.oval(x, 0.28, 0.15, 0.16)
        p.oval(x, 0.27, 0.1, 0.11, PAPER)
        p.oval(x, 0.28, 0.05, 0.06, INK)
    p.oval(0.5, 0.84, 0.22, 0.1, p.light)
    p.line(arc(0.5, 0.5, 0.28, 0.14 + 0.06 * v, 160, 20), 0.035, INK)
