"""Rate and time left."""

from __future__ import annotations

import pytest

from alref_local.evaluate.pace import Pace, spoken


def test_pace() -> None:
    """The time left would count what was done yesterday, or the loading of models."""
    now = [100.0]
    pace = Pace(10, 4, clock=lambda: now[0])
    assert str(pace) == "4/10"
    now[0] = 160.0
    pace.start()
    now[0] = 180.0
    pace.start()
    pace.count()
    pace.count(failed=True)
    assert (pace.done, pace.failed) == (5, 1)
    assert pace.rate == pytest.approx(2 / 20)
    assert pace.left == pytest.approx(40)
    assert str(pace) == "5/10, 1 failed, 6.0/min, 40 s left"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (3540, "59 min"), (7260, "2 h 1 min"), (100_000, "1 d 4 h")],
)
def test_spoken(seconds: float, said: str) -> None:
    """Nobody reads 97,321 seconds."""
    assert spoken(seconds) == said
