"""The tools' own readers, where they are installed (label-studio-sdk, cvat-sdk, datumaro)."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from alref_local.export import export
from alref_local.export.cvat import run_lengths
from tests.export.export_kit import Masks, run_of


def sdk(name: str) -> Any:
    """A package, or a skipped test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, exc_type=ImportError)


@pytest.fixture
def track() -> Masks:
    """Blobs that touch the edges, with holes, and a frame without any."""
    masks = np.random.default_rng(7).random((4, 30, 40)) > 0.6
    masks[1] = False
    masks[2, :, :5] = False
    return masks


def exported(track: Masks, folder: Path, form: str) -> Path:
    run_of(folder / "run", [("the dog", [track]), ("the cat", [~track])])
    export(folder / "run", folder / form, form)
    return folder / form


def test_label_studio_decodes_the_brush(track: Masks, tmp_path: Path) -> None:
    """Label Studio would show other masks than were made, or refuse the predictions."""
    brush = sdk("label_studio_sdk.converter.brush")
    interface = sdk("label_studio_sdk.label_interface").LabelInterface
    folder = exported(track, tmp_path, "label-studio")
    config = interface((folder / "labels.xml").read_text())
    for frame, task in enumerate(json.loads((folder / "tasks.json").read_text())):
        assert config.validate_prediction(task["predictions"][0])
        by_label = {one["value"]["brushlabels"][0]: one for one in task["predictions"][0]["result"]}
        for label, masks in (("the dog", track), ("the cat", ~track)):
            if masks[frame].any():
                pixels = brush.decode_rle(by_label[label]["value"]["rle"]).reshape(30, 40, 4)
                assert (pixels == masks[frame][..., None] * 255).all()


def test_label_studio_follows_the_boxes(track: Masks, tmp_path: Path) -> None:
    """Label Studio would draw boxes through frames on which there is nothing."""
    video = sdk("label_studio_sdk._extensions.label_studio_tools.postprocessing.video")
    interface = sdk("label_studio_sdk.label_interface").LabelInterface
    folder = exported(track, tmp_path, "label-studio-video")
    (task,) = json.loads((folder / "tasks.json").read_text())
    assert interface((folder / "labels.xml").read_text()).validate_prediction(task["predictions"][0])
    (dog, _) = video.extract_key_frames(task["predictions"][0]["result"])
    assert [one["frame"] for one in dog["value"]["sequence"] if one["enabled"]] == [3]
    assert [one["frame"] for one in dog["value"]["sequence"]] == [1, 3, 4]


def test_cvat_encodes_the_same_runs(track: Masks) -> None:
    """CVAT would read a mask that begins at once inverted."""
    masks = sdk("cvat_sdk.masks")
    for mask in (track[0], ~track[0], np.ones((3, 4), bool)):
        height, width = mask.shape
        assert run_lengths(mask) == list(map(int, masks.encode_mask(mask, [0, 0, width, height])[:-4]))


@pytest.mark.parametrize(("form", "file"), [("cvat", "street.xml"), ("coco", "annotations.json")])
def test_datumaro_reads_the_masks(form: str, file: str, track: Masks, tmp_path: Path) -> None:
    """A converter would find no masks, or shifted ones."""
    datumaro = sdk("datumaro")
    folder = exported(track, tmp_path, form)
    name = {"cvat": "annotations.xml", "coco": "annotations/instances_default.json"}[form]
    (tmp_path / "data" / name).parent.mkdir(parents=True)
    shutil.copy(folder / file, tmp_path / "data" / name)
    pictures = tmp_path / "data/images" / {"coco": "street"}.get(form, "")
    pictures.mkdir(parents=True)
    for frame in range(len(track)):
        Image.new("RGB", (40, 30)).save(pictures / f"{frame:05}.jpg")
    data = datumaro.Dataset.import_from(str(tmp_path / "data"), {"coco": "coco_instances"}.get(form, form))
    labels = [one.name for one in data.categories()[datumaro.AnnotationType.label].items]
    found = {
        (int(Path(item.id).name), labels[one.label]): np.asarray(one.image).astype(bool)
        for item in data
        for one in item.annotations
        if one.type == datumaro.AnnotationType.mask
    }
    for label, masks in (("the dog", track), ("the cat", ~track)):
        for frame, mask in enumerate(masks):
            assert ((frame, label) in found) == mask.any()
            if mask.any():
                assert (found[frame, label] == mask).all()
