"""Archives of every benchmark from evaluations whose masks are known."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from alref_local.datasets import DATASETS, Item, load_items
from alref_local.errors import ConfigError
from alref_local.handin import FORMS, check_archive, write_archive
from tests.datasets.miniatures import SIZE, blocks
from tests.evaluate.run_kit import perfect
from tests.handin.zip_kit import archived, evaluated, read_zip

FORM_OF = [("ref-youtube-vos", ""), ("mevis", "valid_u"), ("mevis", "valid"), ("ref-davis17", "")]


def pixels(data: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


@pytest.mark.parametrize(("name", "split"), FORM_OF)
def test_every_frame_of_every_sentence_is_in_it(name: str, split: str, tmp_path: Path) -> None:
    """A server would refuse the archive, or score other masks than those that were made."""
    found, root = archived(name, tmp_path, split)
    expected: dict[str, NDArray[np.uint8]] = {}
    for item in load_items(name, root, split):
        for one in item.references:
            for frame in item.frames:
                mask = perfect(item, one.id, frame)
                assert mask is not None
                if name == "ref-davis17":
                    label = expected.setdefault(
                        f"{one.group}/{item.id}/{frame}.png", np.zeros(SIZE, np.uint8)
                    )
                    label[mask] = one.object
                else:
                    top = "Annotations/" if name == "ref-youtube-vos" else ""
                    expected[f"{top}{item.id}/{one.id}/{frame}.png"] = mask.astype(np.uint8) * 255
    assert set(found) == set(expected)
    for file, truth in expected.items():
        assert np.array_equal(pixels(found[file]), truth), file
    with Image.open(io.BytesIO(next(iter(found.values())))) as image:
        assert image.mode == FORMS[name].mode


def test_names_are_the_published_ones(tmp_path: Path) -> None:
    """An id that cannot name a folder here would be missing on the server, which knows it as published."""
    found, root = archived("mevis", tmp_path, "valid_u")
    shutil.rmtree(tmp_path / "run")
    meta = root / "valid_u/meta_expressions.json"
    meta.write_text(meta.read_text().replace("3a4b5c", "-3a 4b"))
    (root / "valid_u/JPEGImages/3a4b5c").rename(root / "valid_u/JPEGImages/-3a 4b")
    renamed, _ = archived("mevis", tmp_path, "valid_u")
    assert [name.replace("-3a 4b", "3a4b5c") for name in renamed] == list(found)


def test_equal_masks_give_equal_bytes(tmp_path: Path) -> None:
    """An archive could not be told to be the one that was handed in."""
    run, root = evaluated("ref-davis17", tmp_path)
    for name in ("one.zip", "two.zip"):
        write_archive(run, tmp_path / name, root)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert {info.date_time[0] for info in archive.infolist()} == {1980}
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}


def test_objects_that_were_never_tracked_are_empty_maps(tmp_path: Path) -> None:
    """A run that found nothing in a video could not be handed in: no label maps are written then."""

    def nothing(item: Item, reference: str, frame: str) -> NDArray[np.bool_] | None:
        return None if item.id == "dog" else perfect(item, reference, frame)

    run, root = evaluated("ref-davis17", tmp_path, mask=nothing)
    shutil.rmtree(run / "items/dog/merged")
    assert write_archive(run, tmp_path / "it.zip", root).problems == ()
    found = read_zip(tmp_path / "it.zip")
    assert not pixels(found["anno_3/dog/00002.png"]).any()
    assert np.array_equal(pixels(found["anno_3/blackswan/00002.png"]), blocks(2))


def test_an_incomplete_evaluation_is_refused_with_what_is_missing(tmp_path: Path) -> None:
    """A video that failed would count as zero on the server, or the upload be in vain."""
    run, root = evaluated("ref-youtube-vos", tmp_path)
    (run / "items/ff00/manifest.json").unlink()
    with pytest.raises(ConfigError, match=r"lacks 1 of 2 videos: ff00\.") as refused:
        write_archive(run, tmp_path / "it.zip", root)
    assert "--limit" in refused.value.hint
    assert not list(tmp_path.glob("it.zip*"))


def test_masks_that_were_spoilt_are_not_handed_in(tmp_path: Path) -> None:
    """An archive that the server refuses would get its name, and a good one before it be lost."""
    run, root = evaluated("ref-youtube-vos", tmp_path)
    write_archive(run, tmp_path / "it.zip", root)
    before = (tmp_path / "it.zip").read_bytes()
    Image.new("L", (3, 4)).save(run / "items/0a1b/masks/1/00010.png")
    found = write_archive(run, tmp_path / "it.zip", root)
    assert found.problems == ("Annotations/0a1b/1/00010.png is 3x4, but its video 64x48.",)
    assert (tmp_path / "it.zip").read_bytes() == before
    assert not (tmp_path / "it.zip.part").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda run, root: (run / "result.json").unlink(), "is not the folder of an evaluation"),
        (lambda run, root: (run / "result.json").write_text("[]"), "is not the folder of an evaluation"),
        (
            lambda run, root: (run / "result.json").write_text(
                json.dumps({"dataset": "avs-s4", "split": "test"})
            ),
            "no published form of archives for 'avs-s4'",
        ),
        (lambda run, root: (run / "items/ff00/masks/0/00010.png").unlink(), "it is missing"),
        (
            lambda run, root: shutil.copytree(run / "items/0a1b", run / "items/ff00", dirs_exist_ok=True),
            "holds other frames or sentences than the data set lists for ff00",
        ),
    ],
)
def test_what_is_no_evaluation_of_it_is_refused(change: object, said: str, tmp_path: Path) -> None:
    """A wrong folder would end in a traceback, or in an archive of something else."""
    run, root = evaluated("ref-youtube-vos", tmp_path)
    assert callable(change)
    change(run, root)
    with pytest.raises(ConfigError) as refused:
        write_archive(run, tmp_path / "it.zip", root)
    assert said in str(refused.value)
    assert not list(tmp_path.glob("it.zip*"))


def test_remarks_say_what_a_server_would_miss(tmp_path: Path) -> None:
    """Somebody would upload the part of a split, or the split that no server scores."""
    run, root = evaluated("mevis", tmp_path)
    assert write_archive(run, tmp_path / "it.zip", root).remarks == (
        "The published split has 50 videos, this one 1.",
        "The benchmark scores the split valid; this is valid_u.",
    )
    assert check_archive(tmp_path / "it.zip", "mevis", root).problems  # by default, what the server scores


def test_forms_are_of_data_sets() -> None:
    """A form would be offered for what cannot be evaluated."""
    assert set(FORMS) <= set(DATASETS)
    for name, form in FORMS.items():
        assert form.split in DATASETS[name].splits
