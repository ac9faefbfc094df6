"""Label Studio: brush masks on frames, boxes through a video."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree.ElementTree import fromstring

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from alref_local.errors import ConfigError
from alref_local.export import export
from alref_local.export.brush import brush_rle
from alref_local.export.export import FORMATS
from tests.export.export_kit import blobs, write_run


def decoded(rle: list[int], size: tuple[int, int]) -> NDArray[np.uint8]:
    """``(H, W, 4)``: the bit stream read by its own description, with any sizes of values and counts."""
    bits = iter(np.unpackbits(np.array(rle, np.uint8)).tolist())

    def number(width: int) -> int:
        return int("".join(str(next(bits)) for _ in range(width)), 2)

    total, value_size = number(32), number(5) + 1
    sizes = [number(4) + 1 for _ in range(4)]
    out: list[int] = []
    while len(out) < total:
        repeated, count = number(1), number(sizes[number(2)]) + 1
        out += [number(value_size)] * count if repeated else [number(value_size) for _ in range(count)]
    return np.array(out, np.uint8).reshape(*size, 4)


BIG = np.zeros((150, 200), np.bool_)
BIG[-1, -1] = True


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12)))
@example(BIG)
@example(~BIG)
@example(np.ones((150, 200), np.bool_))
def test_brush_masks_come_back(mask: NDArray[np.bool_]) -> None:
    """Label Studio would show another mask, or none."""
    pixels = decoded(brush_rle(mask), mask.shape)
    assert (pixels == np.where(mask, 255, 0)[..., None]).all()


def test_label_studios_own_decoder() -> None:
    """What is described would not be what Label Studio does."""
    sdk = pytest.importorskip("label_studio_sdk.converter.brush", reason="label-studio-sdk is not installed")
    for mask in (blobs(1)[0], BIG, ~BIG):
        theirs = sdk.decode_rle(brush_rle(mask)).reshape(*mask.shape, 4)
        assert np.array_equal(theirs[..., 3] > 0, mask)


def test_tasks_hold_the_masks_of_their_frames(tmp_path: Path) -> None:
    """A mask would be drawn on another frame, or under a label that the project does not have."""
    tracks = [blobs(1), blobs(2)]
    run = write_run(tmp_path / "run", {'the "dogs"': tracks})
    tasks_file, config = export(run, tmp_path / "out", "label-studio", prefix="/data/").files
    known = {one.attrib["value"] for one in fromstring(config.read_text()).iter("Label")}
    assert known == {'the "dogs"'}
    tasks = json.loads(tasks_file.read_text())
    assert [one["data"]["image"] for one in tasks] == [f"/data/clip/{t:05}.jpg" for t in range(4)]
    for frame, task in enumerate(tasks):
        found = task["predictions"][0]["result"]
        assert len(found) == (0 if frame == 1 else 2)
        for one, track in zip(found, tracks, strict=False):
            assert (one["original_height"], one["original_width"]) == (30, 40)
            assert np.array_equal(decoded(one["value"]["rle"], (30, 40))[..., 0] > 0, track[frame])
            assert set(one["value"]["brushlabels"]) == known


def test_boxes_through_a_video(tmp_path: Path) -> None:
    """A box would stay where its object is gone, or lie elsewhere."""
    track = blobs(1)
    run = write_run(tmp_path / "run", {"x": [track]})
    tasks_file, _ = export(run, tmp_path / "out", "label-studio-video").files
    (task,) = json.loads(tasks_file.read_text())
    value = task["predictions"][0]["result"][0]["value"]
    assert value["framesCount"] == 4
    assert [(one["frame"], one["enabled"]) for one in value["sequence"]] == [
        (1, False),
        (3, True),
        (4, False),
    ]
    rows, columns = np.nonzero(track[2])
    box = value["sequence"][1]
    assert box["x"] == pytest.approx(100 * columns.min() / 40)
    assert box["height"] == pytest.approx(100 * (np.ptp(rows) + 1) / 30)


def test_frames_are_no_video(tmp_path: Path) -> None:
    """Label Studio would be given a folder in the place of a video file."""
    folder = tmp_path / "frames"
    folder.mkdir()
    from PIL import Image

    for t in range(4):
        Image.new("RGB", (40, 30)).save(folder / f"{t}.jpg")
    run = write_run(tmp_path / "run", {"x": [blobs(1)]}, video="frames")
    with pytest.raises(ConfigError, match="folder of frames"):
        export(run, tmp_path / "out", "label-studio-video")
    assert export(run, tmp_path / "out", "label-studio").videos == 1


def test_every_form_is_offered(tmp_path: Path) -> None:
    """A form could be written from Python only."""
    from alref_local.cli.export import command

    (form,) = [one for one in command.params if one.name == "form"]
    assert list(form.type.choices) == list(FORMATS)  # type: ignore[attr-defined]
