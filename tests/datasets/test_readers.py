"""Every reader on a miniature in the published layout: what is asked of which files, and by which truth."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alref_local.datasets import DATASETS, Drawn, Item, Reference, check, load_items
from alref_local.datasets.avsbench_semantic import categories
from alref_local.datasets.source import Source
from alref_local.datasets.truth import ClassFiles
from alref_local.errors import MediaError
from alref_local.media import open_video
from alref_local.metrics.avss import palette
from tests.datasets.miniatures import MINIATURES, SIZE, blocks, ref_youtube_vos_train

EXPRESSIONS = (
    Path(__file__).parents[2] / "../shared/data/annotations/refytvos_valid_test_meta_expressions.json"
)
COUNTS = {
    "ref-youtube-vos": {"videos": 2, "sentences": 3, "frames": 8, "masks": 12},
    "ref-davis17": {"videos": 2, "sentences": 12, "frames": 8, "masks": 8},
    "mevis": {"videos": 1, "sentences": 3, "without target": 1, "frames": 3},
    "avs-s4": {"videos": 1, "sounds": 1, "frames": 5, "masks": 5},
    "avs-ms3": {"videos": 2, "sounds": 2, "frames": 10, "masks": 10},
    "avs-avss": {"videos": 2, "sounds": 2, "frames": 15, "masks": 15},
    "avs-v2-binary": {"videos": 1, "sounds": 1, "frames": 10, "masks": 10},
    "ref-avs": {"videos": 1, "sentences": 3, "frames": 10, "masks": 20},
    "own": {"videos": 2, "sentences": 2, "sounds": 1, "masks": 1},
}


def made(root: Path, name: str, split: str = "") -> dict[str, Item]:
    MINIATURES[name](root)
    return {item.id: item for item in load_items(name, root, split)}


def masks(reference: Reference) -> list[np.ndarray]:
    assert reference.truth is not None
    return [reference.truth.read(frame, SIZE) for frame in reference.truth.frames]


@pytest.mark.parametrize("name", MINIATURES)
def test_a_complete_data_set_has_no_complaints(tmp_path: Path, name: str) -> None:
    """People whose data are in order would be sent looking for files."""
    MINIATURES[name](tmp_path)
    found = check(name, tmp_path)
    assert found.problems == ()
    assert found.counts == COUNTS[name]


@pytest.mark.parametrize("name", MINIATURES)
def test_items_open_and_cross_to_other_processes(tmp_path: Path, name: str) -> None:
    """Workers would get items whose videos or truths they cannot read."""
    for item in made(tmp_path, name).values():
        assert pickle.loads(pickle.dumps(item)) == item
        assert isinstance(item.video, Path)
        video = open_video(item.video)
        names = [video.frame_name(index) for index in range(len(video))]
        assert video.size == SIZE
        if item.frames:
            assert tuple(names) == item.frames
        truths = [item.truth, *(one.truth for one in item.references)]
        for truth in (one for one in truths if one is not None):
            for frame in truth.frames:
                assert frame in names
                assert truth.read(frame, video.size).shape == SIZE


@pytest.mark.parametrize("name", ["avs-s4", "avs-avss", "ref-davis17", "mevis"])
def test_truth_of_another_size_is_refused(tmp_path: Path, name: str) -> None:
    """Masks would be compared with truth of another size, or end in a traceback."""
    item = next(iter(made(tmp_path, name).values()))
    truth = item.truth or item.references[0].truth
    assert truth is not None
    with pytest.raises(MediaError, match=r"\d+x\d+"):
        truth.read(truth.frames[0], (SIZE[0] + 1, SIZE[1]))


def test_ref_youtube_vos(tmp_path: Path) -> None:
    """Videos of the later test phase would be evaluated, or sentences mixed up."""
    items = made(tmp_path, "ref-youtube-vos")
    assert list(items) == ["0a1b", "ff00"]
    assert [one.id for one in items["0a1b"].references] == ["0", "1"]
    assert items["0a1b"].references[1].text == "the bright block that moves"
    for t, mask in enumerate(masks(items["0a1b"].references[1])):
        np.testing.assert_array_equal(mask, blocks(t) == 1)


def test_ref_youtube_vos_train(tmp_path: Path) -> None:
    """The train split, whose truth is label maps, could not be used to try out prompts."""
    ref_youtube_vos_train(tmp_path)
    (item,) = load_items("ref-youtube-vos", tmp_path, "train")
    for number, reference in enumerate(item.references, start=1):
        for t, mask in enumerate(masks(reference)):
            np.testing.assert_array_equal(mask, blocks(t) == number)


def test_ref_davis17(tmp_path: Path) -> None:
    """An annotator's sentences would be merged with another's, or under another object's number."""
    swan = made(tmp_path, "ref-davis17")["blackswan"]
    assert [(one.group, one.object) for one in swan.references] == [
        (f"anno_{a}", o) for o in (1, 2) for a in range(4)
    ]
    assert swan.references[5].text == "object 1 says annotator 1"
    assert swan.truth is not None
    np.testing.assert_array_equal(swan.truth.read("00002", SIZE), blocks(2))


def test_mevis(tmp_path: Path) -> None:
    """Several objects, absent ones or none at all would be scored by the wrong masks."""
    one, both, none = made(tmp_path, "mevis")["3a4b5c"].references
    assert [reference.target for reference in (one, both, none)] == [True, True, False]
    for t in range(3):
        np.testing.assert_array_equal(masks(one)[t], blocks(t) == 1)
        np.testing.assert_array_equal(masks(both)[t], blocks(t) == 1 if t == 2 else blocks(t) > 0)
        assert not masks(none)[t].any()


def test_mevis_valid_has_no_truth(tmp_path: Path) -> None:
    """The split that only a server can score could not be run."""
    (item,) = made(tmp_path, "mevis", "valid").values()
    assert [one.truth for one in item.references] == [None, None]
    assert any("not scored" in remark for remark in check("mevis", tmp_path, "valid").remarks)


def test_avsbench_object(tmp_path: Path) -> None:
    """Sound would be looked for where it is not, or silent frames have masks."""
    (s4,) = made(tmp_path / "s4", "avs-s4").values()
    assert (s4.id, s4.part) == ("-0aB_10", "cat")
    assert s4.audio is not None
    assert s4.audio.is_file()
    assert s4.references[0].sound
    assert not s4.references[0].text
    np.testing.assert_array_equal(masks(s4.references[0])[2], blocks(3) == 1)
    ms3 = made(tmp_path / "ms3", "avs-ms3")["xy_1"]
    assert [mask.any() for mask in masks(ms3.references[0])] == [False, True, True, True, True]


def test_avsbench_semantic(tmp_path: Path) -> None:
    """Categories would be read as others, and every figure be low."""
    items = made(tmp_path, "avs-avss")
    assert [(item.part, len(item.frames)) for item in items.values()] == [("v1m", 5), ("v2", 10)]
    truth = items["def_0_10000"].truth
    assert truth is not None
    np.testing.assert_array_equal(truth.read("3", SIZE), np.array([0, 1, 70])[blocks(3)])
    assert categories(Source(tmp_path))["piano"] == 70
    (binary,) = load_items("avs-v2-binary", tmp_path)
    assert binary.truth is None
    np.testing.assert_array_equal(masks(binary.references[0])[3], blocks(3) > 0)


def test_avsbench_palette() -> None:
    """Colours would stand for other categories than AVSBench's."""
    colours = palette().tolist()
    assert len({tuple(colour) for colour in colours}) == 71
    by_hand = {
        0: [0, 0, 0],
        1: [128, 0, 0],
        2: [0, 128, 0],
        4: [0, 0, 128],
        7: [128] * 3,
        8: [64, 0, 0],
        70: [32, 128, 128],
    }
    assert {number: colours[number] for number in by_hand} == by_hand


def test_colours_beyond_the_palette_are_background(tmp_path: Path) -> None:
    """A pixel of a blended colour would count as some category, or as one beyond the last."""
    colours = np.array([[[128, 0, 0], [130, 0, 0], [255, 255, 255], [32, 128, 128]]], np.uint8)
    Image.fromarray(colours).save(tmp_path / "0.png")
    truth = ClassFiles(("0",), (tmp_path / "0.png",))
    assert truth.read("0", (1, 4)).tolist() == [[1, 0, 0, 70]]


def test_ref_avs(tmp_path: Path) -> None:
    """The sentence without a target would be scored as if it had one, or two sentences of one id be one."""
    (item,) = made(tmp_path, "ref-avs").values()
    assert item.id == "--KCIe_0_10000"
    assert [(one.id, one.text) for one in item.references] == [
        (f"{item.id}_hair-dryer_1", "The object that sounds, and moves."),
        (f"{item.id}_hair-dryer_2", "The block."),
        (f"{item.id}_hair-dryer_2~2", "The lower block."),
    ]
    np.testing.assert_array_equal(masks(item.references[2])[3], blocks(3) == 2)
    (null,) = load_items("ref-avs", tmp_path, "test_n")
    assert null.references[0].target is False
    assert not any(mask.any() for mask in masks(null.references[0]))


@pytest.mark.parametrize("split", ["val", "train"])
def test_null_sentences_of_ref_avs(split: str, tmp_path: Path) -> None:
    """Those outside the null split would be scored against a target that they have not."""
    MINIATURES["ref-avs"](tmp_path)
    table = tmp_path / "metadata.csv"
    table.write_text(table.read_text().replace("test_s", split).replace("test_n", split))
    seen, null = load_items("ref-avs", tmp_path, split)
    assert [one.target for one in seen.references] == [True, True, True]
    assert [one.target for one in null.references] == [False]


def test_own_list(tmp_path: Path) -> None:
    """People's own sentences would be lost, or asked of another video."""
    street, yard = made(tmp_path, "own").values()
    assert [(one.id, one.text) for one in street.references] == [
        ("first", "the block, the upper one"),
        ("1", "the lower block"),
    ]
    assert street.references[0].truth is not None
    assert street.references[0].truth.frames == ("001",)
    assert yard.references[0].sound
    assert yard.audio == tmp_path / "yard.wav"


def test_own_list_typed_by_hand(tmp_path: Path) -> None:
    """A blank after a comma would turn a sentence into the wish for whatever sounds."""
    MINIATURES["own"](tmp_path)
    (tmp_path / "dataset.csv").write_text('video, sentence\nclips/yard, "a block, the upper one"\n')
    (item,) = load_items("own", tmp_path)
    assert [(one.text, one.sound) for one in item.references] == [("a block, the upper one", False)]


def test_own_list_as_json(tmp_path: Path) -> None:
    """A list written by a program would have to be turned into a CSV."""
    MINIATURES["own"](tmp_path)
    (tmp_path / "night.json").write_text('[{"video": "clips/yard", "sentence": "a block", "id": 7}]')
    (item,) = load_items("own", tmp_path, "night")
    assert [(one.id, one.text) for one in item.references] == [("7", "a block")]


@pytest.mark.parametrize("preset", ["ladder", "absent", "sound"])
def test_drawn_world(tmp_path: Path, preset: str) -> None:
    """The drawn world could not be evaluated like a published data set."""
    items = load_items("world", tmp_path, f"{preset}:800000:2")
    assert [item.id for item in items] == [f"{preset}-800000", f"{preset}-800001"]
    for item in items:
        (reference,) = item.references
        assert isinstance(item.video, Drawn)
        scene = item.video.scene()
        assert reference.sound == (preset == "sound")
        assert reference.target == (preset != "absent")
        assert reference.truth is not None
        for t in (0, scene.length // 2):
            meant = scene.sounding(t) if preset == "sound" else list(scene.target.referents)
            mask = reference.truth.read(item.frames[t], scene.size)
            np.testing.assert_array_equal(mask, scene.masks(t)[meant].any(axis=0))
    assert check("world", tmp_path).problems == ()
    assert Drawn(preset, 800_000).scene() is Drawn(preset, 800_000).scene()  # drawn once, not for every frame


@pytest.mark.skipif(not EXPRESSIONS.is_file(), reason="no real data at ../shared/data")
def test_the_real_expression_file(tmp_path: Path) -> None:
    """The published file, with everything that is odd in it, could not be read."""
    for split, text in (("valid", EXPRESSIONS.read_text()), ("test", '{"videos": {}}')):
        (tmp_path / "meta_expressions" / split).mkdir(parents=True)
        (tmp_path / f"meta_expressions/{split}/meta_expressions.json").write_text(text)
    items = load_items("ref-youtube-vos", tmp_path)
    assert len(items) == 507
    assert sum(len(item.references) for item in items) == 2096
    found = check("ref-youtube-vos", tmp_path)
    assert len(found.problems) == 507
    assert "The published split has 202 videos, this one 507." in found.remarks


def test_every_data_set_is_described() -> None:
    """A data set would be listed without saying what it is or how it lies."""
    for name, dataset in DATASETS.items():
        assert dataset.name == name
        assert dataset.about
        assert dataset.layout.strip()
        assert dataset.splits
    assert set(MINIATURES) == set(DATASETS) - {"world"}
