"""What a person names on the command line becomes jobs; a slip here segments the wrong thing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import pytest

from alref_local.errors import AlrefError, ConfigError, MediaError
from alref_local.jobs import MAX_SENTENCE, collect_jobs, parse_pivot, queries
from alref_local.media import open_video
from alref_local.types import Box, Pivot
from tests.fakes import numbered_video


def test_sentences_are_numbered_and_cleaned() -> None:
    """Output folders would not match the order of the sentences."""
    asked = queries(["  the   dog ", "the cat"])
    assert [(query.id, query.text) for query in asked] == [("0", "the dog"), ("1", "the cat")]


@pytest.mark.parametrize(
    ("sentences", "says"),
    [
        ([], "no sentence"),
        ([""], "is empty"),
        (["the dog", "  \n"], "is empty"),
        (["x" * 10_000], "10000 characters"),
        (["x" * (MAX_SENTENCE + 1)], "characters"),
    ],
)
def test_unusable_sentences(sentences: list[str], says: str) -> None:
    """An empty or endless sentence would be paid for before it fails."""
    with pytest.raises(ConfigError, match=says):
        queries(sentences)


def test_pivot() -> None:
    """A person's own box would land elsewhere."""
    assert parse_pivot("12:1,2.5,30,40") == Pivot(0, 12, Box(1, 2.5, 30, 40))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12",
        "12:1,2,3",
        "a:1,2,3,4",
        "1:1,2,3,4,5",
        "-1:1,2,3,4",
        "1:5,2,3,4",
        "1:1,2,nan,4",
        "1:0,0,inf,9",
    ],
)
def test_bad_pivots(text: str) -> None:
    """A malformed box would end in a traceback or in an empty mask."""
    with pytest.raises(ConfigError):
        parse_pivot(text)


def test_pivots_need_one_sentence() -> None:
    """Two sentences would share one person's box."""
    with pytest.raises(ConfigError, match="one sentence"):
        queries(["a", "b"], [Pivot(0, 0, Box(0, 0, 1, 1))])


def test_folder_kinds(tmp_path: Path) -> None:
    """A folder of videos would be read as frames, or the other way round."""
    frames, videos = tmp_path / "frames", tmp_path / "videos"
    for folder, names in ((frames, ["0.jpg", "1.jpg"]), (videos, ["b.mp4", "a.mkv", "notes.txt"])):
        folder.mkdir()
        for name in names:
            (folder / name).touch()
    assert [job.source for job in collect_jobs(frames, ["a"])] == [frames]
    assert [job.name for job in collect_jobs(videos, ["a"])] == ["a", "b"]


def test_a_folder_of_videos_is_all_that_can_be_opened(tmp_path: Path) -> None:
    """A camcorder's files in a folder would be passed over without a word, though each can be segmented."""
    for suffix, codec in (
        ("MTS", "h264"),
        ("m2ts", "h264"),
        ("flv", "h264"),
        ("wmv", "wmv2"),
        ("3gp", "h264"),
    ):
        form = {"MTS": "mpegts", "m2ts": "mpegts"}.get(suffix)
        with av.open(str(tmp_path / f"clip.{suffix}"), "w", format=form) as sink:
            stream: Any = sink.add_stream(codec, rate=10)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for image in numbered_video(3).images:
                sink.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            sink.mux(stream.encode())
    jobs = collect_jobs(tmp_path, ["a"])
    assert len(jobs) == 5
    for job in jobs:
        with open_video(job.source) as video:
            assert len(video) == 3, job.source


def test_nothing_there(tmp_path: Path) -> None:
    """A wrong path would end in a traceback."""
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").touch()
    for path in (tmp_path / "missing.mp4", tmp_path / "text"):
        with pytest.raises(MediaError):
            collect_jobs(path, ["a"])


def test_csv(tmp_path: Path) -> None:
    """Sentences of a list would go to the wrong video, or two videos to one folder."""
    path = tmp_path / "items.csv"
    path.write_text('video,sentence\nx/a.mp4,the dog\ny/a.mp4,"the cat, left"\nx/a.mp4,the bird\n')
    jobs = collect_jobs(path, [])
    assert [(job.source, [query.text for query in job.queries]) for job in jobs] == [
        (tmp_path / "x/a.mp4", ["the dog", "the bird"]),
        (tmp_path / "y/a.mp4", ["the cat, left"]),
    ]
    assert len({job.name for job in jobs}) == 2


@pytest.mark.parametrize(
    "text", ["", "a,b\n1,2\n", "video,sentence\n", "video,sentence\na.mp4,\n", "video\nx.mp4\n"]
)
def test_broken_csv(tmp_path: Path, text: str) -> None:
    """A malformed list would end in a traceback."""
    path = tmp_path / "items.csv"
    path.write_text(text)
    with pytest.raises(AlrefError):
        collect_jobs(path, [])


def test_csv_with_sentences(tmp_path: Path) -> None:
    """Sentences would be dropped without a word."""
    path = tmp_path / "items.csv"
    path.write_text("video,sentence\na.mp4,the dog\n")
    with pytest.raises(ConfigError, match="already"):
        collect_jobs(path, ["the cat"])
