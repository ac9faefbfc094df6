"""Reports that a test may take apart."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from alref_local.media import VideoWriter
from tests.compare.run_kit import SIZE, Made, chosen, heard, write_evaluation
from tests.payloads import PAYLOADS

__all__ = ["UNEVEN", "data", "hostile_runs", "media_of", "plain_runs", "uneven_runs"]


def data(report: Path, name: str) -> Any:
    """What ``data/NAME.js`` hands to the page."""
    text = (report / "data" / f"{name}.js").read_bytes().decode("ascii")
    found = re.fullmatch(r'take\("([a-z0-9/]+)", (".*")\);\n', text)
    assert found is not None
    assert found[1] == name
    return json.loads(json.loads(found[2]))


def media_of(value: Any) -> Iterator[str]:
    """Every address of a picture or video in a page's data."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from media_of(one)
    elif isinstance(value, str) and value.startswith("media/"):
        yield value


def plain_runs(folder: Path, videos: int = 3, *, pictures: bool = True, runs: int = 2) -> list[Path]:
    """Runs of which the first asked every question twice, and that heard different things."""
    written = []
    for run in range(runs):
        items = {}
        for number in range(videos):
            rng = np.random.default_rng(1000 * run + number)
            result, calls = chosen(
                rng,
                f"the dog {number}",
                item=f"v{number}",
                repeat=2 - (run > 0),
                heard=[heard("dog", *["cat"] * run)],
            )
            items[f"v{number}"] = Made([result], calls, {"0": {"J&F": float(rng.random()), "J": 0.5}})
        written.append(
            write_evaluation(folder / f"run{run}", items, backend=f"b{run}", repeat=2, pictures=pictures)
        )
    return written


UNEVEN = (*(frame / 20 for frame in range(10)), 1.5, 3.0)
"""When the frames of `uneven_runs` are shown, in seconds."""


def uneven_runs(folder: Path) -> list[Path]:
    """Runs over one video whose frame rate varies."""
    written = plain_runs(folder, 1)
    for run in written:
        overlay = run / "items" / "v0" / "overlay.mp4"
        with VideoWriter(overlay, SIZE, 11 / UNEVEN[-1]) as writer:
            for time in UNEVEN:
                writer.write(np.full((*SIZE, 3), 90, np.uint8), time)
    return written


def hostile_runs(folder: Path) -> list[Path]:
    """Two runs in which everything that has a name is called by every payload."""
    written = []
    for run in range(2):
        items = {}
        for number, word in enumerate(PAYLOADS):
            name = word.encode("utf-8", "replace").decode()
            result, calls = chosen(
                np.random.default_rng(100 * run + number),
                word,
                clips=1,
                reply=word,
                item=name,
                heard=[heard(name)],
            )
            calls.append({**calls[-1], "confidences": {name: 0.5, "__proto__": 0.5}, "answer": [word]})
            calls.append({**calls[-1], "answer": None, "error": word, "error_type": "AnswerError"})
            items[f"{name} {number}"] = Made([result], calls, {"0": {"J&F": 0.25 + run / 2}})
        written.append(write_evaluation(folder / f"run{run}", items, backend=PAYLOADS[run], pictures=True))
    return written
