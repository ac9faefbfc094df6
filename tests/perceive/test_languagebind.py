"""LanguageBind's towers against the original implementation, and its folders."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from alref_local.errors import AlrefError, ConfigError, PrerequisiteError
from alref_local.perceive.alignment import load_aligner
from alref_local.perceive.languagebind import LanguageBindConfig, LanguageBindModel, picture
from alref_local.perceive.languagebind_files import merged, read
from tests.perceive.beats_kit import RECORDED
from tests.perceive.languagebind_kit import CONFIGS, RELEASED, TEXTS, save_folder, shapes, weights

NUMBERS = range(5)


@pytest.fixture(scope="module", params=CONFIGS)
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(size: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_folder(tmp_path_factory.mktemp("languagebind"), size, pickled=True)


def recorded(name: str) -> NDArray[Any]:
    with np.load(RECORDED / "languagebind.npz") as held:
        return np.asarray(held[name])


def samples(number: int) -> NDArray[np.float32]:
    return recorded(f"samples {number}").astype(np.float32) / np.float32(32768)


@pytest.mark.parametrize("number", NUMBERS)
def test_pictures_equal_the_originals(size: str, number: int) -> None:
    """The audio tower would see other sound than it was trained on."""
    found = picture(samples(number), LanguageBindConfig.of(CONFIGS[size]))
    np.testing.assert_allclose(found, recorded(f"{size} picture {number}"), atol=1e-4)
    assert found.dtype == np.float32


def test_embeddings_equal_the_originals(size: str, folder: Path) -> None:
    """A sound would be taken for something else than in the paper."""
    config, model = read(folder)
    seen = torch.from_numpy(np.stack([picture(samples(number), config) for number in NUMBERS]))
    tokens = torch.from_numpy(recorded("tokens"))
    with torch.inference_mode():
        heard, words = model.hear(seen).numpy(), model.read(tokens, torch.ones_like(tokens)).numpy()
    expected = np.stack([recorded(f"{size} heard {number}") for number in NUMBERS])
    np.testing.assert_allclose(heard, expected, atol=1e-5)
    np.testing.assert_allclose(words, recorded(f"{size} read"), atol=1e-5)
    # Equal outputs for different inputs would compare nothing.
    assert np.ptp(expected, axis=0).max() > 0.05
    assert np.abs(words[0] - words[1]).max() > 0.05


def test_aligner_equals_the_original(size: str, folder: Path) -> None:
    """Equation 1 would choose by other numbers: tokenizer, padding or towers would not be the original's."""
    aligner = load_aligner(str(folder))
    found = aligner.similarity([samples(number) for number in NUMBERS], TEXTS)
    heard = np.stack([recorded(f"{size} heard {number}") for number in NUMBERS])
    np.testing.assert_allclose(found, heard @ recorded(f"{size} read").T, atol=1e-4)


@pytest.mark.parametrize("name", RELEASED)
def test_released_names_and_shapes(name: str) -> None:
    """A downloaded checkpoint would not fit."""
    with torch.device("meta"):
        model = LanguageBindModel(LanguageBindConfig.of(RELEASED[name]))
        theirs = merged({key: torch.empty(shape) for key, shape in shapes(name).items()}, 16, 16)
    ours = {key: tuple(at.shape) for key, at in model.state_dict().items()}
    assert ours == {key: tuple(at.shape) for key, at in theirs.items()}
    assert sum(at.numel() for at in theirs.values()) > 400e6


def test_safetensors_hold_the_same(size: str, folder: Path, tmp_path: Path) -> None:
    """A folder whose weights were made safe would align otherwise than the released one."""
    ours = read(save_folder(tmp_path, size))[1].state_dict()
    assert all(torch.equal(ours[name], at) for name, at in read(folder)[1].state_dict().items())


def test_half_precision(tmp_path: Path) -> None:
    """A checkpoint of half the size would be computed in half the precision, which a processor is slow at."""
    save_folder(tmp_path, "tuned", pickled=True)
    torch.save({key: at.half() for key, at in weights("tuned").items()}, tmp_path / "pytorch_model.bin")
    assert {at.dtype for at in read(tmp_path)[1].state_dict().values()} == {torch.float32}


def test_newer_names_of_small_matrices(tmp_path: Path) -> None:
    """A checkpoint that a newer peft saved would not fit."""
    save_folder(tmp_path, "lora", pickled=True)
    plain = read(tmp_path)[1].state_dict()
    renamed = {
        key.replace("_proj.weight", "_proj.base_layer.weight") if ".base_model." in key else key: at
        for key, at in weights("lora").items()
    }
    torch.save(renamed, tmp_path / "pytorch_model.bin")
    assert all(torch.equal(plain[key], at) for key, at in read(tmp_path)[1].state_dict().items())


@pytest.mark.parametrize("length", [0, 1, 399, 400, 5000, 200_000])
def test_any_length(length: int) -> None:
    """A blink of sound, or minutes of it, would end in a traceback."""
    config = LanguageBindConfig.of(CONFIGS["tuned"])
    seen = picture(np.ones(length, np.float32), config)
    assert seen.shape == (3, 29, 42)
    assert np.isfinite(seen).all()


def test_long_sound_is_seen_from_end_to_end() -> None:
    """What sounds at the end of a long segment would never be heard."""
    config = LanguageBindConfig.of(CONFIGS["tuned"])
    noise = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)
    for third in range(3):
        part = noise.copy()
        part[: third * 16_000] = part[(third + 1) * 16_000 :] = 0
        loud = picture(part, config).mean(axis=(1, 2))
        assert loud.argmax() == third


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("evil"),)


def _held(value: object) -> Callable[[Path], object]:
    return lambda at: torch.save(value, at / "pytorch_model.bin")


def _told(**other: Any) -> Callable[[Path], object]:
    return lambda at: (at / "config.json").write_text(json.dumps({**CONFIGS["tuned"], **other}))


BROKEN: dict[str, tuple[Callable[[Path], object], type[AlrefError], str]] = {
    "no weights": (lambda at: (at / "pytorch_model.bin").unlink(), PrerequisiteError, "neither"),
    "no config": (lambda at: (at / "config.json").unlink(), PrerequisiteError, "no config.json"),
    "no tokenizer": (lambda at: (at / "vocab.json").unlink(), PrerequisiteError, "vocab.json"),
    "cut off": (lambda at: os.truncate(at / "pytorch_model.bin", 5000), ConfigError, "cut off"),
    "safetensors cut off": (lambda at: (at / "model.safetensors").write_bytes(b"8"), ConfigError, "cut off"),
    "code": (_held({"extra": Evil()}), ConfigError, "more than weights"),
    "a list": (_held([1]), ConfigError, "tensors by name"),
    "a tensor is missing": (_held({"logit_scale": torch.ones(())}), ConfigError, "do not fit"),
    "no layer for a small matrix": (
        _held({"x.lora_A.default.weight": torch.ones(2, 2), "x.lora_B.default.weight": torch.ones(2, 2)}),
        ConfigError, "do not fit",
    ),
    "another family": (_told(model_type="LanguageBindVideo"), ConfigError, "does not compare sounds with words"),
    "no sizes": (_told(vision_config={}), ConfigError, "do not fit"),
    "attention over time": (
        _told(vision_config={**CONFIGS["tuned"]["vision_config"], "add_time_attn": True}), ConfigError, "released kind"
    ),
    "another rate": (
        _told(vision_config={**CONFIGS["tuned"]["vision_config"], "audio_sample_rate": 8000}), ConfigError, "kind"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_broken_folders(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An incomplete folder would end in a traceback, a stranger's file would run code."""
    monkeypatch.chdir(tmp_path)
    spoil, kind, said = BROKEN[case]
    spoil(save_folder(tmp_path / "model", "tuned", pickled=True))
    with pytest.raises(kind, match=said) as caught:
        load_aligner(str(tmp_path / "model"))
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    assert not Path("evil").exists()
