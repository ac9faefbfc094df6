"""What sounds, in AudioSet's words."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from alref_local.errors import AlrefError, ConfigError, PrerequisiteError
from alref_local.perceive.audioset import SILENCE, audioset_names
from alref_local.perceive.fbank import fbank
from alref_local.perceive.tagging import LONGEST, Beats
from alref_local.seams import Tagger
from tests.perceive.beats_kit import CONFIGS, save_folder, save_pt, sound, weights

NAMES = audioset_names()
RATE = 16_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_folder(tmp_path_factory.mktemp("beats"), CONFIGS["small"], NAMES)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another checkpoint, as a file of Microsoft's, with eleven labels."""
    mids = ["/m/028v0c", *NAMES[:10]]
    return save_pt(tmp_path_factory.mktemp("pt") / "square.pt", CONFIGS["square"], mids)


@pytest.fixture(scope="module")
def beats(folder: Path) -> Beats:
    return Beats(model=str(folder))


def test_is_a_tagger(beats: Beats) -> None:
    """The engine could not use it."""
    assert isinstance(beats, Tagger)


def test_best_first(beats: Beats) -> None:
    """The five most probable labels would not be those of the question."""
    every = beats.tags(sound(1.0), 527)
    assert every == sorted(every, key=lambda tag: (-tag.probability, tag.name))
    assert {tag.name for tag in every} == set(NAMES) - {SILENCE}
    assert beats.tags(sound(1.0), 5) == every[:5]
    assert beats.tags(sound(1.0), 0) == []


def test_silence_gives_way(tmp_path: Path) -> None:
    """Silence would be asked about as if it were a thing, and take a place among the five."""
    tensors = weights(CONFIGS["small"])
    tensors["predictor.bias"][NAMES.index(SILENCE)] = 50.0
    file = save_pt(tmp_path / "x.pt", CONFIGS["small"], NAMES, model=tensors)
    found = Beats(model=str(file)).tags(sound(1.0), 5)
    assert len(found) == 5
    assert SILENCE not in {tag.name for tag in found}


def test_equals_are_in_alphabetical_order(tmp_path: Path) -> None:
    """The tags of a run could not be had again."""
    tensors = weights(CONFIGS["small"])
    tensors["predictor.weight"].zero_()
    tensors["predictor.bias"].zero_()
    file = save_pt(tmp_path / "x.pt", CONFIGS["small"], NAMES, model=tensors)
    assert [tag.name for tag in Beats(model=str(file)).tags(sound(1.0), 3)] == sorted(NAMES)[:3]


def test_long_sound_is_the_mean_of_its_windows(beats: Beats) -> None:
    """A sound in the second half of a recording would go unheard, or a short end count as much as ten seconds."""
    samples = sound(25.0)
    assert len(samples) > 2 * LONGEST
    parts = [dict(beats.tags(part, 527)) for part in np.split(samples, [LONGEST, 2 * LONGEST])]
    whole = dict(beats.tags(samples, 527))
    for name in ("Speech", "Radio"):
        mean = np.average([part[name] for part in parts], weights=[10, 10, 5])
        assert whole[name] == pytest.approx(mean, abs=1e-9)
        assert len({round(part[name], 6) for part in parts}) == 3


def test_memory_is_flat(beats: Beats) -> None:
    """An hour of sound would not fit."""

    def peak(seconds: int) -> int:
        samples = np.resize(sound(1.0), seconds * RATE)
        tracemalloc.start()
        beats.tags(samples, 5)
        beats.features(samples[: 20 * RATE])
        height = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return height

    assert peak(100) < 1.2 * peak(20)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 3000))
def test_short_sounds(beats: Beats, length: int) -> None:
    """A video with a blink of sound would end in a traceback."""
    samples = sound(1.0)[:length]
    assert len(beats.tags(samples, 5)) == (5 if length else 0)
    features = beats.features(samples)
    assert features.shape == (1 if length else 0, 32)
    assert np.isfinite(features).all()


def test_a_short_sound_is_followed_by_silence(beats: Beats) -> None:
    """Short sounds would be tagged by something else than what they hold."""
    samples = sound(1.0)[:1000]
    assert beats.tags(samples, 5) == beats.tags(np.pad(samples, (0, 1800)), 5)
    assert beats.tags(samples, 5) != beats.tags(np.zeros(2800, np.float32), 5)


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, 1e-30])
def test_flat_sounds(beats: Beats, value: float) -> None:
    """A muted or stuck track would end in a traceback."""
    found = beats.tags(np.full(RATE, value, np.float32), 5)
    assert all(0 <= tag.probability <= 1 for tag in found)


def test_several_checkpoints(folder: Path, other: Path) -> None:
    """The union of two checkpoints' tags would lose some, or come in another order each time."""
    alone = [Beats(model=str(one)).tags(sound(1.0), 4) for one in (folder, other)]
    both = Beats(model=[str(folder), str(other)]).tags(sound(1.0), 4)
    expected: dict[str, float] = {}
    for name, probability in [*alone[0], *alone[1]]:
        expected[name] = max(probability, expected.get(name, 0.0))
    assert dict(both) == expected
    assert both == sorted(both, key=lambda tag: (-tag.probability, tag.name))
    assert len(both) > 4


def test_features_of_windows(beats: Beats) -> None:
    """Sound events would begin and end elsewhere than they do."""
    samples = sound(3.4)
    rows = beats.features(samples)
    assert rows.shape == (4, 32)
    assert rows.dtype == np.float32
    for second, row in enumerate(rows):
        part = samples[second * RATE : (second + 1) * RATE]
        np.testing.assert_array_equal(beats.features(part)[0], row)
    assert beats.features(samples, 0.5).shape == (7, 32)
    np.testing.assert_array_equal(
        beats.features(samples[: RATE // 2], 0.5)[0], beats.features(samples, 0.5)[0]
    )


def test_features_are_what_the_classifier_sees(beats: Beats) -> None:
    """Windows that sound alike would look different, and the other way round."""
    samples = sound(1.0)
    predictor = beats._listeners[0]._model.predictor
    logits = predictor(torch.from_numpy(beats.features(samples)))[0]
    expected = beats._listeners[0]._model(torch.from_numpy(fbank(samples))[None])[0]
    torch.testing.assert_close(logits, expected)


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("tiny:nothing", ConfigError),
        ("/nowhere/at/all", PrerequisiteError),
        ("~/nowhere/BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2.pt", PrerequisiteError),
        ("not a name", ConfigError),
        ([], ConfigError),
        (["tiny:nothing"], ConfigError),
    ],
)
def test_missing_checkpoints(model: str | list[str], kind: type[AlrefError]) -> None:
    """A wrong name would end in a traceback."""
    with pytest.raises(kind) as caught:
        Beats(model=model)
    assert caught.value.hint
