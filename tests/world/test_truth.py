"""Frames, masks, boxes and visible shares agree with one another and do not depend on what was asked before."""

from __future__ import annotations

import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alref_local.world import COLOURS, PRESETS, Scene, make_scene

CLIPS = st.builds(make_scene, st.sampled_from(PRESETS), st.integers(0, 799_999))


@settings(max_examples=30, deadline=None)
@given(CLIPS, st.integers(0, 23))
def test_masks_lie_in_their_boxes_and_never_overlap(scene: Scene, t: int) -> None:
    """A pixel of two objects, or outside its object's box, has no truth to train or score on."""
    masks, boxes, visible = scene.masks(t), scene.boxes(t), scene.visible(t)
    assert masks.dtype == bool
    assert boxes.dtype == visible.dtype == np.float32
    assert masks.shape == (len(scene.objects), *scene.size)
    assert masks.sum(axis=0).max() <= 1
    for mask, box, share in zip(masks, boxes, visible, strict=True):
        ys, xs = np.nonzero(mask)
        assert mask.any() == (share > 0)
        assert 0 <= share <= 1
        if mask.any():
            assert box[0] <= xs.min()
            assert box[1] <= ys.min()
            assert xs.max() < box[2]
            assert ys.max() < box[3]
            if share == 1:
                assert tuple(box) == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)


@settings(max_examples=20, deadline=None)
@given(CLIPS)
def test_good_frames_are_those_that_show_ninety_per_cent_uncut(scene: Scene) -> None:
    """Good frames are what pivots are scored against; one that hides or cuts the referent rewards a bad pick."""
    height, width = scene.size
    span = min(scene.length, 48)
    for sentence in scene.sentences:
        chosen = list(sentence.referents)
        x0, y0, x1, y1 = np.moveaxis(scene.tracks.whole[chosen], -1, 0)
        uncut = (x0 >= 0) & (y0 >= 0) & (x1 <= width) & (y1 <= height)
        shown = np.array([[scene.visible(t)[i] >= 0.9 for t in range(span)] for i in chosen], bool)
        wanted: list[int] = np.flatnonzero((uncut & shown).all(axis=0)).tolist() if chosen else []
        assert [t for t in sentence.good_frames if t < span] == wanted


@pytest.mark.parametrize("preset", PRESETS)
def test_any_frame_in_any_order_is_the_same(preset: str) -> None:
    """A clip read backwards, as the mask tracks are, must be the clip read forwards."""
    first, second = make_scene(preset, 41), make_scene(preset, 41)
    assert first.sentences == second.sentences
    order = [first.length - 1, 3, 0, 3]
    forwards = {t: (second.masks(t), second.boxes(t), second.frame(t)) for t in sorted(order)}
    for t in order:
        masks, boxes, frame = forwards[t]
        np.testing.assert_array_equal(first.frame(t), frame)
        np.testing.assert_array_equal(first.masks(t), masks)
        np.testing.assert_array_equal(first.boxes(t), boxes)


def test_frames_show_the_objects_where_the_masks_say() -> None:
    """Masks beside their objects would train a model that misses by as much."""
    for seed in range(10):
        scene = make_scene("easy", seed)
        frame, masks = scene.frame(5).astype(int), scene.masks(5)
        outline = frame.max(axis=2) < 70
        for mask in masks:
            inner = mask[1:-1, 1:-1] & mask[2:, 1:-1] & mask[:-2, 1:-1] & mask[1:-1, 2:] & mask[1:-1, :-2]
            edge = mask[1:-1, 1:-1] & ~inner
            if edge.sum() > 20:
                assert outline[1:-1, 1:-1][edge].mean() > 0.3
        assert outline[~masks.any(axis=0)].mean() < 0.1


def test_masks_belong_to_the_objects_they_are_listed_under() -> None:
    """Masks in another order than the objects would teach that a dog is a train."""
    for seed in range(10):
        scene = make_scene("easy", seed)
        frame, masks = scene.frame(5).astype(int), scene.masks(5)
        for spec, mask, share in zip(scene.objects, masks, scene.visible(5), strict=True):
            if share > 0.9 and spec.class_name in ("car", "frog", "cat", "dog", "star"):
                pixels = frame[mask]
                body = pixels[pixels.max(axis=1) > 90]  # neither outline nor wheels
                distances = {n: np.abs(body - c).sum(axis=1) for n, c in COLOURS.items()}
                votes = np.argmin(np.stack(list(distances.values())), axis=0)
                assert list(COLOURS)[np.bincount(votes).argmax()] == spec.colour


def test_callers_may_write_into_what_they_get() -> None:
    """An overlay painted into a frame must not change the next reading of it."""
    scene = make_scene("easy", 3)
    before = scene.frame(2).copy()
    for answer in (scene.frame(2), scene.masks(2), scene.boxes(2)):
        answer[...] = 0
    np.testing.assert_array_equal(scene.frame(2), before)
    assert scene.masks(2).any()


def test_scenes_travel_between_processes() -> None:
    """Data workers hand scenes over by pickle."""
    scene = make_scene("hidden", 5)
    copy: Scene = pickle.loads(pickle.dumps(scene))
    np.testing.assert_array_equal(copy.frame(7), scene.frame(7))
    assert copy.sentences == scene.sentences


def test_ten_thousand_frames_cost_no_more_memory_than_a_few() -> None:
    """A long clip is what the flat-memory promise of the whole tool is measured on."""
    tracemalloc.start()
    scene = make_scene("long", 4, length=10_000)
    assert scene.target.good_frames[-1] > 9_900
    for t in range(48):
        scene.masks(t)
    settled = tracemalloc.get_traced_memory()[0]
    for t in range(48, 10_000, 97):
        scene.frame(t)
        scene.masks(t)
    grown = tracemalloc.get_traced_memory()[0] - settled
    tracemalloc.stop()
    assert settled < 8_000_000
    assert grown < 1_000_000
    np.testing.assert_array_equal(scene.frame(9_999), scene.frame(9_999 % 48))


@pytest.mark.parametrize("size", [(320, 240), (200, 200), (64, 96), (480, 640)])
def test_other_sizes(size: tuple[int, int]) -> None:
    """Portrait and small clips are part of what the readers and models are tested with."""
    scene = make_scene("ladder", 2, size=size, length=12)
    assert scene.length == 12
    assert scene.frame(11).shape == (*size, 3)
    assert scene.frame(11).dtype == np.uint8
    assert scene.masks(11).shape[1:] == size


@pytest.mark.parametrize("length", [1, 2, 4])
def test_very_short_clips(length: int) -> None:
    """Four frames, or a single one, are clips too."""
    scene = make_scene("easy", 9, length=length)
    assert scene.target.good_frames == tuple(range(length))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"preset": "eazy", "seed": 1}, "unknown preset 'eazy'; known: easy, late"),
        ({"preset": "easy", "seed": -1}, "seed must not be negative"),
        ({"preset": "easy", "seed": 1, "length": 0}, "length must be positive"),
        ({"preset": "easy", "seed": 1, "size": (31, 320)}, "at least 32 pixels"),
        ({"preset": "late", "seed": 1, "length": 2}, "no late scene of 320x240 pixels and 2 frames"),
    ],
)
def test_impossible_clips_are_refused(arguments: dict[str, object], message: str) -> None:
    """A clip that cannot keep its promise must say so instead of breaking it."""
    with pytest.raises(ValueError, match=message):
        make_scene(**arguments)  # type: ignore[arg-type]


def test_frames_outside_the_clip_are_refused() -> None:
    """A negative index must not silently draw the wrong frame."""
    scene = make_scene("easy", 0)
    for t in (-1, scene.length):
        with pytest.raises(IndexError, match="of a clip of"):
            scene.frame(t)
