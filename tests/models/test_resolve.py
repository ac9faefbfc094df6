"""Names of checkpoints."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from alref_local.errors import ConfigError, PrerequisiteError
from alref_local.models import resolve as module
from alref_local.models.resolve import bundled, located, resolve

NAME = "facebook/sam2-hiera-large"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def _put_in_cache(cache: Path, *files: str) -> Path:
    repository = cache / "models--facebook--sam2-hiera-large"
    snapshot = repository / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123", encoding="utf-8")
    for name in files:
        (snapshot / name).write_bytes(b"{}")
    return snapshot


def test_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint of one's own could not be used."""
    assert resolve(str(tmp_path)) == tmp_path
    (tmp_path / "facebook" / "sam2-hiera-large").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert resolve(NAME) == Path(NAME)


def test_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """~/models in a config would not be found."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "sam2").mkdir()
    assert resolve("~/sam2") == tmp_path / "sam2"


def test_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Microsoft's BEATs, which are files, would be found by one part of the program and missed by another."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "beats.pt").touch()
    assert located("~/beats.pt") == tmp_path / "beats.pt"
    assert located(str(tmp_path)) == tmp_path
    with pytest.raises(PrerequisiteError):
        located("~/other.pt")


def test_a_missing_file_of_microsofts_says_where_it_is_to_be_had() -> None:
    """Whoever asks for sound with real weights for the first time is left alone."""
    with pytest.raises(PrerequisiteError, match="no checkpoint file") as caught:
        resolve("~/nowhere/BEATs_finetuned.pt")
    assert "unilm" in caught.value.hint


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("weights", ["model.safetensors", "pytorch_model.bin"])
def test_cached_model_needs_no_network(weights: str, cache: Path) -> None:
    """A model that was downloaded before would be looked up on the network again."""
    snapshot = _put_in_cache(cache, "config.json", weights)
    assert resolve(NAME) == snapshot


@pytest.mark.usefixtures("cache", "no_network")
def test_missing_model() -> None:
    """An air-gapped server would hang on the network, or not be told what to fetch."""
    with pytest.raises(PrerequisiteError) as caught:
        resolve(NAME)
    assert str(caught.value).count(". ") == 0
    assert f"models pull {NAME}" in caught.value.hint
    assert "--config tiny" in caught.value.hint
    assert caught.value.exit_code == 3


@pytest.mark.usefixtures("no_network")
def test_interrupted_download_is_missing(cache: Path) -> None:
    """A download that was cut off would count as a model."""
    _put_in_cache(cache, "config.json")
    with pytest.raises(PrerequisiteError):
        resolve(NAME)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("name", ["./weights", "/no/such/folder", "~/no/such", "a/b/c", "../sam2"])
def test_missing_folder(name: str) -> None:
    """A mistyped path would be searched on the hub, or end in a traceback."""
    with pytest.raises(PrerequisiteError, match="no checkpoint folder"):
        resolve(name)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("name", ["sam2", "", "tiny:nothing", "tiny:", "tiny:../models", "a b"])
def test_malformed(name: str) -> None:
    """A mistyped name would be searched on the hub, or reach outside the bundled folder."""
    with pytest.raises(ConfigError):
        resolve(name)


def test_bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--config tiny would not find its models."""
    (tmp_path / "sam2").mkdir()
    (tmp_path / "sam2" / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(module, "BUNDLED", tmp_path)
    assert bundled() == ("sam2",)
    assert resolve("tiny:sam2") == tmp_path / "sam2"
    with pytest.raises(ConfigError, match="empty") as caught:
        resolve("tiny:empty")
    assert "tiny:sam2" in caught.value.hint


@pytest.mark.usefixtures("no_network")
def test_names_of_this_package_are_whole() -> None:
    """A bundled checkpoint would lack its weights."""
    for name in bundled():
        assert any(resolve(f"tiny:{name}").glob("*.safetensors"))
