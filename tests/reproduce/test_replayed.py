"""AVSBench's subsets in miniature, answered by the authors' replies: drawn clips under the names of real videos."""

from __future__ import annotations

import csv
import json
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from alref_local.metrics.avss import palette
from alref_local.reproduce import import_replies
from alref_local.runs import open_run
from alref_local.select.vocabulary import vocabulary
from alref_local.world import Scene, make_scene
from tests.cli.kit import call
from tests.reproduce.test_replies import AUTHORS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not AUTHORS.is_dir(), reason="no replies of the authors at ../shared/data"),
]

CAT, DOG = ("ozYXBwfh4vg", 800_179), ("pFLeIwERa8o", 800_119)
DUET, YARD = ("Agd3SwNy8QY_10000_20000", 800_921), ("GPl4twCSrLQ_5000_10000", 800_465)
"""Names of real videos, and drawn clips with what the authors heard: a cat; a dog; guitar and dog; dog and bird."""

TINY = [
    *("--set", "grounding.model=tiny:grounding_dino", "--set", "grounding.box_threshold=0.15"),
    *("--set", "segmentation.model=tiny:sam2", "--set", "grounding.nms=0.7"),
    *("--set", "sound.model=tiny:beats", "--set", "sound.aligner=tiny:clap"),
]


class Shown:
    """A drawn clip as so many seconds at one frame a second, its sound slowed down likewise."""

    def __init__(self, seed: int, seconds: int) -> None:
        self.scene: Scene = make_scene("sound", seed)
        self.times = [round(k * (self.scene.length - 1) / (seconds - 1)) for k in range(seconds)]

    def frame(self, k: int) -> Image.Image:
        """The frame of second ``k``."""
        return Image.fromarray(self.scene.frame(self.times[k]))

    def sounding(self, k: int) -> NDArray[np.uint8]:
        """``(H, W)``: AVSBench's numbers of what sounds in second ``k``; 0 is background."""
        sound, t = self.scene.sound, self.times[k]
        labels = np.zeros(self.scene.size, np.uint8)
        for part in sound.parts if sound else ():
            if part.actor is not None and part.at(t):
                labels[self.scene.masks(t)[part.actor]] = vocabulary("avsbench").index(part.class_name) + 1
        return labels

    def write_sound(self, path: Path) -> None:
        """A second of sound for each frame, made of what is heard about then."""
        step = len(self.scene.audio) // len(self.times)
        pieces = [np.resize(self.scene.audio[k * step :][:step], 16_000) for k in range(len(self.times))]
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16_000)
            file.writeframes((np.concatenate(pieces) * 32_000).astype("<i2").tobytes())


def _table(path: Path, rows: list[list[str]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def _object(root: Path, data: str, name: str, seed: int, place: str, naming: str) -> None:
    """A video of AVSBench-object."""
    shown, split = Shown(seed, 5), f"test/{place}{name}"
    frames = root / data / "visual_frames" / (split if place else name)
    for folder in (frames, root / data / "gt_masks" / split, root / data / f"audio_wav/test/{place}"):
        folder.mkdir(parents=True, exist_ok=True)
    for k in range(5):
        shown.frame(k).save(frames / naming.format(name, k + 1))
        mask = Image.fromarray((shown.sounding(k) > 0).astype(np.uint8) * 255).convert("1")
        mask.save(root / data / "gt_masks" / split / f"{name}_{k + 1}.png")
    shown.write_sound(root / data / f"audio_wav/test/{place}/{name}.wav")


def s4(root: Path) -> None:
    """A cat."""
    _object(root, "s4_data", *CAT, "cat/", "{}_{}.png")
    _table(root / "s4_meta_data.csv", [["name", "category", "split"], [CAT[0], "cat", "test"]])


def ms3(root: Path) -> None:
    """A dog."""
    _object(root, "ms3_data", *DOG, "", "{}.mp4_{}.png")
    _table(root / "ms3_meta_data.csv", [["name", "split"], [DOG[0], "test"]])


def semantic(root: Path) -> None:
    """Five seconds of dog and bird, ten of guitar and dog."""
    for (name, seed), label, seconds in ((YARD, "v1m", 5), (DUET, "v2", 10)):
        shown, folder = Shown(seed, seconds), root / label / name
        for part in ("frames", "labels_rgb"):
            (folder / part).mkdir(parents=True)
        for k in range(seconds):
            shown.frame(k).save(folder / f"frames/{k}.jpg", quality=95)
            Image.fromarray(palette()[shown.sounding(k)]).save(folder / f"labels_rgb/{k}.png")
        shown.write_sound(folder / "audio.wav")
    rows = [["label", "uid", "split"], ["v1m", YARD[0], "test"], ["v2", DUET[0], "test"]]
    _table(root / "metadata.csv", rows)
    numbers = {"background": 0} | {name: k for k, name in enumerate(vocabulary("avsbench"), start=1)}
    (root / "label2idx.json").write_text(json.dumps(numbers))


@pytest.fixture(scope="module")
def replies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The authors' replies, imported."""
    out = tmp_path_factory.mktemp("replies")
    import_replies(AUTHORS, out)
    return out


@pytest.mark.parametrize(
    ("config", "draw", "heard"),
    [
        ("released-like/avs-s4", s4, {CAT[0]: ["cat"]}),
        ("paper/avs-ms3", ms3, {DOG[0]: ["dog"]}),
        ("released-like/avs-v2-binary", semantic, {DUET[0]: ["guitar", "dog"]}),
        ("released-like/avs-avss", semantic, {YARD[0]: ["dog", "bird"], DUET[0]: ["guitar", "dog"]}),
        ("paper/avs-avss", semantic, {YARD[0]: ["dog", "bird"], DUET[0]: ["guitar", "dog"]}),
    ],
)
def test_the_authors_replies_segment(
    config: str,
    draw: Callable[[Path], None],
    heard: dict[str, list[str]],
    replies: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The paper's tables of sound could not be repeated without an API: answers not found, or refused."""
    draw(tmp_path / "data")
    name, mine, run = config.partition("/")[2], replies / config, tmp_path / "run"
    known = ["--set", f"sound.events.known={mine / 'events.json'}"] if name != "avs-s4" else []
    words = ["evaluate", name, "--root", str(tmp_path / "data"), "--run", str(run), "-c", config, *TINY]
    assert call(*words, *known, "-b", f"replay:{mine}", "--json") == 0
    scores = json.loads(capsys.readouterr().out)["scores"]
    for video, things in heard.items():
        results = open_run(run / "items" / video).results
        assert [one.query.category for one in results[1:]] == things
        assert not any(clip.note for one in results for clip in one.clips)
        assert results[0].status == "ok"
    if name == "avs-avss":
        assert len(list(run.glob("items/*/labels/*.png"))) == 15
        assert scores["mIoU without background"] * 70 > 0.4  # of three categories together
    else:
        assert scores["M_J"] > 0.3
