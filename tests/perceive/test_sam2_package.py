"""The original sam2 package: its names for the weights, its masks, and itself where it is installed."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import Sam2VideoModel

from alref_local.errors import PrerequisiteError
from alref_local.models.resolve import resolve
from alref_local.perceive.parity import parity
from alref_local.perceive.prompts import by_track
from alref_local.perceive.propagation import Seen, sightings
from alref_local.perceive.sam2_names import original_weights
from alref_local.perceive.sam2_package import Sam2Package
from alref_local.perceive.segmentation import Sam2
from alref_local.seams import Segmentor
from alref_local.types import Prompt
from sam2_sizes import released_config
from tests.models.released_kit import tensors
from tests.perceive.perceive_kit import ArrayVideo, noise_video
from tests.perceive.sam2_kit import CASES, LENGTH, RECORDED, SIZE, folded, named_model, original_names

needs_package = pytest.mark.skipif(find_spec("sam2") is None, reason="the sam2 package is not installed")
SIZES = {
    "sam2.1-tiny": "sam2.1/sam2.1_hiera_t",
    "sam2.1-small": "sam2.1/sam2.1_hiera_s",
    "sam2.1-base-plus": "sam2.1/sam2.1_hiera_b+",
    "sam2.1-large": "sam2.1/sam2.1_hiera_l",
    "sam2-large": "sam2/sam2_hiera_l",
}
PUBLISHED = {"sam2.1-hiera-tiny": "sam2.1-tiny", "sam2-hiera-large": "sam2-large"}


def shapes(model: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(at.shape) for name, at in model.state_dict().items()}


def renamed(found: Mapping[str, tuple[int, ...]]) -> dict[str, dict[str, str]]:
    weights = original_weights({name: torch.empty(shape, device="meta") for name, shape in found.items()})
    # Nothing lost, nothing twice: four rows of a table come apart, and a twin goes.
    assert len(weights) == len(found) + 4 - 2
    return folded({name: tuple(at.shape) for name, at in weights.items()})


@pytest.mark.parametrize(("size", "config"), SIZES.items(), ids=SIZES.keys())
def test_names_are_the_originals(size: str, config: str) -> None:
    """The package would miss weights of a released checkpoint, or get them in the wrong place."""
    with torch.device("meta"):
        model = Sam2VideoModel(released_config(size))
    assert renamed(shapes(model)) == original_names()[config]


@pytest.mark.parametrize(("published", "size"), PUBLISHED.items())
def test_published_files(published: str, size: str) -> None:
    """The sizes above would not be the released ones."""
    assert renamed(tensors(published)) == original_names()[SIZES[size]]


def test_names_of_the_bundled_checkpoint() -> None:
    """The tiny checkpoint could not stand in for the released ones."""
    model = Sam2VideoModel.from_pretrained(resolve("tiny:sam2"))
    known = {re.sub(r"\d+", "{}", name) for name in original_names()["sam2.1/sam2.1_hiera_t"]}
    assert set(renamed(shapes(model))) == known


@pytest.fixture(scope="module", params=["2.1", "2.0"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@cache
def named_folder(version: str, root: Path) -> str:
    newer = version == "2.1"
    model = named_model(
        enable_temporal_pos_encoding_for_object_pointers=newer, enable_occlusion_spatial_embedding=newer
    )
    model.save_pretrained(root / version)
    return str(root / version)


def unrounded_memories(monkeypatch: pytest.MonkeyPatch) -> None:
    """As recorded: where one rounds to bfloat16 the other way, the next masks move by some 1e-4."""
    monkeypatch.setattr(torch, "bfloat16", torch.float32)


def followed(
    engine: Sam2 | Sam2Package, video: ArrayVideo, prompts: list[Prompt]
) -> dict[tuple[int, int], Seen]:
    tracks = by_track(prompts, len(video), video.size)
    found = sightings(engine.session(len(video), video.size, tracks), video, tracks)
    return {(ids[at], frame): one for frame, ids, seen in found for at, one in enumerate(seen)}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("named")


@pytest.mark.parametrize("case", CASES)
def test_equals_the_original(version: str, case: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Masks would differ from those of the package that the paper used, on the same weights."""
    unrounded_memories(monkeypatch)
    with np.load(RECORDED / "sam2.npz") as held:
        recorded = {key: held[key] for key in held}
    ours = followed(Sam2(model=named_folder(version, root)), ArrayVideo(recorded["frames"]), CASES[case])
    assert len(ours) == LENGTH * len({prompt.track_id for prompt in CASES[case]})
    for (track, frame), seen in ours.items():
        theirs = recorded[f"{version} {case} {track} logits"][frame]
        np.testing.assert_allclose(seen.logits, theirs, atol=1e-4, rtol=1e-5, err_msg=f"{track} {frame}")
        assert seen.score == pytest.approx(recorded[f"{version} {case} {track} score"][frame], abs=1e-5)


def test_recorded_objects_come_and_go() -> None:
    """The equality above would prove nothing about absence."""
    with np.load(RECORDED / "sam2.npz") as held:
        scores = np.concatenate([held[key] for key in held if key.endswith("score")])
    assert scores.min() < 0 < scores.max()
    assert np.abs(scores).min() > 1e-3


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever selects the engine without its package would get a traceback."""
    monkeypatch.setitem(sys.modules, "sam2", None)
    for start in (lambda: Sam2Package(model="tiny:sam2"), lambda: parity("tiny:sam2")):
        with pytest.raises(PrerequisiteError) as caught:
            start()
        assert "alref-local[sam2]" in str(caught.value.hint)


@needs_package
@pytest.mark.parametrize("case", CASES)
def test_the_engine_gives_what_was_recorded(
    version: str, case: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streaming frames to the predictor, or forgetting, would change its masks."""
    unrounded_memories(monkeypatch)
    engine = Sam2Package(model=named_folder(version, root))
    assert isinstance(engine, Segmentor)
    with np.load(RECORDED / "sam2.npz") as held:
        for (track, frame), seen in followed(engine, noise_video(LENGTH, SIZE), CASES[case]).items():
            theirs = held[f"{version} {case} {track} logits"][frame]
            np.testing.assert_allclose(seen.logits, theirs, atol=1e-4, rtol=1e-5)


@needs_package
def test_parity() -> None:
    """A lab could not tell whether its weights give the original's masks."""
    facts = parity("tiny:sam2")
    assert facts.tracks > 1
    assert facts.iou >= 0.999
    assert facts.typical <= 1e-4
    assert facts.difference <= 1e-2
