"""Aligners: what every one of them holds to, and CLAP's folders."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from transformers import ClapAudioConfig, ClapConfig, ClapFeatureExtractor, ClapModel, ClapTextConfig

from alref_local.errors import AlrefError, ConfigError, PrerequisiteError
from alref_local.perceive.alignment import Alike, load_aligner
from alref_local.seams import Aligner
from clap_model import build_tokenizer
from tests.perceive.beats_kit import sound
from tests.perceive.languagebind_kit import save_folder as save_languagebind

SECOND = 16_000
TEXTS = ("dog", "train", "dog, train", "silence")


def save_clap(folder: Path) -> Path:
    """A small CLAP of random weights that hears one second at 48 kHz at once."""
    torch.manual_seed(0)
    tokenizer = build_tokenizer()
    audio = ClapAudioConfig(
        num_mel_bins=16, spec_size=32, window_size=2, patch_embeds_hidden_size=8, hidden_size=16, depths=[1, 1],
        num_attention_heads=[1, 2], num_hidden_layers=2,
    )  # fmt: skip
    text = ClapTextConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=24, initializer_factor=20.0,
    )  # fmt: skip
    model = ClapModel(ClapConfig(text_config=text.to_dict(), audio_config=audio.to_dict(), projection_dim=12))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    ClapFeatureExtractor(
        feature_size=16, hop_length=800, max_length_s=1, fft_window_size=2048, truncation="rand_trunc"
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_clap(tmp_path_factory.mktemp("clap"))


@pytest.fixture(scope="module", params=["clap", "languagebind"])
def aligner(request: pytest.FixtureRequest, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Alike:
    if request.param == "clap":
        return load_aligner(str(folder))
    return load_aligner(str(save_languagebind(tmp_path_factory.mktemp("languagebind"), "lora")))


@pytest.fixture(scope="module")
def clap(folder: Path) -> Alike:
    return load_aligner(str(folder))


def test_is_an_aligner(aligner: Alike) -> None:
    """The engine could not use it."""
    assert isinstance(aligner, Aligner)


def test_cosines(aligner: Alike) -> None:
    """Equation 1 would compare numbers that depend on how long or loud a text or a sound is."""
    found = aligner.similarity([sound(0.7), sound(0.4, 1), sound(2.5, 2)], TEXTS)
    assert found.shape == (3, 4)
    assert found.dtype == np.float32
    assert np.abs(found).max() <= 1 + 1e-6
    assert np.ptp(found, axis=1).min() > 0.01
    own = aligner.text_similarity(TEXTS, TEXTS)
    np.testing.assert_allclose(own, own.T, atol=1e-6)
    np.testing.assert_allclose(np.diag(own), 1, atol=1e-6)
    assert own[0, 1] < 0.999


def test_each_by_itself(aligner: Alike) -> None:
    """What a segment is taken for would depend on the other segments and texts."""
    segments = [sound(0.7), sound(0.2, 1), sound(2.5, 2)]
    together = aligner.similarity(segments, TEXTS)
    for row, segment in enumerate(segments):
        for column, text in enumerate(TEXTS):
            alone = aligner.similarity([segment], [text])
            np.testing.assert_allclose(alone[0, 0], together[row, column], atol=1e-5)


def test_many_texts(aligner: Alike) -> None:
    """The combinations of six names would come in another order, or be cut off."""
    texts = [f"{TEXTS[number % 4]} {number}" for number in range(130)]
    found = aligner.text_similarity(texts, TEXTS)
    assert found.shape == (130, 4)
    for row in (0, 63, 64, 129):
        np.testing.assert_allclose(found[row], aligner.text_similarity([texts[row]], TEXTS)[0], atol=1e-5)


def test_nothing_to_compare(aligner: Alike) -> None:
    """A clip in which nothing was found would end in a traceback."""
    assert aligner.similarity([], TEXTS).shape == (0, 4)
    assert aligner.similarity([sound(0.1)], []).shape == (1, 0)
    assert aligner.text_similarity([], []).shape == (0, 0)


@settings(max_examples=25, deadline=None)
@given(length=st.integers(0, 3000), value=st.sampled_from([0.0, 1e-30, 1.0, -1.0]))
def test_any_sound(aligner: Alike, length: int, value: float) -> None:
    """A blink of sound, or a stuck microphone, would end in a traceback."""
    found = aligner.similarity([np.full(length, value, np.float32)], TEXTS)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("text", ["", "  ", "ein Hündchen", "犬", "dog, " * 40])
def test_any_text(aligner: Alike, text: str) -> None:
    """A name in another script, or one that is too long for the model, would end in a traceback."""
    assert np.isfinite(aligner.similarity([sound(0.3)], [text])).all()


def vector(clap: Alike, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    return clap._towers.hear(samples)


def test_long_sound_is_the_mean_of_its_windows(clap: Alike) -> None:
    """CLAP would hear a part of a long segment by chance, another one in each run."""
    samples = np.concatenate([sound(1.0), sound(1.0, 1), sound(0.5, 2)])
    parts = [vector(clap, samples[start : start + SECOND]) for start in (0, SECOND, 2 * SECOND)]
    mean = np.average(parts, axis=0, weights=[1, 1, 0.5])
    np.testing.assert_allclose(vector(clap, samples), mean / np.linalg.norm(mean), atol=1e-5)
    assert np.abs(parts[0] - parts[1]).max() > 1e-3
    np.testing.assert_array_equal(vector(clap, samples), vector(clap, samples))


def test_sound_is_brought_to_the_models_rate(clap: Alike, folder: Path) -> None:
    """Everything would sound three times as fast to CLAP."""
    at_48k = np.sin(2 * np.pi * 1000 * np.arange(48_000) / 48_000).astype(np.float32)
    given = ClapFeatureExtractor.from_pretrained(folder)(at_48k, sampling_rate=48_000, return_tensors="pt")
    model = ClapModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        expected = model.get_audio_features(**given).pooler_output[0].numpy()
    found = vector(clap, np.ascontiguousarray(at_48k[::3]))
    assert found @ expected > 0.99


def _no_tokenizer(at: Path) -> None:
    for file in at.glob("token*"):
        file.unlink()


def _other_family(at: Path) -> None:
    (at / "config.json").write_text('{"model_type": "beats"}')


BROKEN: dict[str, tuple[Callable[[Path], object], type[AlrefError], str]] = {
    "no config": (lambda at: (at / "config.json").unlink(), PrerequisiteError, "no config.json"),
    "no weights": (lambda at: (at / "model.safetensors").unlink(), PrerequisiteError, "no safetensors"),
    "no extractor": (lambda at: (at / "preprocessor_config.json").unlink(), PrerequisiteError, "ClapFeatureExtractor"),
    "no tokenizer": (_no_tokenizer, PrerequisiteError, "tokenizer.json"),
    "cut off": (lambda at: os.truncate(at / "model.safetensors", 5000), ConfigError, "cannot be loaded"),
    "another family": (_other_family, ConfigError, "does not compare sounds with words"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_broken_folders(case: str, tmp_path: Path) -> None:
    """An incomplete or a wrong checkpoint would end in a traceback."""
    spoil, kind, said = BROKEN[case]
    spoil(save_clap(tmp_path))
    with pytest.raises(kind, match=said) as caught:
        load_aligner(str(tmp_path))
    assert caught.value.hint


@pytest.mark.parametrize(
    ("model", "kind"),
    [("tiny:nothing", ConfigError), ("/nowhere/at/all", PrerequisiteError), ("not a name", ConfigError)],
)
def test_missing_checkpoints(model: str, kind: type[AlrefError]) -> None:
    """A wrong name would end in a traceback."""
    with pytest.raises(kind) as caught:
        load_aligner(model)
    assert caught.value.hint
