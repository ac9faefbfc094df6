"""What can be wrong with a local model's folder or machine: one sentence and a hint each, before anything is asked."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from alref_local.errors import AlrefError, ConfigError, PrerequisiteError
from alref_local.reason.backends import make_backend
from alref_local.reason.card import Card
from alref_local.reason.local import load, model, responder
from tests.reason.chat_server import question
from untrained_vlm import llava, qwen2_vl


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with nothing wrong."""
    folder = tmp_path_factory.mktemp("sound")
    qwen2_vl(folder)
    return folder


def refused(model: Path | str, **changes: object) -> AlrefError:
    """The error that one question meets; it is a sentence and says what to do."""

    async def ask() -> None:
        card = Card.model_validate({"name": "test", "kind": "local", "model": str(model), **changes})
        backend = make_backend(card, device="cpu")
        try:
            await backend.ask(question())
        finally:
            await backend.close()

    with pytest.raises(AlrefError) as caught:
        asyncio.run(ask())
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    return caught.value


def without(name: str) -> Callable[[Path], None]:
    """Take a file away."""
    return lambda folder: (folder / name).unlink()


def cut(name: str) -> Callable[[Path], None]:
    """Keep half of a file."""

    def damage(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return damage


def edited(name: str, **fields: object) -> Callable[[Path], None]:
    """Change fields of a JSON file."""

    def damage(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**content, **fields}))

    return damage


@pytest.mark.parametrize(
    ("damage", "kind", "words"),
    [
        (without("config.json"), PrerequisiteError, "holds no config.json"),
        (cut("config.json"), ConfigError, "is not a model config"),
        (edited("config.json", model_type="llama"), ConfigError, "'llama', which does not answer questions"),
        (edited("config.json", model_type="nonsense"), ConfigError, "'nonsense', which does not answer"),
        (without("model.safetensors"), PrerequisiteError, "no safetensors weights"),
        (cut("model.safetensors"), ConfigError, "cannot be loaded"),
        (without("tokenizer.json"), PrerequisiteError, "lacks the vocabulary"),
        (cut("tokenizer.json"), PrerequisiteError, "lacks its"),
        (without("preprocessor_config.json"), PrerequisiteError, "lacks its"),
        (without("chat_template.jinja"), ConfigError, "no chat template"),
    ],
)
def test_a_damaged_checkpoint_is_named(
    damage: Callable[[Path], None], kind: type[AlrefError], words: str, sound: Path, tmp_path: Path
) -> None:
    """A traceback of transformers, or random weights that answer."""
    folder = tmp_path / "model"
    shutil.copytree(sound, folder)
    damage(folder)
    error = refused(folder)
    assert isinstance(error, kind)
    assert words in str(error)


def test_a_missing_checkpoint_is_named_when_the_backend_is_made(tmp_path: Path) -> None:
    """The videos are decoded and detectors loaded before it turns out that there is no model."""
    for name in (str(tmp_path / "nowhere"), "no-such-owner/no-such-model", "tiny:no-such-model"):
        with pytest.raises(AlrefError):
            make_backend(Card(name="test", kind="local", model=name))
    assert (
        "alref-local models pull no-such-owner/no-such-model" in refused("no-such-owner/no-such-model").hint
    )


@pytest.mark.parametrize("package", ["outlines", "llguidance"])
def test_a_missing_package_is_named_with_the_command(
    package: str, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base install ends in an ImportError at the first question."""
    monkeypatch.setattr(responder, "find_spec", lambda name: None if name == package else object())
    error = refused(sound)
    assert isinstance(error, PrerequisiteError)
    assert package in str(error)
    assert 'pip install "alref-local[local]"' in error.hint


@pytest.mark.parametrize("package", ["sentencepiece", "google.protobuf"])
def test_a_sentencepiece_tokenizer_names_the_package_that_reads_it(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A complete checkpoint is called incomplete."""
    llava(tmp_path)
    monkeypatch.setattr(load, "find_spec", lambda name: None if name == package else object())
    error = refused(tmp_path)
    assert isinstance(error, PrerequisiteError)
    assert package in str(error)
    assert 'pip install "alref-local[local]"' in error.hint


def test_a_device_that_is_too_small_is_named(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A CUDA traceback, where a smaller model or the CPU would do."""

    def full(*args: object, **options: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(load, "load_model", full)
    assert "does not fit into the memory of cpu" in str(refused(sound))


def test_a_tokenizer_that_no_grammar_can_hold_is_named(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback from the depths of a library, for a model that a server could answer with."""

    def slow(*args: object) -> None:
        raise ValueError("Only fast tokenizers are supported")

    monkeypatch.setattr(model, "LLGuidanceBackend", slow)
    error = refused(sound)
    assert isinstance(error, ConfigError)
    assert "Only fast tokenizers" in str(error)
