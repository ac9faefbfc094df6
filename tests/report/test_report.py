"""Reports as folders: complete, movable, and equal to the runs."""

from __future__ import annotations

import errno
import os
import shutil
import tracemalloc
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from alref_local.compare import compare
from alref_local.compare.scan import ComparedItem, Walk
from alref_local.report import report
from alref_local.visible import visible
from tests.cli.kit import call
from tests.payloads import PAYLOADS
from tests.report.report_kit import UNEVEN, data, hostile_runs, media_of, plain_runs, uneven_runs

TAGS = (
    "html head meta title link script body header a bdi button noscript p main div section svg line h1 h2 h3 table "
    "thead tbody tr th td small b span meter details summary caption ul li nav dialog dl dt dd kbd form"
)
"""All elements of the page itself."""


class Tags(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_everything_is_in_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A report that is sent to somebody would lack its pictures, or point into folders that are not there."""
    runs = plain_runs(tmp_path / "runs")
    assert call("report", *runs, "-o", tmp_path / "made") == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(tmp_path / "made/index.html")
    shutil.rmtree(tmp_path / "runs")
    moved = (tmp_path / "made").rename(tmp_path / "moved")
    page = Tags((moved / "index.html").read_text())
    own = [
        address
        for _, attrs in page.tags
        for name in ("src", "href")
        if (address := attrs.get(name)) and address != "#"
    ]
    assert own
    assert all((moved / address).is_file() for address in own)
    rows = data(moved, "list/000")
    media = list(media_of(rows))
    for row in rows:
        item = data(moved, f"items/{row['number']:06d}")
        media += media_of(item)
        (sentence,) = item["sentences"]
        assert item["videos"] == [f"media/{row['number']:06d}/{run}.mp4" for run in (0, 1)]
        assert len(sentence["clips"]) == 2
        assert all(
            step["strips"] for clip in sentence["clips"] for run in clip["runs"] for step in run["steps"]
        )
        assert all(clip["picture"] for pair in sentence["clips"] for clip in pair["runs"])
    assert len(media) > 30
    assert all((moved / address).is_file() for address in media)
    with Image.open(moved / rows[0]["thumbs"][0]) as thumb:
        assert max(thumb.size) <= 168


def test_the_page_says_what_compare_says(tmp_path: Path) -> None:
    """The page and the table would contradict each other."""
    runs = plain_runs(tmp_path / "runs", 7, pictures=False)
    page, found = report(runs, tmp_path / "made")
    assert found.as_json() == compare(runs).as_json()
    text = Tags(page.read_text()).text
    (pair,) = found.pairs
    assert f"{pair.scores['J&F'].a:.3f}" in text
    assert "7 videos, 7 sentences" in text
    rows = data(tmp_path / "made", "list/000")
    assert np.mean([row["scores"][0] for row in rows]) == pytest.approx(pair.scores["J&F"].a, abs=1e-4)
    assert sum(bool(row["differs"]) for row in rows) == pair.disagreeing
    assert [row["masks"] for row in rows] == pytest.approx([one.masks for one in by_item(pair, rows)])


def by_item(pair: Any, rows: list[Any]) -> list[Any]:
    told = {one.item: one for one in pair.disagreements}
    assert len(told) == len(rows)  # all of these runs disagree
    return [told[row["item"]] for row in rows]


def test_a_run_without_pictures_and_a_single_run(tmp_path: Path) -> None:
    """Runs whose overlays were deleted to save room, or one run alone, would have no report."""
    (run,) = plain_runs(tmp_path / "runs", runs=1, pictures=False)
    page, found = report([run], tmp_path / "made")
    assert not found.pairs
    assert "3 videos" in Tags(page.read_text()).text
    item = data(tmp_path / "made", "items/000000")
    assert item["videos"] == [None]
    assert item["sentences"][0]["clips"][0]["runs"][0]["picture"] is None


def test_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second report would be mixed with the first, or somebody's folder be emptied."""
    runs = plain_runs(tmp_path / "runs", 3)
    report(runs, tmp_path / "made")
    before = {
        path.relative_to(tmp_path / "made"): path.read_bytes() for path in (tmp_path / "made").rglob("*.*")
    }
    report(runs, tmp_path / "made")
    assert before == {
        p.relative_to(tmp_path / "made"): p.read_bytes() for p in (tmp_path / "made").rglob("*.*")
    }
    report(plain_runs(tmp_path / "fewer", 1), tmp_path / "made")
    assert len(list((tmp_path / "made/data/items").iterdir())) == 1
    assert call("report", *runs, "-o", tmp_path / "runs") == 2
    assert "holds something that is no report" in capsys.readouterr().err
    assert (tmp_path / "runs/run0/result.json").is_file()


def test_no_second_copy_of_the_videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report would double what the runs take on disk; or on another disk, have no videos at all."""
    runs = plain_runs(tmp_path / "runs", 1)
    report(runs, tmp_path / "made")
    video = tmp_path / "made/media/000000/1.mp4"
    assert video.samefile(runs[1] / "items/v0/overlay.mp4")

    def other_disk(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", other_disk)
    report(runs, tmp_path / "made")
    assert not video.samefile(runs[1] / "items/v0/overlay.mp4")
    assert video.read_bytes() == (runs[1] / "items/v0/overlay.mp4").read_bytes()


def test_an_interrupted_report_has_no_page(tmp_path: Path) -> None:
    """Half a report would look like a whole one."""
    runs = plain_runs(tmp_path / "runs", 2, pictures=False)
    report(runs, tmp_path / "made")

    def interrupted(walk: Walk) -> Any:
        yield next(iter(walk))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        report(runs, tmp_path / "made", through=interrupted)
    assert not (tmp_path / "made/index.html").exists()
    report(runs, tmp_path / "made")
    assert (tmp_path / "made/index.html").exists()


def test_words_of_others(tmp_path: Path) -> None:
    """A reply, a sentence, a name or a category would become part of the page, of a script or of a path."""
    runs = hostile_runs(tmp_path / "runs")
    page, _ = report(runs, tmp_path / "made")
    tags = Tags(page.read_text())
    assert {tag for tag, _ in tags.tags} <= set(TAGS.split())
    assert not [
        name
        for _, attrs in tags.tags
        for name in attrs
        if name.startswith("on") or name in ("style", "srcdoc")
    ]
    assert all(str(attrs.get("src")).startswith("assets/") for tag, attrs in tags.tags if tag == "script")
    assert "default-src 'none'" in page.read_text()
    names = [path.name for path in (tmp_path / "made").rglob("*")]
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-") for name in names)
    for row in data(tmp_path / "made", "list/000"):
        word = PAYLOADS[row["number"]]
        shown = visible(word.encode("utf-8", "replace").decode(), lines=True)
        (sentence,) = data(tmp_path / "made", f"items/{row['number']:06d}")["sentences"]
        assert sentence["text"] == row["text"] == shown
        assert visible(word, lines=True) in [
            told["raw"]
            for clip in sentence["clips"]
            for run in clip["runs"]
            for step in run["steps"]
            for told in step["calls"]
        ]
        assert sentence["heard"][0][0]["categories"] == [shown]


def test_memory_does_not_grow_with_the_number_of_videos(tmp_path: Path) -> None:
    """A report of thousands of videos would end for want of memory."""
    runs = plain_runs(tmp_path / "runs", 90, pictures=False)
    held: list[int] = []

    def watched(walk: Walk) -> Any:
        for item in walk:
            yield item
            held.append(tracemalloc.get_traced_memory()[0])

    tracemalloc.start()
    report(runs, tmp_path / "made", through=watched)
    tracemalloc.stop()
    assert (
        held[-1] - held[29]
    ) / 60 < 6_000  # bytes a video: the numbers of its scores, and a line of the list


def test_progress_is_shown_to_a_terminal_only(tmp_path: Path) -> None:
    """Progress would end up in files, or the walk be counted wrongly."""
    seen: list[ComparedItem] = []

    def watched(walk: Walk) -> Any:
        assert len(walk) == 3
        for item in walk:
            seen.append(item)
            yield item

    report(plain_runs(tmp_path / "runs", pictures=False), tmp_path / "made", through=watched)
    assert [item.id for item in seen] == ["v0", "v1", "v2"]


def test_frames_have_their_times_where_the_rate_varies(tmp_path: Path) -> None:
    """Masks and pivots of a phone's video would stand beside the wrong moments of the timeline."""
    for name, runs in (("even", plain_runs(tmp_path / "a", 1)), ("uneven", uneven_runs(tmp_path / "b"))):
        report(runs, tmp_path / name)
    assert data(tmp_path / "even", "items/000000")["times"] == []
    times = data(tmp_path / "uneven", "items/000000")["times"]
    assert times[:-1] == pytest.approx(UNEVEN, abs=1e-3)
    assert times[-1] > UNEVEN[-1]
