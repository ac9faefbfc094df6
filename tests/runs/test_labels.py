"""Label maps of AVSS: what is read back is what was written, by number and by colour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from alref_local.datasets.truth import ClassFiles
from alref_local.masks import encode_stack
from alref_local.metrics.avss import class_sums, palette, semantic
from alref_local.metrics.pngs import read_labels
from alref_local.runs import RunFolder, open_run
from alref_local.runs.labels import label_map, write_labels
from alref_local.select.vocabulary import vocabulary
from alref_local.settings import Settings
from alref_local.types import MaskTrack, Query, TargetResult
from tests.fakes import numbered_video

NAMES = vocabulary("avsbench")
SIZE = (7, 80)
VIDEO = numbered_video(3, SIZE)


def column(name: str, start: int, stop: int, **more: Any) -> TargetResult:
    """A thing in some columns of every frame but the last."""
    stack = np.zeros((3, *SIZE), bool)
    stack[:2, :, start:stop] = True
    track = MaskTrack(0, SIZE, encode_stack(stack), (1.0,) * 3)
    query = Query(f"sound-{name}", f"the {name}", sound=True, category=name)
    return TargetResult(query, "ok", (track,), listed=name if name in NAMES else "", **more)


EVERY = tuple(column(name, number, number + 1) for number, name in enumerate(NAMES, start=5))


def test_every_category_survives_number_and_colour(tmp_path: Path) -> None:
    """A score of AVSS would be that of another category, or the public evaluation could not read the maps."""
    folder = RunFolder(tmp_path)
    write_labels(folder, VIDEO, EVERY)
    files = [tmp_path / "labels" / f"{number:05}.png" for number in range(3)]
    expected = np.zeros(SIZE, np.uint8)
    expected[:, 5:75] = np.arange(1, 71)
    read = ClassFiles(("0", "1", "2"), tuple(files))
    for frame, file in enumerate(files):
        true = expected if frame < 2 else np.zeros(SIZE, np.uint8)
        assert np.array_equal(read_labels(file), true)
        assert np.array_equal(read.read(str(frame), SIZE), true)
        with Image.open(file) as image:
            assert image.mode == "P"
            assert np.array_equal(np.asarray(image.convert("RGB")), palette()[true])
    ours = np.stack([read_labels(file) for file in files])
    assert semantic([class_sums(ours, ours)]).miou == pytest.approx(1)


def test_later_things_cover_earlier_ones_and_strangers_are_not_shown() -> None:
    """Which of two things counts would depend on chance, or a thing off the list be a category."""
    dog, cat, strange = column("dog", 0, 9), column("cat", 5, 20), column("chain saw", 0, 80)
    labels = label_map((dog, cat, strange), 0, SIZE)
    assert labels[0].tolist() == [NAMES.index("dog") + 1] * 5 + [NAMES.index("cat") + 1] * 15 + [0] * 60


def test_a_run_keeps_what_sounds_when_and_as_what(tmp_path: Path) -> None:
    """``result.json`` would not say in which seconds a thing sounds, or forget it when it is read."""
    folder = RunFolder(tmp_path)
    folder.write_config(Settings(), {"name": "none", "kind": "none"})
    results = (
        TargetResult(Query("sound", sound=True), "ok", sounding=((0.0, 1.25), (2.0, 3.0))),
        column("dog", 0, 9, sounding=()),
        column("cat", 0, 9),
    )
    write_labels(folder, VIDEO, results)
    leftover = tmp_path / "labels" / "99999.png"
    leftover.write_bytes(b"of a run before")
    folder.write_result(VIDEO, results, {})
    folder.finish({})
    assert not leftover.exists()
    assert (tmp_path / "labels" / "00000.png").exists()
    back = open_run(tmp_path).results
    assert [one.sounding for one in back] == [((0, 1.25), (2, 3)), (), None]
    assert [(one.query.category, one.listed) for one in back] == [("", ""), ("dog", "dog"), ("cat", "cat")]
