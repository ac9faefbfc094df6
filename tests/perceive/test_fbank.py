"""Kaldi's filter bank without torchaudio."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

from alref_local.perceive.fbank import BINS, HOP, RATE, WINDOW, fbank
from tests.perceive.beats_kit import RECORDED, sound


def transformers_fbank(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """As ``ASTFeatureExtractor`` computes it where torchaudio is missing."""
    filters = mel_filter_bank(
        num_frequency_bins=257,
        num_mel_filters=BINS,
        min_frequency=20,
        max_frequency=RATE // 2,
        sampling_rate=RATE,
        norm=None,
        mel_scale="kaldi",
        triangularize_in_mel_space=True,
    )
    energies = spectrogram(
        samples * 2**15,
        window_function(WINDOW, "povey", periodic=False),
        frame_length=WINDOW,
        hop_length=HOP,
        fft_length=512,
        power=2.0,
        center=False,
        preemphasis=0.97,
        mel_filters=filters,
        log_mel="log",
        mel_floor=1.192092955078125e-07,
        remove_dc_offset=True,
    )
    return np.asarray(energies.T, dtype=np.float32)


@pytest.mark.parametrize(
    "samples",
    [sound(1.3), sound(0.2) + 0.5, sound(0.1) * 1e-4, np.zeros(4000, np.float32), np.ones(4000, np.float32)],
    ids=["sound", "off zero", "faint", "silence", "constant"],
)
@pytest.mark.filterwarnings("ignore:At least one mel filter has all zero values")
def test_equals_transformers(samples: NDArray[np.float32]) -> None:
    """Sound would be heard otherwise than BEATs was trained to hear it."""
    np.testing.assert_allclose(fbank(samples), transformers_fbank(samples), atol=1e-3)


@pytest.mark.parametrize("number", [0, 1])
def test_equals_torchaudio(number: int) -> None:
    """The original's own filter bank would give other numbers."""
    with np.load(RECORDED / "beats.npz") as recorded:
        samples = recorded[f"samples {number}"].astype(np.float32) / 32768
        np.testing.assert_allclose(fbank(samples), recorded[f"fbank {number}"], atol=1e-3)


@pytest.mark.parametrize(("samples", "frames"), [(400, 1), (559, 1), (560, 2), (16_000, 98), (160_000, 998)])
def test_frames(samples: int, frames: int) -> None:
    """The number of patches would differ from the original's."""
    energies = fbank(np.zeros(samples, np.float32))
    assert energies.shape == (frames, BINS)
    assert energies.dtype == np.float32
    assert np.isfinite(energies).all()


def test_less_than_a_frame() -> None:
    """A caller that forgets to pad would get nothing instead of an error."""
    with pytest.raises(ValueError, match="window"):
        fbank(np.zeros(399, np.float32))
