"""The tiny CLAP that the package ships: its files, and what it tells apart in clips it has not heard before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import alref_local
from alref_local.models.resolve import bundled
from alref_local.perceive.alignment import load_aligner
from alref_local.seams import Aligner
from alref_local.world import SOUND_LABELS
from clap_eval import evaluate

FOLDER = Path(alref_local.__file__).parent / "tiny" / "clap"


@pytest.fixture(scope="module")
def clap() -> Aligner:
    return load_aligner("tiny:clap")


def test_files_are_small_and_whole() -> None:
    """The package outgrows its budget, or a checkpoint was cut off while it was written."""
    assert "clap" in bundled()
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 4_000_000
    assert {"config.json", "model.safetensors", "preprocessor_config.json"} <= {
        f.name for f in FOLDER.iterdir()
    }


def test_names_are_told_apart_and_silence_from_all_of_them(clap: Aligner) -> None:
    """A name off the list would become any other, and a silent thing would sound."""
    names = [*SOUND_LABELS, "silence"]
    alike = clap.text_similarity(names, names)
    assert np.allclose(np.diag(alike), 1, atol=1e-4)
    assert (alike - np.eye(len(names))).max() < 0.9


def test_held_out_clips(clap: Aligner) -> None:
    """Silent things would be masked and sounding ones not; bounds lie well below the measured figures."""
    figures = evaluate(clap, "sound", 30, 800_500)
    assert figures["classes that sound on screen"] >= 0.8
