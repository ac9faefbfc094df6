"""SAM 2 compiled at the start."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from alref_local.perceive.segmentation import Sam2
from alref_local.types import Box, Prompt
from tests.perceive.perceive_kit import noise_video

PROMPTS = [Prompt(track, 1, box=Box(5, 5, 30 + 5 * track, 30)) for track in range(3)]


def assert_same_masks(folder: Path) -> Sam2:
    compiled, plain = Sam2(model=str(folder), compile=True), Sam2(model=str(folder))
    video = noise_video(6)
    for one, other in zip(compiled.track(video, PROMPTS), plain.track(video, PROMPTS), strict=True):
        np.testing.assert_allclose(one.logits, other.logits, rtol=2e-3, atol=1e-3)
    return compiled


def broken(*_: object, **__: object) -> Callable[..., Any]:
    raise RuntimeError("no compiler here\nwith a long story")


GRAPHS: list[Any] = []


def counting(graph: Callable[..., Any], *_: object, **__: object) -> Callable[..., Any]:
    GRAPHS.append(graph)
    return graph


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Another backend of torch's compiler: its own takes minutes on a CPU."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=request.param))


@pytest.mark.slow
@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("backend", ["eager"], indirect=True)
def test_the_same_masks(sam2_folder: Path) -> None:
    """A compiled model would give other masks."""
    model = assert_same_masks(sam2_folder)._model
    assert model.vision_encoder._compiled_call_impl is not None
    assert model.memory_attention._compiled_call_impl is not None


@pytest.mark.slow
@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("backend", [counting], indirect=True)
def test_nothing_is_compiled_after_the_start(sam2_folder: Path) -> None:
    """The first video takes minutes longer than it says, and fails where the compiler does."""
    GRAPHS.clear()
    compiled = Sam2(model=str(sam2_folder), compile=True, ahead=4)
    started = len(GRAPHS)
    assert started >= 2
    prompts = [*PROMPTS, Prompt(0, 9, box=Box(5, 5, 30, 30)), Prompt(1, 4, box=Box(5, 5, 30, 30))]
    seen = list(compiled.track(noise_video(30), prompts))
    plain = Sam2(model=str(sam2_folder), ahead=4).track(noise_video(30), prompts)
    for one, other in zip(seen, plain, strict=True):
        np.testing.assert_allclose(one.logits, other.logits, rtol=2e-3, atol=1e-3)
    assert len(GRAPHS) == started


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("backend", [broken], indirect=True)
def test_without_a_compiler(sam2_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A host without a compiler would end the run with a traceback."""
    assert_same_masks(sam2_folder)
    (record,) = [one for one in caplog.records if one.name.startswith("alref_local")]
    assert "uncompiled" in record.message
    assert "no compiler here" in record.message
    assert "\n" not in record.message
