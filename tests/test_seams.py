"""Contracts: whatever stands at a seam behaves as ``alref_local.seams`` says, the fakes of these tests included."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alref_local.media import open_video
from alref_local.media.encode import write_video
from alref_local.reason.backends import make_backend
from alref_local.reason.card import load_card
from alref_local.seams import Aligner, Backend, Grounder, Segmentor, Tagger, VideoReader
from alref_local.types import Box, Prompt
from alref_local.world import make_scene
from alref_local.world.reader import SceneReader
from tests.fakes import (
    BoxesByFrame,
    BoxSegmentor,
    LevelAligner,
    LevelTagger,
    Scripted,
    levels,
    numbered_video,
)

LENGTH = 14


@contextmanager
def reader(kind: str, folder: Path) -> Iterator[VideoReader]:
    video = numbered_video(LENGTH * 2 if kind == "window" else LENGTH)
    if kind == "array":
        yield video
    elif kind == "scene":
        yield SceneReader(make_scene("easy", 1, length=LENGTH))
    elif kind == "folder":
        for index, image in enumerate(video.images):
            Image.fromarray(image).save(folder / f"{index}.png")
        with open_video(folder) as opened:
            yield opened
    else:
        write_video(folder / "clip.mp4", video.images, 10.0)
        with open_video(folder / "clip.mp4", every=2 if kind == "window" else 1) as opened:
            yield opened


@pytest.mark.parametrize("kind", ["array", "scene", "folder", "file", "window"])
def test_video_reader(kind: str, tmp_path: Path) -> None:
    """A strategy would see other frames from one kind of video than from another."""
    with reader(kind, tmp_path) as video:
        assert isinstance(video, VideoReader)
        assert len(video) == LENGTH
        assert video.fps > 0
        height, width = video.size
        forward = dict(video.stream())
        assert list(forward) == list(range(LENGTH))
        backward = list(video.stream(3, 9, reverse=True))
        assert [index for index, _ in backward] == [8, 7, 6, 5, 4, 3]
        some = video.frames([9, 2, 2])
        assert some.shape == (3, height, width, 3)
        assert some.dtype == np.uint8
        for index, image in [*backward, (9, some[0]), (2, some[1]), (2, some[2])]:
            assert np.array_equal(image, forward[index])
        with pytest.raises(IndexError):
            video.frames([LENGTH])
        times = video.timestamps()
        assert times[0] == 0
        assert (np.diff(times) > 0).all()
        assert len({video.frame_name(index) for index in range(LENGTH)}) == LENGTH


def test_segmentor() -> None:
    """A (frame, track) pair would be missing, or come twice."""
    segmentor = BoxSegmentor()
    assert isinstance(segmentor, Segmentor)
    prompts = [Prompt(track, 3, box=Box(1, 1, 5, 5), start=True) for track in (4, 7)]
    pairs = [(m.frame, track) for m in segmentor.track(numbered_video(8), prompts) for track in m.track_ids]
    assert sorted(pairs) == [(frame, track) for frame in range(8) for track in (4, 7)]


def test_grounder() -> None:
    """Candidates would not be the best first."""
    grounder = BoxesByFrame()
    assert isinstance(grounder, Grounder)
    (found,) = grounder.propose([numbered_video(1).images[0]], ["a"])
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_tagger() -> None:
    """Labels would not be the likeliest first, or more than asked for."""
    tagger = LevelTagger()
    assert isinstance(tagger, Tagger)
    tags = tagger.tags(levels(0.1).samples, 2)
    assert [tag.name for tag in tags] == ["Bark", "Music"]
    assert tagger.features(levels(0.1, 0.2).samples).shape == (2, 1)


def test_aligner() -> None:
    """A sound would be compared with other texts than it is told, or depend on what is heard beside it."""
    aligner = LevelAligner()
    assert isinstance(aligner, Aligner)
    sounds = [levels(0.1).samples, levels(0.4, 0.4).samples, np.zeros(0, np.float32)]
    texts = ["dog", "train", "dog, train", "silence"]
    alike = aligner.similarity(sounds, texts)
    assert alike.shape == (3, 4)
    assert alike.dtype == np.float32
    assert alike.argmax(axis=1).tolist() == [0, 2, 3]
    assert np.abs(alike).max() <= 1
    assert np.array_equal(aligner.similarity(sounds[1:2], texts[2:]), alike[1:2, 2:])
    assert aligner.similarity([], texts).shape == (0, 4)
    assert aligner.similarity(sounds, []).shape == (3, 0)
    others = aligner.text_similarity(["a dog"], texts)
    assert (others.shape, int(others.argmax())) == ((1, 4), 0)
    assert others.dtype == np.float32


@pytest.mark.parametrize("name", ["none", "qwen", "gpt-4"])
def test_backend(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A strategy could not ask, or a run would not say whom it asked."""
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    backend = make_backend(load_card(name))
    assert isinstance(backend, Backend)
    assert backend.name == name
    assert isinstance(Scripted(lambda question: ()), Backend)
