"""Published .pt and .bin files become safetensors when they are installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from alref_local.errors import ConfigError
from alref_local.models.checking import verify
from alref_local.models.resolve import resolve
from alref_local.models.store import folder_of, installed, read_record
from alref_local.perceive.alignment import load_aligner
from alref_local.perceive.audioset import audioset_names
from alref_local.perceive.tagging import Beats
from alref_local.supply.install import install_any
from alref_local.supply.meter import Meter
from alref_local.supply.pull import pull
from tests.models.store_kit import checkpoint
from tests.perceive.beats_kit import CONFIGS, save_pt, sound
from tests.supply.hub_server import HubServer

BEATS = "microsoft/BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2"
FILE = "BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2.pt"


@pytest.fixture
def unknown_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue that knows the file's name, but no size or hash: the real one is not to be had in tests."""
    fields = "kind: tagger, repo: null, url: x, licence: MIT, parameters: 9, dtype: float32, working: 0, convert: beats"
    (tmp_path / "mine.yaml").write_text(f"{BEATS}: {{{fields}, files: {{{FILE}: {{}}}}}}\n")
    monkeypatch.setenv("ALREF_CATALOGUE", str(tmp_path / "mine.yaml"))


@pytest.mark.usefixtures("unknown_bytes")
def test_a_file_fetched_by_hand(tmp_path: Path) -> None:
    """Microsoft's BEATs could not be installed, or would name other sounds than before."""
    file = save_pt(tmp_path / FILE, CONFIGS["small"], audioset_names())
    (tmp_path / "config.json").write_text("another file in the folder of downloads")
    assert install_any(file, (), None, Meter()) == {BEATS: folder_of(BEATS)}
    record = read_record(resolve(BEATS))
    assert record is not None
    assert set(record.files) == {"config.json", "model.safetensors"}
    assert verify(record) == []
    assert Beats(model=BEATS).tags(sound(1.0), 5) == Beats(model=str(file)).tags(sound(1.0), 5)
    before = (folder_of(BEATS) / "model.safetensors").stat().st_ino
    install_any(file, (), None, Meter())
    assert (folder_of(BEATS) / "model.safetensors").stat().st_ino == before
    renamed = file.rename(tmp_path / "download(1).pt")
    assert set(install_any(renamed, (), BEATS, Meter())) == {BEATS}


@pytest.mark.usefixtures("unknown_bytes")
def test_a_file_with_code_is_refused(tmp_path: Path) -> None:
    """A file from anywhere would run its code, or stay where checkpoints lie."""
    file = save_pt(tmp_path / FILE, CONFIGS["small"], audioset_names(), extra=Path)
    with pytest.raises(ConfigError, match="more than weights"):
        install_any(file, (), None, Meter())
    assert installed(BEATS) is None


def test_another_file_of_that_name_is_refused(tmp_path: Path) -> None:
    """A torn download would be found out only by the sounds that it hears."""
    file = save_pt(tmp_path / FILE, CONFIGS["small"], audioset_names())
    with pytest.raises(ConfigError, match="is not the BEATs") as caught:
        install_any(file, (), None, Meter())
    assert "e5815275a04b" in caught.value.hint
    assert installed(BEATS) is None


@pytest.mark.parametrize(
    ("name", "said"),
    [(None, "neither a bundle nor"), ("laion/clap-htsat-unfused", "one file"), ("lab/none", "no checkpoint")],
)
def test_a_file_that_is_nothing(name: str | None, said: str, tmp_path: Path) -> None:
    """A mistake would end in a traceback."""
    (tmp_path / "x.pt").write_bytes(b"x")
    with pytest.raises(ConfigError, match=said):
        install_any(tmp_path / "x.pt", (), name, Meter())


def test_weights_that_the_hub_has_as_bin_only(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CLAP, which `default` needs, would be downloaded and then refused: only safetensors are loaded."""
    tiny = resolve("tiny:clap")
    weights = load_file(tiny / "model.safetensors")
    torch.save(weights, tmp_path / "pytorch_model.bin")
    files = {file.name: file.read_bytes() for file in tiny.iterdir() if file.name != "model.safetensors"}
    hub.repositories["lab/clap"] = {
        **files,
        "pytorch_model.bin": (tmp_path / "pytorch_model.bin").read_bytes(),
    }
    folder = pull(checkpoint("lab/clap", kind="aligner", convert="tensors"), Meter())
    assert set(load_file(folder / "model.safetensors")) == set(weights)
    assert not (folder / "pytorch_model.bin").exists()
    assert verify(checkpoint("lab/clap")) == []
    heard = [np.sin(np.arange(16_000, dtype=np.float32) / 7)]
    ours, theirs = (load_aligner(name, device="cpu") for name in ("lab/clap", "tiny:clap"))
    np.testing.assert_array_equal(ours.similarity(heard, ["the dog"]), theirs.similarity(heard, ["the dog"]))
