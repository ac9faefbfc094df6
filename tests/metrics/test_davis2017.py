"""Several objects against the public evaluation of DAVIS 2017, where that package is installed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from alref_local.metrics import object_scores

pytest.importorskip("cv2", reason="the evaluation of DAVIS 2017 needs OpenCV")
evaluation = pytest.importorskip("davis2017.evaluation", reason="no davis2017-evaluation installed")

# Where both masks are empty, the package divides 0 by 0 and mends it afterwards.
pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered in divide:RuntimeWarning")


def labels(seed: int, objects: int) -> NDArray[np.uint8]:
    """``(4, 120, 160)``: discs that wander, some leaving the picture."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:120, :160]
    out = np.zeros((4, 120, 160), np.uint8)
    for number in range(1, objects + 1):
        centre, way, radius = rng.uniform(20, 120, 2), rng.uniform(-15, 15, 2), rng.uniform(8, 30)
        for t in range(4):
            dy, dx = y - centre[0] - way[0] * t, x - centre[1] - way[1] * t
            out[t][dy * dy + dx * dx < radius * radius] = number
    return out


def planes(maps: NDArray[np.uint8], numbers: list[int]) -> NDArray[np.float64]:
    return np.stack([(maps == number).astype(np.float64) for number in numbers])


@pytest.mark.parametrize("seed", range(8))
def test_equal_with_identities_and_matched(seed: int) -> None:
    """Tables of Ref-DAVIS17 could not be compared with published ones."""
    truth, found = labels(seed, 3), labels(seed + 100, 1 + seed % 5)
    truth[:, 40:60, 40:80] = 255
    void, objects = truth == 255, sorted(set(truth.ravel().tolist()) - {0, 255})
    numbers = sorted(set(found.ravel().tolist()) - {0})
    official = evaluation.DAVISEvaluation
    true = planes(truth, objects)
    j, f = official._evaluate_semisupervised(true, planes(found, objects), void, ("J", "F"))
    ours = object_scores(found, truth)
    np.testing.assert_allclose(ours.j, j, atol=1e-9)
    np.testing.assert_allclose(ours.f, f, atol=1e-9)
    j, f = official._evaluate_unsupervised(true, planes(found, numbers), void, ("J", "F"))
    ours = object_scores(found, truth, match="hungarian")
    assert (ours.j.mean(1) + ours.f.mean(1)).sum() == pytest.approx((j.mean(1) + f.mean(1)).sum(), abs=1e-9)
