"""Every form is read back as its readers do, pixel by pixel."""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO

from alref_local.errors import ConfigError, MediaError
from alref_local.export import FORMATS, export
from alref_local.export.brush import brush_rle
from alref_local.export.cvat import label_name, run_lengths
from alref_local.media import FrameFolder
from tests.export.export_kit import Masks, brush_pixels, cvat_pixels, run_of

SENTENCES = ("the dog", 'both <cats> & "birds"', "a łódź")
Objects = list[tuple[str, list[Masks]]]

small = st.shared(st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 13)), key="size")
tracks = st.lists(small.flatmap(lambda shape: hnp.arrays(np.bool_, shape)), min_size=1, max_size=2)
objects = st.lists(st.tuples(st.sampled_from(SENTENCES), tracks), min_size=1, max_size=3)
drawn = settings(deadline=None, max_examples=25)


def exported(things: Objects, form: str) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        run_of(Path(folder) / "run", things)
        done = export(Path(folder) / "run", Path(folder) / "out", form, prefix="d/")
        return {file.name: file.read_bytes() for file in done.files}


def flat(things: Objects) -> list[tuple[str, str, Masks]]:
    """Sentence, reference, masks of every track."""
    return [(text, str(at), track) for at, (text, found) in enumerate(things) for track in found]


def seen(things: Objects) -> dict[tuple[int, int], tuple[str, str, Masks]]:
    """By track (from 1) and frame (from 0), where there is a mask."""
    return {
        (number, frame): (text, reference, mask)
        for number, (text, reference, masks) in enumerate(flat(things), start=1)
        for frame, mask in enumerate(masks)
        if mask.any()
    }


@drawn
@given(things=objects)
def test_coco(things: Objects) -> None:
    """A tool that loads the file would show other masks, or none."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(None):
        run_of(Path(folder) / "run", things)
        (file,) = export(Path(folder) / "run", Path(folder), "coco").files
        data = COCO(str(file))
    categories = {one["id"]: one["name"] for one in data.loadCats(data.getCatIds())}
    assert sorted(categories.values()) == sorted({text for text, _ in things})
    images = data.loadImgs(data.getImgIds())
    assert [one["file_name"] for one in images] == [f"street/{n:05}.jpg" for n in range(len(images))]
    frames = {one["id"]: one["frame"] for one in images}
    annotations = data.loadAnns(data.getAnnIds())
    found = {(one["track_id"], frames[one["image_id"]]): one for one in annotations}
    expected = seen(things)
    assert found.keys() == expected.keys()
    for key, (text, reference, mask) in expected.items():
        one = found[key]
        assert (categories[one["category_id"]], one["reference"]) == (text, reference)
        assert (data.annToMask(one) == mask).all()
        assert one["area"] == mask.sum()
        assert one["bbox"] == coco_masks.toBbox(one["segmentation"]).tolist()
        assert one["score"] == pytest.approx(0.5 + key[1] / 100)


@drawn
@given(things=objects)
def test_youtube_vis(things: Objects) -> None:
    """A track would lose its identity, or its masks be those of other frames."""
    data = json.loads(exported(things, "youtube-vis")["annotations.json"])
    (video,) = data["videos"]
    assert video["length"] == len(video["file_names"])
    assert video["file_names"][0] == "d/street/00000.jpg"
    categories = {one["id"]: one["name"] for one in data["categories"]}
    for one, (text, reference, masks) in zip(data["annotations"], flat(things), strict=True):
        assert one["video_id"] == video["id"]
        assert (categories[one["category_id"]], one["reference"]) == (text, reference)
        columns = (one["segmentations"], one["bboxes"], one["areas"])
        for segmentation, box, area, mask in zip(*columns, masks, strict=True):
            if mask.any():
                assert (coco_masks.decode(segmentation) == mask).all()
                assert (area, box) == (mask.sum(), coco_masks.toBbox(segmentation).tolist())
            else:
                assert (segmentation, box, area) == (None, None, None)


@drawn
@given(things=objects)
def test_cvat(things: Objects) -> None:
    """A mask would lie elsewhere in its frame, or in another frame."""
    files = exported(things, "cvat")
    root = ElementTree.fromstring(files["street.xml"])
    assert root.findtext("version") == "1.1"
    names = {text for text, _ in things}
    assert {one.text for one in root.findall("meta/task/labels/label/name")} == names
    labels = json.loads(files["street.labels.json"])
    assert {one["name"] for one in labels} == names
    assert {one["type"] for one in labels} == {"mask"}
    found = {}
    for image in root.findall("image"):
        assert image.get("name") == f"d/{int(image.get('id', '')):05}.jpg"
        size = int(image.get("height", "")), int(image.get("width", ""))
        for mask in image.findall("mask"):
            left, top, width, height = (
                int(mask.get(side, "")) for side in ("left", "top", "width", "height")
            )
            pixels = cvat_pixels(mask.get("rle", ""), left, top, width, height, size)
            found[int(mask.get("group_id", "")), int(image.get("id", ""))] = (mask.get("label"), pixels)
    expected = seen(things)
    assert found.keys() == expected.keys()
    for key, (text, _, pixels) in expected.items():
        assert found[key][0] == text
        assert (found[key][1] == pixels).all()


@drawn
@given(things=objects)
def test_label_studio(things: Objects) -> None:
    """A brush mask would be skewed, or have no label in the interface."""
    files = exported(things, "label-studio")
    interface = ElementTree.fromstring(files["labels.xml"])
    assert {one.get("value") for one in interface.iter("Label")} == {text for text, _ in things}
    controls = {one.get("name") for one in interface}
    for frame, task in enumerate(json.loads(files["tasks.json"])):
        assert task["data"] == {"image": f"d/street/{frame:05}.jpg", "video": "street", "frame": frame}
        (prediction,) = task["predictions"]
        expected = [(text, masks[frame]) for text, _, masks in flat(things) if masks[frame].any()]
        assert len({one["id"] for one in prediction["result"]}) == len(expected)
        for one, (text, mask) in zip(prediction["result"], expected, strict=True):
            assert {one["from_name"], one["to_name"]} == controls
            assert one["value"]["brushlabels"] == [text]
            shape = one["original_height"], one["original_width"], 4
            pixels = brush_pixels(one["value"]["rle"]).reshape(shape)
            assert (pixels == mask[..., None] * 255).all()


def test_label_studio_video(tmp_path: Path) -> None:
    """A box would stay where its object has left the picture, or lie on another frame of the file."""
    masks = np.zeros((5, 20, 40), bool)
    for frame in (0, 1, 3):
        masks[frame, 5:10, 4 + frame : 14 + frame] = True
    run_of(tmp_path / "run", [("the dog", [masks])], source="films/street.mp4", every=2)
    done = export(tmp_path / "run", tmp_path, "label-studio-video", prefix="s3://b/")
    (task,) = json.loads(done.files[0].read_text())
    assert task["data"] == {"video": "s3://b/street.mp4"}
    (region,) = task["predictions"][0]["result"]
    assert (region["type"], region["value"]["labels"]) == ("videorectangle", ["the dog"])
    sequence = region["value"]["sequence"]
    assert [(one["frame"], one["enabled"]) for one in sequence] == [(1, True), (2, False), (4, False)]
    assert [one["x"] for one in sequence] == [10.0, 12.5, 17.5]
    assert {(one["y"], one["width"], one["height"]) for one in sequence} == {(25.0, 25.0, 25.0)}
    assert sequence[-1]["time"] == pytest.approx(3 / 20)  # the run took every second frame of 20 a second


@settings(deadline=None)
@given(mask=hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=20)))
def test_runs_of_any_mask(mask: Masks) -> None:
    """A mask that touches an edge, or fills its box, would be shifted by a run."""
    counts = run_lengths(mask)
    height, width = mask.shape
    assert sum(counts) == mask.size
    assert 0 not in counts[1:]
    assert (cvat_pixels(",".join(map(str, counts)), 0, 0, width, height, mask.shape) == mask).all()
    assert (brush_pixels(brush_rle(mask)).reshape(height, width, 4) == mask[..., None] * 255).all()


@pytest.mark.parametrize("size", [(128, 128), (129, 128), (200, 250)])
def test_runs_that_are_longer_than_a_count(size: tuple[int, int]) -> None:
    """A mask with much background would end too early: a count has 16 bits, and a pixel four channels."""
    mask = np.zeros(size, bool)
    assert not brush_pixels(brush_rle(mask)).any()
    mask[-1, -1] = True
    assert (brush_pixels(brush_rle(mask)).reshape(*size, 4) == mask[..., None] * 255).all()


def test_names_that_cvat_can_keep() -> None:
    """Two long sentences would become one label, or one be refused."""
    begun = "the dog that jumps over the ball which the child in red threw "
    names = {label_name(begun + end) for end in ("far", "near")}
    assert len(names) == 2
    assert max(map(len, names)) <= 64
    assert label_name("x" * 64) == "x" * 64
    assert label_name("a\x00b\x1b") == "a?b?"


def test_an_evaluation_and_a_list_of_videos(tmp_path: Path) -> None:
    """Only one video of many could be exported, or ids of two be the same."""
    masks = np.ones((2, 4, 6), bool)
    for name in ("a", "b"):
        run_of(tmp_path / "run/items" / name, [("the dog", [masks]), ("the cat", [masks])])
    for folder in (tmp_path / "run", tmp_path / "run/items"):
        data = json.loads(export(folder, tmp_path / "out", "coco").files[0].read_text())
        assert [one["file_name"] for one in data["images"]] == [
            f"{name}/0000{n}.jpg" for name in "ab" for n in range(2)
        ]
        for kind in ("images", "annotations", "categories"):
            ids = [one["id"] for one in data[kind]]
            assert len(ids) == len(set(ids))
        assert len(data["categories"]) == 2
        assert {one["track_id"] for one in data["annotations"]} == {1, 2, 3, 4}
    listed = json.loads(export(tmp_path / "run", tmp_path / "out", "youtube-vis").files[0].read_text())
    assert [one["video_id"] for one in listed["annotations"]] == [1, 1, 2, 2]
    names = [file.name for file in export(tmp_path / "run", tmp_path / "out", "cvat").files]
    assert names == ["a.xml", "a.labels.json", "b.xml", "b.labels.json"]


def test_frames_of_a_folder_keep_their_names(tmp_path: Path) -> None:
    """A tool would look for pictures that are called otherwise."""
    source = tmp_path / "0a1b"
    source.mkdir()
    for number in range(0, 15, 5):
        Image.new("RGB", (6, 4), (number, 0, 0)).save(source / f"{number:05}.PNG")
    things = [("the dog", [np.ones((3, 4, 6), bool)])]
    run_of(tmp_path / "run", things, source=source, video=FrameFolder(source))
    done = export(tmp_path / "run", tmp_path / "out", "coco", frames=True)
    data = json.loads(done.files[0].read_text())
    assert [(one["file_name"], one["frame"]) for one in data["images"]] == [
        ("0a1b/00000.PNG", 0),
        ("0a1b/00005.PNG", 1),
        ("0a1b/00010.PNG", 2),
    ]
    assert done.frames == 3
    for one in data["images"]:
        copied = tmp_path / "out/images" / one["file_name"]
        assert copied.read_bytes() == (source / copied.name).read_bytes()
    with pytest.raises(ConfigError, match="from a folder of frames"):
        export(tmp_path / "run", tmp_path / "out", "label-studio-video")
    (source / "00005.PNG").unlink()
    with pytest.raises(MediaError, match="has not the 3 frames any more"):
        export(tmp_path / "run", tmp_path / "out", "coco", frames=True)


def test_what_cannot_be_exported(tmp_path: Path) -> None:
    """A wrong folder or word would end in a traceback."""
    with pytest.raises(ConfigError, match="holds no finished run"):
        export(tmp_path, tmp_path / "out", "coco")
    with pytest.raises(ConfigError, match="no form 'voc'") as refused:
        export(tmp_path, tmp_path / "out", "voc")
    assert all(form in refused.value.hint for form in FORMATS)
