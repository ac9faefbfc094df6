"""CVAT for images 1.1."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from alref_local.export import export
from alref_local.export.cvat import label_name, run_lengths
from tests.export.export_kit import blobs, write_run


def decoded(shape: Element, size: tuple[int, int]) -> NDArray[np.bool_]:
    """A ``<mask>`` as CVAT documents it: run lengths in its box, row by row, the first one of background."""
    left, top, width, height = (int(shape.attrib[name]) for name in ("left", "top", "width", "height"))
    counts = [int(one) for one in shape.attrib["rle"].split(",")]
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    mask = np.zeros(size, np.bool_)
    mask[top : top + height, left : left + width] = flat.reshape(height, width)
    return mask


def test_masks_come_back(tmp_path: Path) -> None:
    """Masks would lie elsewhere in CVAT, or belong to other frames."""
    tracks = [blobs(1), blobs(2)]
    run = write_run(tmp_path / "run", {"the dogs": tracks[:1], "a <ball> & more": tracks[1:]})
    xml, labels = export(run, tmp_path / "out", "cvat").files
    root = fromstring(xml.read_bytes())
    assert [one["name"] for one in json.loads(labels.read_text())] == ["the dogs", "a <ball> & more"]
    images = root.findall("image")
    assert [one.attrib["id"] for one in images] == ["0", "1", "2", "3"]
    for frame, image in enumerate(images):
        shapes = {int(one.attrib["group_id"]): one for one in image.findall("mask")}
        assert set(shapes) == (set() if frame == 1 else {1, 2})
        for group, shape in shapes.items():
            assert np.array_equal(decoded(shape, (30, 40)), tracks[group - 1][frame])
            assert shape.attrib["label"] == ("the dogs", "a <ball> & more")[group - 1]


@given(
    hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=7)).filter(lambda mask: mask.size > 0)
)
def test_run_lengths_are_those_of_the_pixels(mask: NDArray[np.bool_]) -> None:
    """A mask that begins in the first pixel would come out inverted."""
    counts = run_lengths(mask)
    assert sum(counts) == mask.size
    assert all(counts[1:])
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    assert np.array_equal(flat, mask.ravel())


@given(st.text(max_size=200))
def test_labels_fit(text: str) -> None:
    """CVAT would refuse the task: labels are of 64 characters, and XML holds no control characters."""
    name = label_name(text)
    assert len(name) <= 64
    Element("label", name=name)
    if len(text) <= 64 and text.isprintable():
        assert name == text


def test_long_sentences_stay_apart() -> None:
    """Two sentences would become one label."""
    begin = "the dog that runs after the ball and jumps over the fence " * 2
    assert label_name(begin + "left") != label_name(begin + "right")


def test_cvats_own_decoder(tmp_path: Path) -> None:
    """What is documented would not be what CVAT does."""
    sdk = pytest.importorskip("cvat_sdk.masks", reason="cvat-sdk is not installed")
    mask = blobs(4)[0]
    rows, columns = np.nonzero(mask)
    theirs = sdk.encode_mask(mask, [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    inside = mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    assert [int(one) for one in theirs[:-4]] == run_lengths(inside)
