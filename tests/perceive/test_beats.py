"""BEATs against the original implementation, and its files."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from alref_local.errors import ConfigError, PrerequisiteError
from alref_local.perceive import audioset
from alref_local.perceive.audioset import audioset_names, name_of
from alref_local.perceive.beats_files import BeatsCheckpoint, read, write_folder
from alref_local.perceive.fbank import fbank
from tests.perceive.beats_kit import CONFIGS, RECORDED, repeated, save_folder, save_pt, weights

SMALL = CONFIGS["small"]
with (Path(audioset.__file__).with_name("audioset.csv")).open(encoding="utf-8", newline="") as lines:
    MIDS = [row["mid"] for row in csv.DictReader(lines)][::-1]
"""AudioSet's ids, the last first: Microsoft's files have an order of their own."""


@pytest.mark.parametrize("size", CONFIGS)
def test_equals_the_original(size: str) -> None:
    """The same weights would name other sounds than in the paper."""
    config = CONFIGS[size]
    labels = tuple(map(str, range(config.predictor_class)))
    model = BeatsCheckpoint(Path(size), config, labels, weights(config)).model()
    with np.load(RECORDED / "beats.npz") as recorded, torch.inference_mode():
        for number in (0, 1):
            samples = recorded[f"samples {number}"].astype(np.float32) / 32768
            found = model(torch.from_numpy(fbank(samples))[None]).sigmoid()[0].numpy()
            np.testing.assert_allclose(found, recorded[f"{size} {number}"], atol=1e-5)
            assert np.ptp(found) > 0.5  # saturated or constant outputs would compare nothing


@pytest.mark.parametrize("size", CONFIGS)
def test_names_and_shapes(size: str) -> None:
    """Microsoft's files would not fit."""
    config = CONFIGS[size]
    ours = {f"{name} {tuple(at.shape)}" for name, at in weights(config).items()}
    with np.load(RECORDED / "beats.npz") as recorded:
        theirs = set(recorded[f"{size} tensors"])
    assert ours == {line for line in theirs if line.split(" ")[0] not in repeated(config)}


@pytest.fixture(scope="module")
def pt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_pt(tmp_path_factory.mktemp("pt") / "small.pt", SMALL, MIDS)


def test_microsofts_file(pt: Path) -> None:
    """A downloaded checkpoint would not be read, or its outputs named wrongly."""
    checkpoint = read(pt)
    assert checkpoint.config == SMALL
    assert checkpoint.labels[:2] == ("Field recording", "Radio")
    assert set(checkpoint.labels) == set(audioset_names())
    found = checkpoint.model().state_dict()
    assert all(torch.equal(found[name], at) for name, at in weights(SMALL).items())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_folder_holds_the_same(pt: Path, tmp_path: Path, dtype: torch.dtype) -> None:
    """A converted checkpoint would tag otherwise than the file it was made of."""
    checkpoint = read(pt)
    halved = {name: at.to(dtype) for name, at in checkpoint.tensors.items()}
    write_folder(replace(checkpoint, tensors=halved), tmp_path / "beats")
    again = read(tmp_path / "beats")
    assert (again.config, again.labels) == (checkpoint.config, checkpoint.labels)
    for name, at in again.model().state_dict().items():
        assert at.dtype == torch.float32
        assert torch.equal(at, halved[name].float())
    assert {file.name for file in (tmp_path / "beats").iterdir()} == {"config.json", "model.safetensors"}


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("evil"),)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "code": ({"extra": Evil()}, "holds more than weights"),
    "self-supervised": ({"label_dict": None}, "has no classifier"),
    "another model": ({"cfg": None}, "not a BEATs checkpoint"),
    "a list": ({"model": [1]}, "not a BEATs checkpoint"),
    "another variant": ({"cfg": {**asdict(SMALL), "layer_norm_first": True}}, "layer_norm_first is True"),
    "sizes missing": ({"cfg": {"embed_dim": 24}}, "has no input_patch_size"),
    "labels that do not count up": ({"label_dict": {1: "/m/028v0c"}}, "cannot be read"),
    "labels that are no names": ({"label_dict": {0: ["/m/028v0c"]}}, "cannot be read"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_files(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger's file would run code, or end in a traceback."""
    monkeypatch.chdir(tmp_path)
    held, said = REFUSED[case]
    file = save_pt(tmp_path / "x.pt", SMALL, MIDS, **held)
    with pytest.raises(ConfigError, match=said) as caught:
        read(file)
    assert caught.value.hint
    assert not Path("evil").exists()


UNFIT: dict[str, dict[str, Any]] = {
    "another width": {"cfg": {**asdict(SMALL), "encoder_ffn_embed_dim": 64}},
    "heads that do not divide": {"cfg": {**asdict(SMALL), "encoder_attention_heads": 5}},
    "no heads": {"cfg": {**asdict(SMALL), "encoder_attention_heads": 0}},
    "a size that is a word": {"cfg": {**asdict(SMALL), "encoder_layers": "three"}},
    "too few labels": {"label_dict": {0: "/m/028v0c"}},
    "a tensor that is none": {"model": {**weights(SMALL), "predictor.bias": 1}},
    "a tensor too many": {"model": {**weights(SMALL), "lm_head.weight": torch.zeros(2)}},
}


@pytest.mark.parametrize("case", UNFIT)
def test_unfit_weights(case: str, tmp_path: Path) -> None:
    """A broken checkpoint would end in a traceback, or be filled up with random numbers."""
    file = save_pt(tmp_path / "x.pt", SMALL, MIDS, **UNFIT[case])
    with pytest.raises(ConfigError, match="do not fit"):
        read(file).model()


@pytest.mark.parametrize("content", [b"", b"hello world" * 99, b"PK\x03\x04 cut off", b"\x80\x04N."])
def test_no_checkpoint_at_all(content: bytes, tmp_path: Path) -> None:
    """A wrong or broken download would end in a traceback."""
    (tmp_path / "x.pt").write_bytes(content)
    with pytest.raises(ConfigError):
        read(tmp_path / "x.pt")


def test_cut_off(pt: Path, tmp_path: Path) -> None:
    """A broken download would end in a traceback."""
    (tmp_path / "x.pt").write_bytes(pt.read_bytes()[:-5000])
    with pytest.raises(ConfigError, match="cut off"):
        read(tmp_path / "x.pt")


BROKEN: dict[str, tuple[Callable[[Path], object], type[Exception], str]] = {
    "no config": (lambda at: (at / "config.json").unlink(), PrerequisiteError, "no config.json"),
    "no weights": (lambda at: (at / "model.safetensors").unlink(), PrerequisiteError, "no model.safetensors"),
    "another family": (lambda at: (at / "config.json").write_text('{"model_type": "clap"}'), ConfigError, "'clap'"),
    "cut off": (lambda at: os.truncate(at / "model.safetensors", 5000), ConfigError, "cannot be loaded"),
    "no sizes": (
        lambda at: (at / "config.json").write_text('{"model_type": "beats"}'), ConfigError, "input_patch_size"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_broken_folders(case: str, tmp_path: Path) -> None:
    """An incomplete folder would end in a traceback."""
    spoil, kind, said = BROKEN[case]
    spoil(save_folder(tmp_path, SMALL, audioset_names()))
    with pytest.raises(kind, match=said):
        read(tmp_path)


def test_audioset() -> None:
    """Sounds would go by other names than AudioSet's."""
    names = audioset_names()
    assert (len(names), len(set(names))) == (527, 527)
    assert (names[0], names[500], names[526]) == ("Speech", "Silence", "Field recording")
    assert name_of("/m/028v0c") == "Silence"
    assert name_of("of another ontology") == "of another ontology"


@pytest.mark.parametrize("mid", ["/m/09x0r", "/t/dd00002"])
def test_ids_have_names(mid: str) -> None:
    """Tags would be shown as ids."""
    assert name_of(mid) != mid
