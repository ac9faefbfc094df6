"""Results as objects of other libraries, and in a notebook."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from alref_local.compare import compare, sentences
from alref_local.errors import PrerequisiteError
from alref_local.masks import area
from alref_local.media.encode import write_video
from alref_local.runs import open_run
from alref_local.session import Segmentation
from alref_local.visible import visible
from tests.cli.kit import FAKES, call
from tests.compare.run_kit import SIZE, chosen
from tests.fakes import numbered_video
from tests.payloads import PAYLOADS
from tests.report.report_kit import hostile_runs, plain_runs


def made(text: str = "the dog", folder: Path | None = None) -> Segmentation:
    both = [chosen(np.random.default_rng(seed), text, str(seed), clips=3)[0] for seed in (0, 1)]
    return Segmentation("clip", SIZE, 12, tuple(both), folder)


def test_pandas() -> None:
    """A notebook would work with other masks or choices than those of the run."""
    pytest.importorskip("pandas", reason="pandas is not installed")
    result = made()
    frames = result.to_pandas()
    assert list(frames.columns[:5]) == ["reference", "sentence", "track", "frame", "area"]
    for number, one in enumerate(result.results):
        mine = frames[frames.reference == str(number)]
        areas = [area(mask) for mask in one.tracks[0].masks]
        assert mine.area.tolist() == [value for value in areas if value]
        assert mine.frame.tolist() == [frame for frame, value in enumerate(areas) if value]
    sides = (frames.x1 - frames.x0) * (frames.y1 - frames.y0)
    assert (sides == frames.area).all()  # these masks are boxes
    clips = result.to_pandas("clips")
    assert clips.pivot_frame.tolist() == [clip.frame for one in result.results for clip in one.clips]
    assert clips.candidates.tolist() == [1, 2, 3] * 2
    assert (clips.confidence_pivot_frame == 0.7).all()


def test_pycocotools() -> None:
    """Masks would be shifted by a frame, or belong to another sentence."""
    result = made()
    coco = result.to_coco()
    assert len(coco.getImgIds()) == 12
    for category, one in enumerate(result.results, 1):
        for frame in range(12):
            ids = coco.getAnnIds(imgIds=[frame + 1], catIds=[category])
            shown = [coco.annToMask(ann).astype(bool) for ann in coco.loadAnns(ids)]
            expected = result.mask(frame, category - 1)
            assert np.array_equal(shown[0] if shown else np.zeros(SIZE, bool), expected)
            assert bool(ids) == bool(area(one.tracks[0].masks[frame]))


def test_a_run_folder_has_them_too(tmp_path: Path) -> None:
    """What was computed yesterday would have to be computed again."""
    clip = tmp_path / "clip.mp4"
    write_video(clip, numbered_video(12).images, 10.0)
    assert call("segment", clip, "the dog", "-o", tmp_path / "out", *FAKES) == 0
    run = open_run(tmp_path / "out")
    assert [image["file_name"] for image in run.to_coco().loadImgs([1, 12])] == ["00000.png", "00011.png"]
    with_overlay = run._repr_html_()
    (tmp_path / "out/overlay.mp4").unlink()
    assert {"img", "table"} <= Elements(run._repr_html_()).tags
    assert run._repr_html_() != with_overlay


@pytest.mark.parametrize("word", PAYLOADS)
def test_words_of_others_in_a_notebook(word: str) -> None:
    """A sentence could run in the page of who looks at a result."""
    text = word.encode("utf-8", "replace").decode()
    found = Elements(made(text)._repr_html_())
    assert found.tags == {"div", "p", "b", "img", "table", "thead", "tbody", "tr", "th", "td", "bdi"}
    assert found.attributes == {"alt", "src"}
    assert visible(text) in found.texts


def test_comparisons_in_a_notebook(tmp_path: Path) -> None:
    """A comparison would be shown as a heap of numbers, or its tables leave something out."""
    pytest.importorskip("pandas", reason="pandas is not installed")
    runs = plain_runs(tmp_path / "runs", 7, pictures=False)
    found = compare(runs)
    shown = Elements(found._repr_html_())
    assert "sign-flip test over 7 videos" in " ".join(shown.texts)
    scores = found.to_pandas()
    assert scores.difference.tolist() == [one.difference.mean for one in found.pairs[0].scores.values()]
    rows = sentences(runs)
    assert len(rows) == 14
    means = rows.groupby("run")["J&F"].mean()
    assert means["run0"] - means["run1"] == pytest.approx(found.pairs[0].scores["J&F"].difference.mean)
    hostile = compare(hostile_runs(tmp_path / "hostile"))
    assert Elements(hostile._repr_html_()).attributes == set()


def test_pandas_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has not installed it would get a traceback instead of the command."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(PrerequisiteError) as caught:
        made().to_pandas()
    assert "alref-local[notebook]" in caught.value.hint


class Elements(HTMLParser):
    """Elements, attributes and texts of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
