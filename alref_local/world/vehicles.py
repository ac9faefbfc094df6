"""Drawings of the four vehicles, heading to the right; `v` in 0..1 varies proportions."""

from __future__ import annotations

from alref_local.world.palette import BRASS, GLASS, INK, PAPER, WOOD
from alref_local.world.pen import Pen


def car(p: Pen, v: float) -> None:
    """Side view: a cabin with two windows, two wheels, a lamp."""
    roof = 0.26 + 0.06 * v
    p.poly([(0.16, 0.52), (0.28, roof), (0.66, roof), (0.82, 0.52)])
    p.poly([(0.01, 0.56), (0.1, 0.48), (0.9, 0.48), (0.99, 0.58), (0.99, 0.76), (0.01, 0.76)])
    p.poly([(0.24, 0.5), (0.32, roof + 0.06), (0.45, roof + 0.06), (0.45, 0.5)], GLASS)
    p.poly([(0.5, 0.5), (0.5, roof + 0.06), (0.63, roof + 0.06), (0.73, 0.5)], GLASS)
    p.box(0.01, 0.66, 0.99, 0.71, p.shade)
    p.oval(0.95, 0.58, 0.04, 0.05, PAPER)
    for x in (0.24, 0.76):
        p.oval(x, 0.76, 0.13, 0.13, INK)
        p.oval(x, 0.76, 0.06, 0.06, (170, 170, 176))


def train(p: Pen, v: float) -> None:
    """A steam engine: tall cab behind, boiler with a chimney and a dome, three wheels in a row."""
    p.box(0.76, 0.1 + 0.06 * v, 0.87, 0.42, p.shade)
    p.box(0.73, 0.06 + 0.06 * v, 0.9, 0.14 + 0.06 * v, p.shade)
    p.oval(0.58, 0.38, 0.08, 0.1, BRASS)
    p.box(0.02, 0.14, 0.4, 0.76)
    p.box(0.36, 0.38, 0.93, 0.76)
    p.box(0.0, 0.1, 0.44, 0.18, p.shade)
    p.box(0.1, 0.26, 0.31, 0.46, GLASS)
    for x in (0.5, 0.64, 0.78):
        p.box(x, 0.38, x + 0.035, 0.66, p.light)
    p.poly([(0.9, 0.66), (1.0, 0.88), (0.84, 0.88)], INK)
    p.box(0.02, 0.68, 0.92, 0.78, INK)
    for x in (0.17, 0.46, 0.74):
        p.oval(x, 0.83, 0.12, 0.12, INK)
        p.oval(x, 0.83, 0.065, 0.065, BRASS)


def boat(p: Pen, v: float) -> None:
    """A hull with a mast and two sails."""
    p.line([(0.47, 0.04), (0.47, 0.72)], 0.045, WOOD)
    p.poly([(0.52, 0.06), (0.52, 0.6), (0.88 + 0.06 * v, 0.6)], p.light)
    p.poly([(0.42, 0.16), (0.42, 0.6), (0.14, 0.6)], PAPER)
    p.poly([(0.0, 0.68), (1.0, 0.68), (0.82, 0.96), (0.18, 0.96)])
    p.box(0.06, 0.68, 0.94, 0.75, p.shade)
    for x in (0.32, 0.5, 0.68):
        p.oval(x, 0.84, 0.04, 0.04, PAPER)


def plane(p: Pen, v: float) -> None:
    """Seen from above and aside: a long body, two swept wings, a tail fin, a row of windows."""
    p.poly([(0.44, 0.46), (0.28, 0.02), (0.42, 0.02), (0.68, 0.46)], p.shade)
    p.poly([(0.1, 0.46), (0.0, 0.2), (0.12, 0.2), (0.26, 0.46)], p.shade)
    p.oval(0.52, 0.51, 0.47, 0.13)
    p.poly([(0.44, 0.54), (0.24, 0.98), (0.4, 0.98), (0.68 + 0.04 * v, 0.54)])
    p.poly([(0.08, 0.5), (0.0, 0.68), (0.1, 0.68), (0.24, 0.55)])
    p.poly([(0.82, 0.42), (0.93, 0.46), (0.9, 0.5), (0.8, 0.49)], GLASS)
    for x in (0.28, 0.4, 0.52, 0.64):
        p.oval(x, 0.465, 0.03, 0.03, PAPER)
