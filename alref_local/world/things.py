"""Drawings of the six things; `v` in 0..1 varies proportions."""

from __future__ import annotations

import math

from alref_local.world.palette import BRASS, INK, PAPER, WOOD
from alref_local.world.pen import Pen, arc


def drum(p: Pen, v: float) -> None:
    """A barrel with a pale skin, zigzag cords and two sticks."""
    p.oval(0.5, 0.84, 0.42, 0.13)
    p.box(0.08, 0.42, 0.92, 0.84)
    cords = [(0.1 + 0.16 * i, 0.56 if i % 2 else 0.86) for i in range(6)]
    p.line(cords, 0.035, PAPER)
    p.oval(0.5, 0.42, 0.42, 0.15, PAPER)
    for x, end in ((0.2, 0.46), (0.8, 0.56)):
        p.line([(x, 0.06 + 0.05 * v), (end, 0.4)], 0.045, WOOD)
        p.oval(end, 0.4, 0.05, 0.045, BRASS)


def bell(p: Pen, v: float) -> None:
    """A flared bell with a ring on top and a brass clapper below."""
    p.line(arc(0.5, 0.13, 0.09, 0.09, 0, 360), 0.05, BRASS)
    p.oval(0.5, 0.87, 0.12, 0.11, BRASS)
    p.poly(
        [*arc(0.5, 0.42, 0.24, 0.22, 180, 360), (0.77, 0.62), (0.95, 0.82), (0.05, 0.82), (0.23, 0.62)],
    )
    p.box(0.06, 0.75, 0.94, 0.82, p.shade)
    p.poly([(0.36, 0.34), (0.43, 0.3), (0.39, 0.66 + 0.04 * v), (0.31, 0.66)], p.light)


def guitar(p: Pen, v: float) -> None:
    """Upright on a slant: a waisted body with a dark hole, a long brown neck with pegs."""
    p.line([(0.46, 0.52), (0.84, 0.12)], 0.085, WOOD)
    p.poly([(0.78, 0.1), (0.88, 0.0), (1.0, 0.12), (0.9, 0.22)], WOOD)
    p.oval(0.27, 0.73, 0.27, 0.26)
    p.oval(0.46, 0.52, 0.19 + 0.03 * v, 0.19)
    p.oval(0.41, 0.58, 0.085, 0.085, INK)
    p.line([(0.13, 0.74), (0.28, 0.89)], 0.045, INK)
    p.line([(0.2, 0.82), (0.86, 0.13)], 0.018, PAPER)


def clock(p: Pen, v: float) -> None:
    """An alarm clock: two small bells on top, two feet, a pale face with two hands."""
    for x in (0.22, 0.78):
        p.line([(0.5, 0.55), (x, 0.97)], 0.08, p.shade)
        p.oval(x, 0.16, 0.16, 0.12, BRASS)
    p.oval(0.5, 0.56, 0.42, 0.4)
    p.oval(0.5, 0.56, 0.29, 0.28, PAPER)
    angle = 2 * math.pi * v
    p.line([(0.5, 0.56), (0.5 + 0.22 * math.sin(angle), 0.56 - 0.22 * math.cos(angle))], 0.04, INK)
    p.line([(0.5, 0.56), (0.5 + 0.14 * math.cos(angle), 0.56 + 0.14 * math.sin(angle))], 0.05, INK)


def ball(p: Pen, v: float) -> None:
    """Round, with two pale bands that meet at a dark button."""
    p.oval(0.5, 0.5, 0.48, 0.48)
    turn = 30 + 60 * v
    for start in (turn, turn + 120, turn + 240):
        p.poly(
            [(0.5, 0.5), *arc(0.5, 0.5, 0.48, 0.48, start, start + 48)],
            PAPER if p.colour[2] < 240 else p.shade,
        )
    p.oval(0.5, 0.5, 0.1, 0.1, INK)


def star(p: Pen, v: float) -> None:
    """Five points and a lighter star within."""
    for share, fill in ((1.0, p.colour), (0.5, p.light if p.colour[2] < 240 else p.shade)):
        radii = [share * (0.5 if i % 2 == 0 else 0.23 + 0.04 * v) for i in range(10)]
        angles = [math.pi * i / 5 for i in range(10)]
        p.poly(
            [(0.5 + r * math.sin(a), 0.52 - r * math.cos(a)) for r, a in zip(radii, angles, strict=True)],
            fill,
        )
