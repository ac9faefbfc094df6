"""The tiny BEATs that the package ships: its files, and what it hears in clips it has not heard before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import alref_local
from alref_local.models.resolve import bundled
from alref_local.perceive.audioset import audioset_names
from alref_local.perceive.beats_files import read
from alref_local.perceive.tagging import Beats
from alref_local.world import make_scene
from beats_eval import evaluate
from beats_model import CONFIG

FOLDER = Path(alref_local.__file__).parent / "tiny" / "beats"


@pytest.fixture(scope="module")
def beats() -> Beats:
    return Beats(model="tiny:beats")


def test_files_are_small_and_whole() -> None:
    """The package outgrows its budget, or a checkpoint was cut off while it was written."""
    sizes = {file.name: file.stat().st_size for file in FOLDER.iterdir()}
    assert set(sizes) == {"config.json", "model.safetensors"}
    assert sum(sizes.values()) < 4_000_000
    all_bundled = sum(file.stat().st_size for file in FOLDER.parent.rglob("*") if file.is_file())
    assert all_bundled <= 20_000_000


def test_weights_are_those_of_the_recipe() -> None:
    """The note would tell how to train another model than the one that is shipped."""
    assert "beats" in bundled()
    checkpoint = read(FOLDER)
    assert checkpoint.config == CONFIG
    assert checkpoint.labels == audioset_names()
    assert checkpoint.model().predictor.out_features == 527


def test_silence(beats: Beats) -> None:
    """A video without sound, or with nothing but its noise, would be searched for what makes none."""
    sounds = [make_scene("sound", 800_600 + number).sound for number in range(12)]
    noises = [replace(sound, parts=()).audio for sound in sounds if sound is not None]
    quiet = [beats.tags(noise, 1)[0].probability < 0.3 for noise in [*noises, np.zeros(32_000, np.float32)]]
    assert sum(quiet) >= 12


def test_a_long_sound_is_still_itself(beats: Beats) -> None:
    """What is heard in three seconds would be lost in a minute of the same."""
    scene = make_scene("sound", 800_001)
    short, long = (beats.tags(np.resize(scene.audio, seconds * 16_000), 2) for seconds in (1, 60))
    assert {tag.name for tag in short} == {tag.name for tag in long} == {"Drum", "Bell"}


def test_held_out_clips(beats: Beats) -> None:
    """The demo would look for things that do not sound; bounds lie well below the measured figures."""
    figures = evaluate(beats, "sound", 40, 800_500)
    assert figures["on screen, own label in the first 5"] >= 0.93
    assert figures["labels above 0.3 that are false"] <= 0.08
