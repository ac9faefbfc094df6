"""What is heard in a clip agrees with what its truth says sounds."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from alref_local.world import CLASSES, SOUND_LABELS, Part, Scene, Soundtrack, make_scene
from alref_local.world.timbre import TIMBRES, sound_of

SEEDS = range(60)
SOUNDING = ("sound", "sound-hard")


@cache
def scenes(preset: str) -> tuple[Scene, ...]:
    """Sixty clips, made once for all tests of this file."""
    return tuple(make_scene(preset, seed) for seed in SEEDS)


def track(*parts: Part, hush: float = 60.0) -> Soundtrack:
    """Three seconds of the parts over next to no noise."""
    return Soundtrack(36, 12.0, parts, hush, 1.0, 0.9, (5,))


def spectrum(signal: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Mean and deviation over time of the log power in 24 bands."""
    frames = np.lib.stride_tricks.sliding_window_view(signal, 512)[::160] * np.hanning(512)
    edges = np.unique(np.geomspace(1, 256, 25).astype(int))
    bands = np.log(np.add.reduceat(np.abs(np.fft.rfft(frames)) ** 2, edges[:-1], axis=1) + 1e-3)
    return np.concatenate([bands.mean(axis=0), bands.std(axis=0)])


def test_every_class_but_ball_and_star_sounds_and_has_a_label() -> None:
    """A class without a label could be heard and never be named."""
    assert set(TIMBRES) == set(SOUND_LABELS) == set(CLASSES) - {"ball", "star"}
    first = [labels[0] for labels in SOUND_LABELS.values()]
    assert len(set(first)) == len(first)


def test_classes_are_told_apart_by_their_spectrum() -> None:
    """Timbres that sound alike cannot be learned by any tagger."""
    rows = {
        name: np.array([spectrum(sound_of(name, np.random.default_rng((i, k)), 24_000)) for i in range(16)])
        for k, name in enumerate(TIMBRES)
    }
    means = np.array([r[:8].mean(axis=0) for r in rows.values()])
    spread = np.concatenate([r[:8] - r[:8].mean(axis=0) for r in rows.values()]).std(axis=0)
    found = [(((r[8:, None] - means) / spread) ** 2).sum(axis=2).argmin(axis=1) for r in rows.values()]
    right = [float((f == k).mean()) for k, f in enumerate(found)]
    assert min(right) >= 0.75
    assert np.mean(right) >= 0.95


@pytest.mark.parametrize("name", SOUND_LABELS)
def test_a_voice_varies_and_repeats(name: str) -> None:
    """One sample per class would be learned by heart; another on every run could not be measured."""
    one, same, other = (sound_of(name, np.random.default_rng(seed), 8_000) for seed in (1, 1, 2))
    assert one.shape == (8_000,)
    assert np.isfinite(one).all()
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.1


@pytest.mark.parametrize("preset", SOUNDING)
def test_sound_is_as_long_as_the_clip_and_in_range(preset: str) -> None:
    """Sound that runs ahead of its pictures, or clips, is no truth."""
    for scene in scenes(preset):
        audio = scene.audio
        assert audio.dtype == np.float32
        assert audio.shape == (round(scene.length / scene.fps * 16_000),)
        assert 0.2 <= np.abs(audio).max() <= 0.96


@pytest.mark.parametrize("preset", SOUNDING)
def test_truth_is_where_the_energy_is(preset: str) -> None:
    """Frames called silent that are not, or the reverse, would score right masks as wrong."""
    for scene in scenes(preset)[:30]:
        assert scene.sound is not None
        for number, part in enumerate(scene.sound.parts):
            alone = scene.sound.alone(number)
            parts = np.split(alone, [scene.sound.place(t) for t in range(1, scene.length)])
            power = np.array([np.square(p).mean() for p in parts])
            sounds = np.array([part.at(t) for t in range(scene.length)])
            assert not power[~sounds].any()
            for start, _ in part.stretches:
                assert np.abs(alone[scene.sound.place(start) :][:160]).any(), "a stretch begins with a call"
            # Calls leave gaps, but not of half a second.
            assert all(
                power[t : t + 6].max() > 1e-4 for t in np.flatnonzero(sounds)[:-5] if sounds[t : t + 6].all()
            )
            if part.actor is not None:
                assert [scene.sounding(t)[part.actor] for t in range(scene.length)] == sounds.tolist()


@pytest.mark.parametrize("preset", SOUNDING)
def test_intervals_last_half_a_second(preset: str) -> None:
    """Shorter ones are below what any tagger or listener resolves."""
    for scene in scenes(preset):
        for i in range(len(scene.objects)):
            states = [bool(scene.sounding(t)[i]) for t in range(scene.length)]
            cuts = [0, *(t for t in range(1, len(states)) if states[t] != states[t - 1]), len(states)]
            assert min(np.diff(cuts)) >= 6


@pytest.mark.parametrize("preset", SOUNDING)
def test_what_sounds_can_be_seen(preset: str) -> None:
    """A class that is heard but never seen sounding has no mask: nobody could find it."""
    for scene in scenes(preset):
        names = [o.class_name for o in scene.objects]
        assert 1 <= len(scene.heard) <= 2
        assert not set(scene.off_screen) & set(names)
        for name in scene.heard:
            group = [i for i, n in enumerate(names) if n == name]
            rows = [scene.sounding(t)[group] for t in range(scene.length)]
            assert all(row.all() or not row.any() for row in rows), "objects of a class sound together"
            shown = (scene.tracks.visible[group] >= 0.5).any(axis=0)
            assert (np.array([row.any() for row in rows]) & shown).sum() >= 6


def test_sound_needs_reasoning() -> None:
    """Without late entrances, silent neighbours and sounds from off screen, no step of the method pays."""
    seen = Counter[str]()
    for scene in scenes("sound"):
        names = [o.class_name for o in scene.objects]
        first = names.index(scene.heard[0])
        seen["hidden at first"] += bool(scene.tracks.visible[first, 0] < 0.05)
        seen["silent neighbour"] += any(n in SOUND_LABELS and n not in scene.heard for n in names)
        seen["off screen"] += bool(scene.off_screen)
        seen["two"] += len(scene.heard) == 2
        seen["several of a class"] += any(names.count(n) > 1 for n in scene.heard)
    shares = {name: count / len(SEEDS) for name, count in seen.items()}
    assert shares["hidden at first"] >= 0.5
    assert shares["silent neighbour"] >= 0.7
    assert 0.2 <= shares["off screen"] <= 0.5
    assert 0.2 <= shares["two"] <= 0.5
    assert 0.05 <= shares["several of a class"] <= 0.35


def test_sound_hard_is_harder() -> None:
    """A preset that is hard in name only reports figures that are too good."""

    def facts(preset: str) -> tuple[float, ...]:
        tracks = [s.sound for s in scenes(preset) if s.sound is not None]
        rows = [(len(s.heard), len(s.off_screen)) for s in scenes(preset)]
        return (*np.mean(rows, axis=0), -float(np.mean([t.hush for t in tracks])))

    assert all(hard > mild for hard, mild in zip(facts("sound-hard"), facts("sound"), strict=True))
    assert all(0 <= s.sound.hush <= 20 for p in SOUNDING for s in scenes(p) if s.sound is not None)


def test_background_lies_as_far_below_as_it_says() -> None:
    """Reported robustness to noise would be about another level of noise."""
    part = Part("train", 0, ((0, 18),))
    for hush in (0.0, 20.0):
        sound = track(part, hush=hush)
        loud, quiet = sound.audio[:24_000].astype(float), sound.audio[24_000:].astype(float)
        ratio = 10 * np.log10(np.square(loud).mean() / np.square(quiet).mean())
        assert ratio == pytest.approx(10 * np.log10(1 + 10 ** (hush / 10)), abs=1.5)


def test_a_part_keeps_its_voice() -> None:
    """A dog that barks twice is the same dog."""
    sound = track(Part("guitar", 0, ((0, 12), (24, 36))))
    alone = sound.alone(0)
    np.testing.assert_allclose(alone[:16_000], alone[32_000:], atol=1e-9)
    assert sound.seconds(0) == ((0.0, 1.0), (2.0, 3.0))
    assert sound.seconds(1) == ()


def test_clips_of_other_presets_are_silent() -> None:
    """A demo with sound written of a silent clip must still be as long as its pictures."""
    scene = make_scene("easy", 1)
    assert scene.audio.shape == (round(scene.length / 12 * 16_000),)
    assert not scene.audio.any()
    assert not scene.sounding(0).any()
    assert scene.heard == scene.off_screen == ()


def test_other_lengths_and_sizes_sound_too() -> None:
    """Short and portrait clips are part of what the readers are tested with."""
    scene = make_scene("sound", 9, size=(320, 240), length=12)
    assert scene.audio.shape == (16_000,)
    assert scene.heard
