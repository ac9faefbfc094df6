"""Where installed checkpoints lie, and whether they are whole."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alref_local.errors import PrerequisiteError
from alref_local.models.catalogue import FileFacts, find_checkpoint
from alref_local.models.checking import faults, verify, weights_sha256
from alref_local.models.resolve import resolve
from alref_local.models.store import (
    RECORD,
    cached,
    folder_of,
    installed,
    missing_shards,
    models_dir,
    recorded,
)
from tests.models.store_kit import FILES, checkpoint, facts, put, write


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty machine."""
    monkeypatch.setenv("ALREF_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path


def test_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights would fill the wrong disk."""
    monkeypatch.delenv("ALREF_MODELS")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert models_dir() == Path("/caches/alref-local/models")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/me")
    assert models_dir() == Path("/home/me/.cache/alref-local/models")


def test_what_is_installed_is_found() -> None:
    """A run would look for the network although everything is here."""
    small = checkpoint()
    assert installed(small) is None
    put()
    assert installed(small) == installed("lab/small") == resolve("lab/small") == folder_of("lab/small")
    assert set(recorded()) == {"lab/small"}
    assert verify(small) == []


def test_a_folder_without_a_record_is_not_installed() -> None:
    """Something half copied by hand would count as a checkpoint."""
    write(folder_of("lab/small"))
    assert installed("lab/small") is None
    put()
    (folder_of("lab/small") / RECORD).write_text('{"name": "lab/sm')
    assert installed("lab/small") is None
    assert recorded() == {}


def test_the_hubs_cache_is_second(here: Path) -> None:
    """Downloads that people have already would be fetched a second time."""
    repository = here / "hub" / "models--lab--small"
    new, pinned = "1" * 40, "2" * 40
    for revision in (new, pinned):
        write(repository / "snapshots" / revision)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(new)
    assert installed("lab/small") == repository / "snapshots" / new
    assert installed(checkpoint(revision=pinned)) == repository / "snapshots" / pinned
    assert installed(checkpoint(revision="3" * 40)) == repository / "snapshots" / new
    put()
    assert installed("lab/small") == folder_of("lab/small")


INDEX_NAME = "model.safetensors.index.json"
INDEX = b'{"weight_map": {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"}}'
SHARDS = ("model-1-of-2.safetensors", "model-2-of-2.safetensors")
BINS = {"pytorch_model.bin.index.json": b'{"weight_map": {"a": "pytorch_model-1-of-1.bin"}}'}


@pytest.mark.parametrize(
    ("files", "lacking"),
    [
        (FILES, []),
        ({INDEX_NAME: INDEX, **dict.fromkeys(SHARDS, b"x")}, []),
        ({INDEX_NAME: INDEX, SHARDS[0]: b"x"}, [SHARDS[1]]),
        ({INDEX_NAME: INDEX}, list(SHARDS)),
        ({INDEX_NAME: INDEX, "model.safetensors": b"x"}, []),
        ({INDEX_NAME: b"{", SHARDS[0]: b"x"}, [INDEX_NAME]),
        ({INDEX_NAME: b'{"weight_map": [1]}', SHARDS[0]: b"x"}, [INDEX_NAME]),
        ({INDEX_NAME: b'{"weight_map": {"a": 1}}', SHARDS[0]: b"x"}, [INDEX_NAME]),
        ({**BINS, SHARDS[0]: b"x"}, []),
        ({**BINS, "other.bin": b"x"}, ["pytorch_model-1-of-1.bin"]),
    ],
)
def test_every_part_of_divided_weights_is_wanted(
    files: dict[str, bytes], lacking: list[str], here: Path
) -> None:
    """Half of a checkpoint would count as one: a download that ended, a copy that somebody broke off."""
    snapshot = write(here / "hub/models--lab--small/snapshots" / ("1" * 40), {"config.json": b"{}", **files})
    assert missing_shards(snapshot) == lacking
    if any(name.endswith(".safetensors") for name in files):
        assert cached("lab/small", "1" * 40) == (None if lacking else snapshot)


@pytest.mark.parametrize("harm", ["gone", "short", "long"])
def test_a_damaged_checkpoint_is_not_loaded(harm: str) -> None:
    """A run would end in the depths of a library, or worse, go on with what is there."""
    put()
    weights = folder_of("lab/small") / "model.safetensors"
    if harm == "gone":
        weights.unlink()
    else:
        weights.write_bytes(b"x" if harm == "short" else FILES["model.safetensors"] + b"x")
    with pytest.raises(PrerequisiteError, match=r"damaged: model.safetensors is ") as caught:
        resolve("lab/small")
    assert "verify lab/small" in caught.value.hint


@given(
    name=st.sampled_from(sorted(FILES)),
    where=st.integers(0, 10_000),
    harm=st.sampled_from(["flip", "cut", "gone", "more"]),
)
def test_any_damage_is_named(
    name: str, where: int, harm: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A flipped bit would pass as a whole checkpoint, or the wrong file be blamed."""
    folder = write(tmp_path_factory.mktemp("checkpoint"))
    files = {file: facts(content) for file, content in FILES.items()}
    assert faults(folder, files) == []
    content = bytearray(FILES[name])
    content[where % len(content)] ^= 1 << where % 8
    damaged = {"flip": bytes(content), "cut": FILES[name][: where % len(content)], "more": FILES[name] + b"x"}
    if harm == "gone":
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(damaged[harm])
    (fault,) = faults(folder, files)
    assert fault.file == name
    said = {
        "flip": "SHA-256 begins with",
        "cut": "bytes long in place of",
        "gone": "is missing",
        "more": "bytes long",
    }
    assert said[harm] in str(fault)
    assert faults(folder, files, deep=False) == ([] if harm == "flip" else [fault])


def test_unknown_facts_are_not_held_against_a_file(tmp_path: Path) -> None:
    """What the catalogue does not know would count as damage."""
    write(tmp_path)
    assert faults(tmp_path, {"config.json": FileFacts(), "model.safetensors": FileFacts(size=2048)}) == []


def test_what_others_may_not_read_is_not_called_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under a strict umask everybody but who installed would be told to fetch it again."""
    put()

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)  # root reads everything
    with pytest.raises(PrerequisiteError, match=r"small cannot be read: permission denied") as caught:
        resolve("lab/small")
    assert f"chmod -R a+rX {models_dir()}" in caught.value.hint


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A dying disk would end in a traceback."""
    (tmp_path / "config.json").symlink_to(tmp_path / "config.json")
    (fault,) = faults(tmp_path, {"config.json": FileFacts(size=1)})
    assert "cannot be read" in str(fault) or "missing" in str(fault)


def test_weights_are_named_by_their_content(tmp_path: Path) -> None:
    """A run could not say which weights made it."""
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "config.json").write_text("{}")
    assert weights_sha256(tmp_path) == {"model.safetensors": hashlib.sha256(b"weights").hexdigest()}


def test_what_is_missing_is_said_with_the_way_out() -> None:
    """BEATs would be looked for on the hub, which does not have it."""
    beats = "microsoft/BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2"
    with pytest.raises(PrerequisiteError) as caught:
        resolve(beats)
    assert next(iter(find_checkpoint(beats).files)) in caught.value.hint
    assert "unilm" in caught.value.hint
    assert "models install" in caught.value.hint
