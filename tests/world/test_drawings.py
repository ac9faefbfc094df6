"""Drawings can be told apart by shape at 24 pixels, by colour, and from the background by their outline."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from alref_local.world import CLASSES, COLOURS, make_scene
from alref_local.world.backdrop import backdrop
from alref_local.world.scenery import SCENERY, scenery
from alref_local.world.sprite import Look, Sprite, drawing

PLAIN = Look(proportion=0.5, aspect=1.0, tilt=0.0, light=0.5, weave=0.2, slant=0.3, tint=(0, 0, 0))


def on_grey(
    class_name: str, colour: str, look: Look = PLAIN
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """The drawing fitted to 24x24 pixels on grey, as integers (24, 24, 3)."""
    image = Sprite(class_name, colour, look, 24).at(24, False).image.resize((24, 24))
    ground = Image.new("RGB", image.size, (128, 128, 128))
    ground.paste(image, (0, 0), image)
    return np.asarray(ground).astype(np.int64)


@pytest.mark.parametrize("colour", COLOURS)
def test_classes_differ_at_24_pixels(colour: str) -> None:
    """Two classes that look alike when small cannot be told apart by any model."""
    pictures = {name: on_grey(name, colour) for name in CLASSES}
    varied = PLAIN._replace(proportion=0.9, light=0.2, slant=-0.5, tilt=4.0)
    for name in CLASSES:
        again = on_grey(name, colour, varied)
        distances = {other: float(np.abs(again - picture).mean()) for other, picture in pictures.items()}
        assert min(distances, key=distances.__getitem__) == name


@pytest.mark.parametrize("class_name", CLASSES)
def test_colours_differ(class_name: str) -> None:
    """A class whose fixed accessories drown its body's colour makes colour sentences unanswerable."""
    means = {colour: on_grey(class_name, colour).mean(axis=(0, 1)) for colour in COLOURS}
    for a, b in combinations(means, 2):
        assert np.abs(means[a] - means[b]).max() > 15, (a, b)


@pytest.mark.parametrize("class_name", CLASSES)
def test_every_drawing_has_a_dark_outline(class_name: str) -> None:
    """Outlines are what made the first tiny models learn to tell object from background."""
    picture = Sprite(class_name, "white", PLAIN, 60).at(60, False)
    mask = np.pad(picture.mask, 1)
    inner = mask[1:-1, 1:-1] & mask[2:, 1:-1] & mask[:-2, 1:-1] & mask[1:-1, 2:] & mask[1:-1, :-2]
    edge = picture.mask & ~inner
    assert np.asarray(picture.image.convert("L"))[edge].mean() < 60


def test_sizes_and_mirroring() -> None:
    """Truth boxes follow the picture's size; a mirrored object faces the other way and keeps its area."""
    sprite = Sprite("dog", "red", PLAIN, 80)
    for size in (20, 45, 80):
        picture = sprite.at(size, False)
        height, width = picture.mask.shape
        assert abs((height * width) ** 0.5 - size) < 1.5
        np.testing.assert_array_equal(sprite.at(size, True).mask, picture.mask[:, ::-1])


def test_unknown_class() -> None:
    """A misspelt class must not draw something else."""
    with pytest.raises(KeyError, match="pen"):
        drawing("pen")


def test_backgrounds_are_textured_but_calm() -> None:
    """A plain background is no test; a loud one hides the objects from a small model."""
    for seed in range(12):
        image = backdrop(np.random.default_rng(seed), 240, 320).astype(int)
        assert image.std(axis=(0, 1)).max() > 4
        assert image.std(axis=(0, 1)).max() < 32
        assert np.ptp(image, axis=2).mean() < 45
        assert 70 < image.mean() < 190


@pytest.mark.parametrize("kind", SCENERY)
def test_scenery_covers_what_it_should_and_stays_dull(kind: str) -> None:
    """Scenery must hide a target and must not pass for a coloured object."""
    picture = scenery(kind, 80, 60, np.random.default_rng(1))
    assert picture.mask.shape == (60, 80)
    assert picture.mask[12:48, 14:66].all()
    assert np.ptp(np.asarray(picture.image)[..., :3].astype(int)[picture.mask], axis=1).max() < 70


def test_motions_and_colours_all_occur() -> None:
    """A motion, colour, class or size that never comes up is never learned."""
    objects = [o for seed in range(60) for o in make_scene("easy", seed).objects]
    assert {o.class_name for o in objects} == set(CLASSES)
    assert {o.colour for o in objects} == set(COLOURS)
    assert {o.size_name for o in objects} == {"small", "large"}
    assert {o.motion for o in objects} == {"still", "left", "right", "up", "down", "curved"}
