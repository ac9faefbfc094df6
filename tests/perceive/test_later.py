"""Asking first and segmenting later, for GPUs that do not hold the language model and SAM 2 together."""

from __future__ import annotations

from pathlib import Path

import pytest

from alref_local.configs import load_config
from alref_local.media.encode import write_video
from alref_local.models.of_config import MASKS_LATER, models_of
from alref_local.perceive.later import MasksLater
from alref_local.plugins import load_class
from alref_local.runs import open_run
from alref_local.seams import Segmentor
from tests.cli.kit import FAKES, call
from tests.fakes import numbered_video
from tests.reason.chat_server import ChatServer


def test_in_two_turns(tmp_path: Path) -> None:
    """The second turn would need the server, which has to be gone by then, or give other masks than a single turn."""
    clip = tmp_path / "clip.mp4"
    write_video(clip, numbered_video(12).images, 10.0)
    words: list[str | Path] = ["segment", clip, "the dog", "the cat", *FAKES, "-b", "openai-compatible"]
    with ChatServer() as server:
        words += ["--card", f"endpoint={server.url}", "--card", "pattern=free", "--card", "patience=0"]
        asked = [*words, "--set", f"segmentation.engine={MASKS_LATER}"]
        assert call(*asked, "-o", tmp_path / "asked") == 0
        assert call(*words, "-o", tmp_path / "once", "--no-cache") == 0
        questions = len(server.requests)
    assert questions > 0
    assert call(*words, "-o", tmp_path / "later") == 0
    assert {result.status for result in open_run(tmp_path / "asked").results} == {"no_target"}
    once, later = open_run(tmp_path / "once"), open_run(tmp_path / "later")
    assert {result.status for result in later.results} == {"ok"}
    assert later.masks_sha256() == once.masks_sha256()
    assert later.usage is not None
    assert later.usage.exchanges == 0


def test_it_is_a_segmentor_that_needs_nothing() -> None:
    """The first turn would load SAM 2 after all, or be told that there is no room for it."""
    kind = load_class(MASKS_LATER)
    assert kind is MasksLater
    later = MasksLater(model="facebook/sam2.1-hiera-large", device="cuda")
    assert isinstance(later, Segmentor)
    assert list(later.track(numbered_video(3), [])) == []
    settings = load_config("default", {"segmentation": {"engine": MASKS_LATER}})
    assert [role for role, _ in models_of(settings, sound=False)] == ["grounder"]


@pytest.mark.parametrize("part", ["grounding", "segmentation"])
def test_engines_of_others_are_not_counted(part: str) -> None:
    """A plan would count the models of this package beside those that replace them."""
    settings = load_config("default", {part: {"engine": "tests.fakes:BoxesByFrame"}})
    assert len(models_of(settings, sound=False)) == 1
