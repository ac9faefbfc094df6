"""Contracts: whatever stands at a seam behaves as ``alref_local.seams`` says, the fakes of these tests included."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from alref_local.configs import load_config
from alref_local.engine import Engine
from alref_local.media import open_video
from alref_local.media.encode import write_video
from alref_local.reason.backends import make_backend
from alref_local.reason.card import load_card
from alref_local.seams import Aligner, Backend, Grounder, Segmentor, Tagger, VideoReader
from alref_local.types import Box, Prompt
from alref_local.world import make_scene
from alref_local.world.reader import SceneReader
from tests.fakes import LevelAligner, LevelTagger, Scripted, levels, numbered_video

LENGTH = 14
SCENE = SceneReader(make_scene("easy", 1, length=8))
SOUND = np.random.default_rng(1).uniform(-0.3, 0.3, 176_000).astype(np.float32)
"""Eleven seconds."""


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


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """With the engines named, or those of the config ``tiny`` itself; their parts are made as for a run."""
    one = Engine(load_config("tiny", request.param), device="cpu")
    yield one
    one.close()


def each(part: str, **fake: str) -> pytest.MarkDecorator:
    """The test runs with the fake at one place of the config, and with the bundled checkpoint."""
    return pytest.mark.parametrize("engine", [{part: fake}, {}], ids=["fake", "tiny"], indirect=True)


@each("segmentation", engine="tests.fakes:BoxSegmentor")
def test_segmentor(engine: Engine) -> None:
    """A (frame, track) pair would be missing, or come twice; or a mask that is not of its track."""
    assert isinstance(engine.segmentor, Segmentor)
    left, right = Box(4, 4, 40, 60), Box(60, 10, 90, 70)
    prompts = [
        Prompt(4, 3, box=left, start=True),
        Prompt(7, 2, box=right),
        Prompt(7, 6, box=right, start=True),
    ]
    yielded = list(engine.segmentor.track(SCENE, prompts))
    pairs = [(masks.frame, track) for masks in yielded for track in masks.track_ids]
    assert sorted(pairs) == [(frame, track) for frame in range(len(SCENE)) for track in (4, 7)]
    for masks in yielded:
        count, *side = masks.logits.shape
        assert count == len(masks.track_ids)
        assert masks.logits.dtype == np.float16
        assert masks.object_score.shape == (count,)
        assert masks.object_score.dtype == np.float32
        assert side == list(yielded[0].logits.shape[1:])


@each("grounding", engine="tests.fakes:BoxesByFrame")
def test_grounder(engine: Engine) -> None:
    """Candidates would not be the best first, be those of another frame, or of other thresholds than asked for."""
    assert isinstance(engine.grounder, Grounder)
    grounder = engine.grounder.with_thresholds(0.0, 0.0)
    assert isinstance(grounder, Grounder)
    images, text = [SCENE.scene.frame(0), SCENE.scene.frame(7)], SCENE.scene.target.text
    found = grounder.propose(images, [text, text])
    assert len(found) == 2
    for image, candidates in zip(images, found, strict=True):
        scores = [one.score for one in candidates]
        assert scores == sorted(scores, reverse=True)
        assert 2 <= len(scores) <= engine.settings.grounding.max_candidates
        assert all(0 <= one.score <= 1 for one in candidates)
        assert grounder.propose([image], [text]) == [candidates]
    between = (found[0][0].score + found[0][1].score) / 2
    strict = grounder.with_thresholds(between, 0.0)
    assert strict.propose(images[:1], [text]) == [found[0][:1]]
    assert grounder.propose(images, [text, text]) == found  # it is still as it was
    assert grounder.propose([], []) == []


@each("sound", engine="tests.fakes:LevelTagger")
def test_tagger(engine: Engine) -> None:
    """Labels would not be the likeliest first, or more than asked for; a very short sound would end the run."""
    tagger = engine.tagger
    assert isinstance(tagger, Tagger)
    for length in (0, 1, 16_000, 176_000):
        samples = SOUND[:length]
        tags = tagger.tags(samples, 2)
        assert len(tags) <= 2
        assert "Silence" not in [tag.name for tag in tags]
        assert [tag.probability for tag in tags] == sorted((tag.probability for tag in tags), reverse=True)
        assert all(0 <= tag.probability <= 1 for tag in tags)
        features = tagger.features(samples, 2.0)
        assert (len(features), features.ndim) == (-(-length // 32_000), 2)
        assert features.dtype == np.float32
    assert len(tagger.tags(SOUND, 2)) == 2
    assert len(tagger.features(SOUND)) == 11


@each("sound", aligner_engine="tests.fakes:LevelAligner", aligner="0.5 cat")
def test_aligner(engine: Engine) -> None:
    """A sound would be compared with other texts than it is told, or depend on what is heard beside it."""
    aligner = engine.aligner
    assert isinstance(aligner, Aligner)
    sounds = [SOUND[:16_000], SOUND, np.zeros(0, np.float32)]
    texts = ["dog", "train", "dog, train", "silence"]
    alike = aligner.similarity(sounds, texts)
    assert alike.shape == (3, 4)
    assert alike.dtype == np.float32
    assert np.abs(alike).max() <= 1 + 1e-6
    assert np.allclose(aligner.similarity(sounds[1:2], texts[2:]), alike[1:2, 2:], atol=1e-5)
    assert aligner.similarity([], texts).shape == (0, 4)
    assert aligner.similarity(sounds, []).shape == (3, 0)
    others = aligner.text_similarity(["dog", "train"], texts)
    assert others.shape == (2, 4)
    assert others.dtype == np.float32
    assert others.argmax(axis=1).tolist() == [0, 1]
    assert np.allclose(others[[0, 1], [0, 1]], 1, atol=1e-5)


def test_what_the_fakes_know() -> None:
    """The tests of what lies between the seams would not know what they are told."""
    assert [tag.name for tag in LevelTagger().tags(levels(0.1).samples, 2)] == ["Bark", "Music"]
    aligner = LevelAligner()
    sounds = [levels(0.1).samples, levels(0.4, 0.4).samples, np.zeros(0, np.float32)]
    texts = ["dog", "train", "dog, train", "silence"]
    assert aligner.similarity(sounds, texts).argmax(axis=1).tolist() == [0, 2, 3]
    assert aligner.text_similarity(["a dog"], texts).argmax() == 0


def test_what_a_plug_in_is_constructed_with() -> None:
    """A lab's own model would be told other things than ``alref_local.seams`` says."""
    parts = {
        "grounding": {"engine": "tests.fakes:BoxesByFrame"},
        "segmentation": {"engine": "tests.fakes:BoxSegmentor", "max_conditioning": None},
        "sound": {"engine": "tests.fakes:LevelTagger"},
    }
    settings = load_config("default", parts)
    engine = Engine(settings, device="cpu")
    told: list[Any] = [engine.grounder, engine.segmentor, engine.tagger]
    engine.close()
    grounding, segmentation = (
        one.model_dump(exclude={"engine"}) | {"device": "cpu"}
        for one in (settings.grounding, settings.segmentation)
    )
    assert None in grounding.values()
    assert None in segmentation.values()
    assert told[0].options == {key: value for key, value in grounding.items() if value is not None}
    assert told[1].options == segmentation
    assert told[2].options == {"model": settings.sound.model, "device": "cpu"}


@pytest.mark.parametrize("name", ["none", "qwen", "gpt-4"])
def test_backend(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A strategy could not ask, or a run would not say whom it asked."""
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    backend = make_backend(load_card(name))
    assert isinstance(backend, Backend)
    assert backend.name == name
    assert isinstance(Scripted(lambda question: ()), Backend)
