"""Run folders: written whole, read back the same, never half."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from alref_local import masks
from alref_local.errors import ConfigError
from alref_local.files import safe_name
from alref_local.runs import RunFolder, open_run
from alref_local.runs.folder import strip_name
from alref_local.settings import Settings
from alref_local.types import Box, Candidate, Clip, ClipReasoned, MaskTrack, Pivot, Query, TargetResult
from alref_local.types import Image as Frame

SIZE = (6, 9)
SETTINGS = Settings(name="mine").overridden({"sampling": {"interval": 3}})
CARD = {"name": "none", "kind": "none"}


class FakeVideo:
    """A video whose frames nobody may decode."""

    name = "clip"
    size = SIZE
    fps = 12.5

    def __init__(self, length: int = 4) -> None:
        self._length = length

    def __len__(self) -> int:
        return self._length

    def frame_name(self, index: int) -> str:
        return f"{index * 5:05}"

    def timestamps(self) -> NDArray[np.float64]:
        return np.arange(self._length) / self.fps

    def frames(self, indices: object) -> NDArray[np.uint8]:
        raise AssertionError("decoded")

    def stream(
        self, start: int = 0, stop: int | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[int, Frame]]:
        raise AssertionError("decoded")


def track(track_id: int, length: int = 4, seed: int = 0) -> MaskTrack:
    rng = np.random.default_rng(seed + track_id)
    stack = rng.random((length, *SIZE)) > 0.7
    stack[1] = False
    return MaskTrack(
        track_id, SIZE, masks.encode_stack(stack), tuple(float(one) for one in rng.random(length))
    )


def results(length: int = 4) -> tuple[TargetResult, ...]:
    given = Pivot(clip=0, frame=2, box=Box(0, 0, 3.5, 4))
    reasoned = Pivot(clip=1, frame=3, box=Box(1, 2, 3, 4), score=0.25)
    clip = ClipReasoned(
        "dogs",
        Clip(1, 2, 4, (2, 3)),
        frame=3,
        candidates=(Candidate(Box(1, 2, 3, 4), 0.25),),
        pivots=(reasoned,),
    )
    dropped = ClipReasoned("cat", Clip(0, 0, 4, (0,)), note="no valid answer")
    return (
        TargetResult(
            Query("dogs", 'the two "dogs" größer'),
            "ok",
            (track(0, length), track(3, length)),
            (reasoned,),
            (clip,),
        ),
        TargetResult(Query("mine", "this one", (given,)), "ok", (track(1, length),), (given,)),
        TargetResult(Query("cat", "the cat"), "no_target", (), (), (dropped,)),
    )


def write(path: Path, length: int = 4) -> RunFolder:
    folder = RunFolder(path)
    folder.write_config(SETTINGS, CARD)
    folder.calls_path.write_text('{"call": 1}\n')
    folder.add_strip("dogs-001-pivot_frame-1", b"jpeg")
    folder.write_result(FakeVideo(length), results(length), {"reasoning": 1.5})
    folder.finish({"seed": 7, "weights": {"tiny": {"model.safetensors": "00"}}})
    return folder


def test_reads_back_what_was_written(tmp_path: Path) -> None:
    """Masks, pivots or notes would be lost between a run and everything that reads it later."""
    folder = write(tmp_path / "new/out")
    run = open_run(folder.path)
    assert folder.finished
    assert run.results == results()
    assert run.settings == SETTINGS
    assert run.backend == CARD
    assert run.timings == {"reasoning": 1.5}
    assert (run.video.name, run.video.width, run.video.height, run.video.fps) == ("clip", 9, 6, 12.5)
    assert run.manifest["weights"] == {"tiny": {"model.safetensors": "00"}}
    assert run.manifest["packages"]["numpy"] == np.__version__
    assert run.calls_path == folder.calls_path


def test_every_promised_file_is_there_and_nothing_else(tmp_path: Path) -> None:
    """A tool that reads run folders would miss a file, or meet a half-written one."""
    folder = write(tmp_path / "out")
    frames = ["00000.png", "00005.png", "00010.png", "00015.png"]
    expected = {f"masks/{name}/{frame}" for name in ("dogs", "mine", "cat") for frame in frames}
    expected |= {"masks.json", "result.json", "calls.jsonl", "config.yaml", "backend.yaml", "manifest.json"}
    expected |= {"strips/dogs-001-pivot_frame-1.jpg"}
    assert {
        str(path.relative_to(folder.path)) for path in folder.path.rglob("*") if path.is_file()
    } == expected


def test_strips_are_named_by_their_questions() -> None:
    """A report of runs from last month would show no strips."""
    assert strip_name("0", "pivot_frame", 7) == "0-clip007-pivot_frame"
    assert strip_name("dog", "pivot_box", 0) == "dog-clip000-pivot_box"
    assert strip_name("sound", "lbru", 12) == "sound-stretch012-lbru"
    assert strip_name("0", "second_look", 2) == "0-look2"


def test_png_masks_are_the_union_of_the_tracks(tmp_path: Path) -> None:
    """A sentence that means two objects would show one, in values or at a size no benchmark accepts."""
    folder = write(tmp_path / "out")
    for result in results():
        for index in range(4):
            with Image.open(folder.path / f"masks/{result.query.id}/{index * 5:05}.png") as image:
                assert image.mode == "L"
                pixels = np.asarray(image)
            decoded = [masks.decode(one.masks[index]) for one in result.tracks]
            np.testing.assert_array_equal(
                pixels, np.any([np.zeros(SIZE, bool), *decoded], axis=0) * np.uint8(255)
            )


def test_masks_json_is_what_coco_tools_read(tmp_path: Path) -> None:
    """YouTube-VIS tools could not read the masks."""
    from pycocotools import mask as coco

    content = json.loads((write(tmp_path / "out").path / "masks.json").read_text())
    assert content["videos"][0]["length"] == 4
    assert content["videos"][0]["file_names"][1] == "00005.png"
    assert [one["name"] for one in content["categories"]] == ['the two "dogs" größer', "this one", "the cat"]
    assert [one["category_id"] for one in content["annotations"]] == [1, 1, 2]
    expected = [one for result in results() for one in result.tracks]
    for annotation, wanted in zip(content["annotations"], expected, strict=True):
        assert annotation["segmentations"][1] is annotation["bboxes"][1] is annotation["areas"][1] is None
        rle = annotation["segmentations"][2]
        np.testing.assert_array_equal(coco.decode(rle), masks.decode(wanted.masks[2]))
        assert annotation["areas"][2] == coco.area(rle)
        assert annotation["bboxes"][2] == list(coco.toBbox(rle))


def test_same_masks_same_fingerprint(tmp_path: Path) -> None:
    """Nobody could tell whether two machines gave the same masks, or whether files were changed."""
    run, again = (open_run(write(tmp_path / name).path) for name in ("one", "two"))
    assert run.manifest["masks_sha256"] == again.manifest["masks_sha256"] == run.masks_sha256()
    file = run.path / "masks/cat/00005.png"
    pixels = np.zeros(SIZE, np.uint8)
    pixels[2, 3] = 255
    Image.fromarray(pixels).save(file)
    assert run.masks_sha256() != run.manifest["masks_sha256"]


def test_fingerprint_is_the_documented_one(tmp_path: Path) -> None:
    """Someone who recomputes the fingerprint from its description would get another one."""
    run = open_run(write(tmp_path / "out").path)
    content = b""
    for name in ("dogs", "mine", "cat"):
        for frame in ("00000", "00005", "00010", "00015"):
            mask = np.asarray(Image.open(run.path / "masks" / name / f"{frame}.png")) > 0
            content += f"{name}/{frame}.png\0".encode() + np.array([6, 9], "<u4").tobytes()
            content += np.packbits(mask).tobytes()
    assert run.manifest["masks_sha256"] == hashlib.sha256(content).hexdigest()


def test_same_input_same_bytes(tmp_path: Path) -> None:
    """Two equal runs would differ in files that ought to be identical."""
    one, two = (write(tmp_path / name).path for name in ("one", "two"))
    for file in sorted(one.rglob("*")):
        if file.is_file() and file.name != "manifest.json":
            assert file.read_bytes() == (two / file.relative_to(one)).read_bytes(), file.name


def test_interrupted_run_is_unfinished_and_keeps_its_calls(tmp_path: Path) -> None:
    """An interrupted run would pass for a whole one, or its paid answers would be thrown away."""
    folder = RunFolder(tmp_path / "out")
    folder.write_config(SETTINGS, CARD)
    folder.calls_path.write_text('{"call": 1}\n')
    folder.write_result(FakeVideo(), results(), {})
    assert not folder.finished
    with pytest.raises(ConfigError, match=r"not a finished run folder"):
        open_run(folder.path)
    again = RunFolder(folder.path)
    assert again.calls_path.read_text() == '{"call": 1}\n'


def test_starting_again_leaves_no_trace_of_the_first_attempt(tmp_path: Path) -> None:
    """Masks of an earlier, longer attempt would be mixed with the new ones."""
    write(tmp_path / "out", length=6)
    (tmp_path / "out/masks/old").mkdir()
    (tmp_path / "out/masks/old/00000.png").write_bytes(b"old")
    (tmp_path / "out/masks/dogs/00000.png.part").write_bytes(b"half")
    (tmp_path / "out/result.json.part").write_bytes(b"half")
    (tmp_path / "out/masks/dogs/note.txt").write_text("a person's own")
    folder = write(tmp_path / "out", length=2)
    names = {str(path.relative_to(folder.path / "masks")) for path in folder.path.glob("masks/*/*")}
    both = {f"{name}/{frame}" for name in ("dogs", "mine", "cat") for frame in ("00000.png", "00005.png")}
    assert names == both | {"dogs/note.txt"}
    assert not (folder.path / "masks/old").exists()
    assert not list(folder.path.rglob("*.part"))
    assert open_run(folder.path).results == results(2)


def test_a_rewritten_folder_is_unfinished_until_the_end(tmp_path: Path) -> None:
    """A kill during a second run would leave a folder that claims to be whole but mixes two runs."""
    folder = write(tmp_path / "out")
    folder.write_config(SETTINGS, CARD)
    assert not folder.finished


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk would destroy the strips, masks or results that were already there."""
    folder = write(tmp_path / "out")

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ConfigError, match=r"cannot be written: No space left on device\.") as caught:
        folder.add_strip("dogs-001-pivot_frame-1", b"other")
    assert caught.value.hint
    assert (folder.path / "strips/dogs-001-pivot_frame-1.jpg").read_bytes() == b"jpeg"


def test_unwritable_output_is_said_at_once(tmp_path: Path) -> None:
    """The user would wait for the whole run before learning that nothing can be kept."""
    (tmp_path / "file").write_text("not a folder")
    for path in (tmp_path / "file", tmp_path / "file/out"):
        with pytest.raises(ConfigError, match="cannot be written") as caught:
            RunFolder(path)
        assert caught.value.exit_code == 2
        assert "-o" in caught.value.hint


@pytest.mark.parametrize(
    "name", ["masks/cat.png", "overlay.mp4", "calls.jsonl", "config.yaml", "manifest.json"]
)
def test_other_peoples_files_are_never_overwritten(tmp_path: Path, name: str) -> None:
    """A person's own `masks` folder would be overwritten by choosing the wrong output folder."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(ConfigError, match="which no run wrote"):
        RunFolder(tmp_path)
    assert (tmp_path / name).read_text() == "mine"


def test_a_folder_with_unrelated_files_will_do(tmp_path: Path) -> None:
    """Output beside the video itself would be refused for no reason."""
    (tmp_path / "clip.mp4").write_text("video")
    (tmp_path / "film.mkv.part").write_text("half a download")
    assert write(tmp_path).finished
    assert (tmp_path / "film.mkv.part").exists()


def test_two_runs_do_not_write_one_folder(tmp_path: Path) -> None:
    """Two terminals in one directory, and the masks of the first are those of the second."""
    with RunFolder(tmp_path) as folder:
        with pytest.raises(ConfigError, match="Another run is writing"), RunFolder(tmp_path):
            raise AssertionError("both are in")
        folder.write_config(SETTINGS, CARD)
    with RunFolder(tmp_path) as again:
        assert not again.finished


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../up", "a/b", "a\\b", "-o", "a\n", "x" * 101, "a b", "nul\0"]
)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    """A reference's id could write outside the output folder."""
    with pytest.raises(ConfigError, match="cannot name"):
        safe_name(name)
    folder = RunFolder(tmp_path / "out")
    folder.write_config(SETTINGS, CARD)
    with pytest.raises(ConfigError, match="cannot name"):
        folder.write_result(FakeVideo(), [TargetResult(Query(name, "x"), "no_target")], {})
    with pytest.raises(ConfigError, match="cannot name"):
        folder.add_strip(name, b"jpeg")


def test_references_that_share_an_id_are_refused(tmp_path: Path) -> None:
    """The second sentence's masks would replace the first one's."""
    folder = RunFolder(tmp_path)
    one = TargetResult(Query("a", "x"), "no_target")
    with pytest.raises(ValueError, match="share an id"):
        folder.write_result(FakeVideo(), [one, one], {})


def test_finish_needs_a_result(tmp_path: Path) -> None:
    """A folder without masks could be declared complete."""
    with pytest.raises(RuntimeError, match="write_result"):
        RunFolder(tmp_path).finish({})


def change_json(path: Path, change: Callable[[Any], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def shorter(content: Any) -> None:
    for key in ("segmentations", "scores"):
        content["annotations"][0][key].pop()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda path: (path / "masks/dogs/00010.png").unlink(), r"00010\.png: it is missing"),
        (lambda path: (path / "masks.json").unlink(), r"masks\.json: it cannot be read"),
        (lambda path: (path / "result.json").write_text("{"), r"result\.json: it does not fit"),
        (lambda path: (path / "config.yaml").write_text("a: [1"), r"config\.yaml: "),
        (
            lambda path: (path / "config.yaml").write_text("sampling: {frames: 0}"),
            r"config\.yaml: it does not fit",
        ),
        (lambda path: (path / "backend.yaml").write_text(""), r"backend\.yaml: "),
        (lambda path: (path / "manifest.json").write_bytes(b"\xff"), r"manifest\.json: "),
        (lambda path: change_json(path / "masks.json", shorter), "not one mask per frame"),
        (
            lambda path: change_json(path / "masks.json", lambda one: one["annotations"][0]["scores"].pop()),
            "not one score per mask",
        ),
        (
            lambda path: change_json(path / "masks.json", lambda one: one["annotations"][0].update(width=8)),
            "another size",
        ),
    ],
)
def test_damage_is_named_in_one_sentence(tmp_path: Path, damage: Callable[[Path], object], says: str) -> None:
    """A damaged run folder would end in a traceback or in silently wrong figures."""
    folder = write(tmp_path / "out")
    damage(folder.path)
    with pytest.raises(ConfigError, match=says) as caught:
        open_run(folder.path)
    assert "\n" not in str(caught.value)
    assert caught.value.hint
