"""Sound events of the drawn world, cut by what the bundled classifier hears."""

from __future__ import annotations

import numpy as np
import pytest

from alref_local.configs import load_config
from alref_local.perceive.tagging import Beats
from alref_local.select.sound_events import segments
from alref_local.world import Scene, make_scene


@pytest.fixture(scope="module")
def tagger() -> Beats:
    return Beats(model="tiny:beats")


def changes(scene: Scene) -> list[float]:
    """Seconds at which something begins or ends to sound."""
    parts = scene.sound.parts if scene.sound else ()
    frames = {frame for part in parts for stretch in part.stretches for frame in stretch}
    return sorted(frame / scene.fps for frame in frames if 0 < frame < scene.length)


@pytest.mark.parametrize(("preset", "found", "spare"), [("sound", 0.75, 1.8), ("sound-hard", 0.75, 1.5)])
def test_the_tiny_config_cuts_where_something_begins_or_ends(
    tagger: Beats, preset: str, found: float, spare: float
) -> None:
    """A bark and the silence after it are judged together; or a sound falls into pieces too short to know."""
    events = load_config("tiny").sound.events
    hits, more, true = 0, 0, 0
    clips = 16
    for seed in range(800_200, 800_200 + clips):
        scene = make_scene(preset, seed)
        edges = np.array([one.stop for one in segments(scene.audio, tagger.features, events)][:-1])
        real = changes(scene)
        near = [bool(len(edges)) and np.abs(edges - one).min() <= 0.25 for one in real]
        hits, true = hits + sum(near), true + len(real)
        more += sum(min((abs(one - edge) for one in real), default=9.0) > 0.25 for edge in edges)
    assert true >= clips
    assert hits >= found * true
    assert more <= spare * clips
