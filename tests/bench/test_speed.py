"""The benchmark of SAM 2's speed: its ratios, and that it runs."""

from __future__ import annotations

import pytest
import torch

from roofline import ceiling
from sam2_sizes import SIZES, released_config
from speed import claims, main
from speed_grounding import main as grounding
from speed_peak import peak_here
from speed_run import Cost


def cost(tracks: int, encoder: float, memory: float) -> Cost:
    """Of ten frames."""
    return Cost(10, tracks, 10 * (encoder + tracks * memory), 10 * encoder, 10)


def test_claims() -> None:
    """The figures of the documentation would not be what their names say."""
    ours = {1: [cost(1, 4.0, 2.0)] * 3, 8: [cost(8, 4.0, 1.0)] * 3, 16: [cost(16, 4.0, 9.0)] * 3}
    plain = {1: [cost(1, 5.0, 2.5)] * 3, 8: [cost(8, 5.0, 2.5)] * 3}
    assert claims({"ours": ours, "transformers": plain}, [1, 8, 16]) == {
        "tracks": 8,
        "cost of all to one": 2.0,
        "(E + nM) / (E + M)": round(20 / 6, 3),
        "M alone to M together": 2.0,
        "M of transformers one by one to M together": 2.5,
        "times faster than transformers, one track": 1.25,
        "times faster than transformers, all": round(25 / 12, 3),
    }


@pytest.mark.parametrize("size", SIZES)
def test_released_sizes(size: str) -> None:
    """A model of random weights would not cost what the released one does."""
    config = released_config(f"sam2.1-{size}")
    assert config.image_size == 1024
    assert config.vision_config.backbone_channel_list[-1] == config.vision_config.backbone_config.hidden_size


@pytest.mark.slow
def test_it_runs() -> None:
    """The figures of the documentation could not be had again."""
    report = main(["--tracks", "1", "2", "--frames", "4", "--repeat", "1"])
    assert report["engines"]["ours"][2]["encoder calls per frame"] == 1
    assert report["encoder calls per frame"]["one start"] == 1
    assert 1 < report["encoder calls per frame"]["starts apart"] <= 2
    assert report["masks"]["transformers"]["IoU"] >= 0.999
    assert 0 < report["roofline"]["memory path share of ceiling"] < 1


def test_peak_of_a_process() -> None:
    """Nobody could tell whether memory grows with the length of a video."""
    asked = {"model": "tiny:sam2", "device": "cpu", "dtype": "float32", "threads": 1}
    assert peak_here({**asked, "name": "ours", "tracks": 2, "length": 3}) > 100


@pytest.mark.slow
def test_grounding_runs() -> None:
    """What pairs share could not be measured again."""
    report = grounding(["--frames", "2", "--sentences", "2", "--repeat", "1"])
    assert set(report["times cheaper"]) == {"frame by frame", "sentence by sentence"}


def test_ceiling() -> None:
    """Shares of the machine would be shares of nothing."""
    assert ceiling("cpu", torch.float32, side=64) > 0
