"""Real footage from end to end, with a real detector and a real segmentor behind the seams."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import alref_local
from alref_local.media import open_video
from alref_local.metrics import score_folders
from alref_local.runs import open_run
from tests.footage.networks import DATA

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (DATA / "weights").is_dir(), reason="no real data at ../shared/data"),
]

SENTENCES = {
    "cutie_bike": "the person on the bicycle",
    "cutie_example.mp4": "the person in the white coat",
    "edgetam_21_biker.mp4": "the person on the motorbike",
    "sam2_01_dog.mp4": "the dog",
    "vas_dog_video_02677.mp4": "the dog",
    "vas_drum_video_02542.mp4": "the person who plays the drums",
    "vggsound_6zlMP_kQ_-w_30000_40000.mp4": "the person who plays the harp",
}


def with_standins(segmentor: str) -> dict[str, Any]:
    return {
        "grounding": {"engine": "tests.footage.standins:PicoDet"},
        "segmentation": {"engine": f"tests.footage.standins:{segmentor}"},
    }


@pytest.mark.timeout(1200)
def test_five_davis_sequences_at_full_size(tmp_path: Path) -> None:
    """The method would work on drawings only: sampling, pivots, tracks or masks of real video would be off."""
    videos = json.loads((DATA / "annotations/davis2016_expressions.json").read_text())["videos"]
    scores = {}
    for name, video in videos.items():
        out = tmp_path / name
        frames = DATA / "davis2016/JPEGImages" / name
        alref_local.segment(frames, video["expressions"][0], changes=with_standins("U2Net"), out=out)
        truth = DATA / "davis2016/Annotations" / name
        scores[name] = score_folders(out / "masks/0", truth)["sequences"][name]["J"]
    assert len(scores) == 5
    assert np.mean(list(scores.values())) >= 0.45, scores


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SENTENCES)
def test_every_real_video_leaves_a_whole_run_folder(tmp_path: Path, name: str) -> None:
    """A real file (its codec, size, sound track, frame rate, left-over images) would stop a run."""
    out = tmp_path / "out"
    done = alref_local.segment(
        DATA / "videos" / name, SENTENCES[name], changes=with_standins("SparseU2Net"), out=out
    )
    run = open_run(out)
    with open_video(DATA / "videos" / name) as video, open_video(out / "overlay.mp4") as overlay:
        assert len(run.video.frame_names) == len(video) == len(overlay) == done.length
        assert (run.video.height, run.video.width) == video.size
    assert run.masks_sha256() == run.manifest["masks_sha256"]
    assert run.results == done.results
    assert not list(out.rglob("*.part"))


def test_every_real_video_has_a_sentence() -> None:
    """A file added to the data would silently not be tried."""
    assert {path.name for path in (DATA / "videos").iterdir()} == set(SENTENCES)
