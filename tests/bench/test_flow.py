"""The whole flow beside the released order of work."""

from __future__ import annotations

from pathlib import Path

import pytest

from alref_local.runs import open_run
from flow import draw, ours, released, serving


@pytest.mark.slow
def test_both_do_the_whole_work(tmp_path: Path) -> None:
    """A ratio of times would compare the method with half of it."""
    jobs = draw(tmp_path / "videos", 1, 800_000, 2)
    with serving(0.0) as url:
        mine = ours(jobs, tmp_path / "ours", url)
        theirs = released(jobs, tmp_path / "released", url)
    run = open_run(tmp_path / "ours" / jobs[0].name)
    assert run.usage is not None
    assert run.usage.exchanges == theirs["questions"] == 8  # two sentences on two clips
    for number in range(2):
        written = sorted(
            file.name for file in (tmp_path / "released" / jobs[0].name / str(number)).glob("*.png")
        )
        assert written == sorted(file.name for file in (run.path / "masks" / str(number)).glob("*.png"))
    assert min(mine["seconds"], theirs["seconds"]) > 0
