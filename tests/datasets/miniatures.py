"""Data sets of one to three tiny videos, in exactly the published layouts.

Every video shows a bright block that moves to the right over a dark ground; the truth is that block. Where two
objects are needed, a second block moves to the left below it.
"""

from __future__ import annotations

import csv
import json
import math
import wave
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alref_local import masks
from alref_local.metrics.avss import palette

__all__ = ["MINIATURES", "SIZE", "blocks"]

SIZE = (48, 64)


def blocks(t: int) -> NDArray[np.uint8]:
    """``(48, 64)`` labels of frame ``t``: 1 the upper block, 2 the lower one."""
    labels = np.zeros(SIZE, np.uint8)
    labels[6:20, 4 + 3 * t : 22 + 3 * t] = 1
    labels[28:42, 40 - 3 * t : 58 - 3 * t] = 2
    return labels


def ref_youtube_vos(root: Path) -> None:
    """Two videos of valid, one of test in the list of valid too; truth in the form of results."""
    videos = {
        "0a1b": ["a block", "the bright block that moves"],
        "ff00": ["something bright"],
        "1234": ["later"],
    }
    frames = [f"{t * 5:05}" for t in range(4)]
    _expressions(
        root / "meta_expressions/valid", {name: _said(texts, frames) for name, texts in videos.items()}
    )
    _expressions(root / "meta_expressions/test", {"1234": _said(["later"], frames)})
    for name in ("0a1b", "ff00"):
        for t, frame in enumerate(frames):
            _picture(root / f"valid/JPEGImages/{name}/{frame}.jpg", t)
            for id in range(len(videos[name])):
                _mask(root / f"valid/Annotations/{name}/{id}/{frame}.png", blocks(t) == 1)


def ref_youtube_vos_train(root: Path) -> None:
    """One video of train, whose truth is label maps."""
    frames = ["00000", "00005"]
    said: dict[str, Any] = _said(["the upper block", "the lower block"], frames)
    for number, one in enumerate(said["expressions"].values(), start=1):
        one["obj_id"] = str(number)
    _expressions(root / "meta_expressions/train", {"abcd": said})
    for t, frame in enumerate(frames):
        _picture(root / f"train/JPEGImages/abcd/{frame}.jpg", t)
        _labels(root / f"train/Annotations/abcd/{frame}.png", blocks(t))


def ref_davis17(root: Path) -> None:
    """Two videos, two objects in the first and one in the second, four sentences each."""
    frames = [f"{t:05}" for t in range(4)]
    objects = {"blackswan": 2, "dog": 1}
    _expressions(
        root / "meta_expressions/valid",
        {
            name: _said([f"object {o} says annotator {a}" for o in range(n) for a in range(4)], frames)
            for name, n in objects.items()
        },
    )
    for name, n in objects.items():
        for t, frame in enumerate(frames):
            _picture(root / f"valid/JPEGImages/{name}/{frame}.jpg", t)
            labels = blocks(t)
            _labels(root / f"valid/Annotations/{name}/{frame}.png", np.where(labels <= n, labels, 0))


def mevis(root: Path) -> None:
    """valid_u with several objects, an absent frame and a sentence without target; valid without truth."""
    frames = [f"{t:05}" for t in range(3)]
    said = _said(["the upper block", "both blocks", "nothing of this"], frames)
    for one, meant in zip(said["expressions"].values(), ([0], [0, 1], []), strict=True):
        one |= {"obj_id": meant, "anno_id": [7 + number for number in meant]}
    tracks: dict[str, list[Any]] = {
        str(7 + number): [_rle(blocks(t) == number + 1) for t in range(3)] for number in range(2)
    }
    tracks["8"][2] = None
    for split in ("valid_u", "valid"):
        plain = said if split == "valid_u" else _said(["a block", "another block"], frames)
        _expressions(root / split, {"3a4b5c": plain})
        for t, frame in enumerate(frames):
            _picture(root / f"{split}/JPEGImages/3a4b5c/{frame}.jpg", t)
    (root / "valid_u/mask_dict.json").write_text(json.dumps(tracks))


def avs_s4(root: Path) -> None:
    """A test video and one of another split that is not there."""
    rows = [["-0aB_10", "10", "cat", "test"], ["other_1", "1", "dog", "train"]]
    _table(root / "s4_meta_data.csv", ["name", "seconds", "category", "split"], rows)
    name, data = "-0aB_10", root / "s4_data"
    for k in range(1, 6):
        _picture(data / f"visual_frames/test/cat/{name}/{name}_{k}.png", k)
        _mask(data / f"gt_masks/test/cat/{name}/{name}_{k}.png", blocks(k) == 1, "1")
    _sound(data / f"audio_wav/test/cat/{name}.wav", 5)


def avs_ms3(root: Path) -> None:
    """Two test videos; the first frame of the truth is black."""
    _table(root / "ms3_meta_data.csv", ["video_id", "split"], [["xy_1", "test"], ["z9_2", "test"]])
    for name in ("xy_1", "z9_2"):
        for k in range(1, 6):
            _picture(root / f"ms3_data/visual_frames/{name}/{name}.mp4_{k}.png", k)
            truth = (blocks(k) > 0) & (k > 1)
            _mask(root / f"ms3_data/gt_masks/test/{name}/{name}_{k}.png", truth, "1")
        _sound(root / f"ms3_data/audio_wav/test/{name}.wav", 5)


def avs_semantic(root: Path) -> None:
    """A five-second and a ten-second video of AVSS; the second is all of V2-Binary."""
    rows = [["v1m", "abc_0_5000", "test"], ["v2", "def_0_10000", "test"], ["v2", "not_here", "train"]]
    _table(root / "metadata.csv", ["label", "uid", "split"], rows)
    (root / "label2idx.json").write_text(json.dumps({"background": 0, "accordion": 1, "piano": 70}))
    for label, uid, seconds in (("v1m", "abc_0_5000", 5), ("v2", "def_0_10000", 10)):
        for k in range(seconds):
            _picture(root / f"{label}/{uid}/frames/{k}.jpg", k % 8)
            colours = palette()[np.array([0, 1, 70])[blocks(k % 8)]]
            _save(root / f"{label}/{uid}/labels_rgb/{k}.png", Image.fromarray(colours))
        _sound(root / f"{label}/{uid}/audio.wav", seconds)


def ref_avs(root: Path) -> None:
    """A video with three sentences, one whose sentence has no target; as published, a row comes twice, and an id."""
    video, null = "--KCIe_0_10000", "zZz_0_10000"
    rows = [
        [video, f"{video}_hair-dryer_1", "test_s", "0", "The object that sounds, and moves."],
        [video, f"{video}_hair-dryer_2", "test_s", "0", "The block."],
        [null, f"{null}_null_1", "test_n", "1", "The silent piano."],
        [video, f"{video}_hair-dryer_1", "test_s", "0", "The object that sounds, and moves."],
        [video, f"{video}_hair-dryer_2", "test_s", "2", "The lower block."],
    ]
    _table(root / "metadata.csv", ["vid", "uid", "split", "fid", "exp"], rows)
    for name, fid, shown in ((video, 0, 1), (video, 2, 2), (null, 1, 9)):
        for k in range(10):
            _picture(root / f"media/{name}/frames/{k}.jpg", k % 8)
            _mask(root / f"gt_mask/{name}/fid_{fid}/{k:05}.png", blocks(k % 8) == shown)
        _sound(root / f"media/{name}/audio.wav", 10)


def own(root: Path) -> None:
    """A folder of frames with a sentence and one with sound."""
    rows = [
        ["clips/street", "the block, the upper one", "first", "truth/street", ""],
        ["clips/street", "the lower block", "", "", ""],
        ["clips/yard", "", "", "", "yard.wav"],
    ]
    _table(root / "dataset.csv", ["video", "sentence", "id", "truth", "audio"], rows)
    for name in ("street", "yard"):
        for t in range(3):
            _picture(root / f"clips/{name}/{t:03}.jpg", t)
    _mask(root / "truth/street/001.png", blocks(1) == 1)
    _sound(root / "yard.wav", 1)


MINIATURES: dict[str, Callable[[Path], None]] = {
    "ref-youtube-vos": ref_youtube_vos,
    "ref-davis17": ref_davis17,
    "mevis": mevis,
    "avs-s4": avs_s4,
    "avs-ms3": avs_ms3,
    "avs-avss": avs_semantic,
    "avs-v2-binary": avs_semantic,
    "ref-avs": ref_avs,
    "own": own,
}


def _said(texts: Sequence[str], frames: Sequence[str]) -> dict[str, Any]:
    return {"expressions": {str(i): {"exp": text} for i, text in enumerate(texts)}, "frames": list(frames)}


def _expressions(folder: Path, videos: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "meta_expressions.json").write_text(json.dumps({"videos": videos}))


def _table(path: Path, columns: list[str], rows: list[list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def _picture(path: Path, t: int) -> None:
    _save(
        path, Image.fromarray(np.array([[30, 40, 30], [250, 210, 60], [60, 120, 250]], np.uint8)[blocks(t)])
    )


def _mask(path: Path, mask: NDArray[np.bool_], mode: str = "L") -> None:
    _save(path, Image.fromarray(mask.astype(np.uint8) * 255).convert(mode))


def _labels(path: Path, labels: NDArray[np.uint8]) -> None:
    image = Image.fromarray(labels)
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    _save(path, image)


def _save(path: Path, image: Image.Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def _rle(mask: NDArray[np.bool_]) -> dict[str, Any]:
    rle = masks.encode(mask)
    return {"size": list(rle.size), "counts": rle.counts.decode()}


def _sound(path: Path, seconds: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = [round(8000 * math.sin(t / 5)) for t in range(16_000)] * seconds
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(np.array(samples, "<i2").tobytes())
