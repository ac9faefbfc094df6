"""The catalogue of checkpoints."""

from __future__ import annotations

from math import prod
from pathlib import Path

import pytest

from alref_local.errors import ConfigError
from alref_local.models.catalogue import CONTEXT, Checkpoint, find_checkpoint, load_catalogue
from alref_local.selftest import shapes_sha256
from tests.models.real_sizes import NETWORKS, count
from tests.models.released_kit import SAM2_BUFFERS, tensors

RELEASED = [
    "facebook/sam2-hiera-large",
    "facebook/sam2.1-hiera-tiny",
    "IDEA-Research/grounding-dino-tiny",
    "IDEA-Research/grounding-dino-base",
]
MINE = "kind: vlm, licence: MIT, parameters: 10, dtype: bfloat16, working: 7, per_token: 2"


@pytest.mark.parametrize("name", RELEASED)
def test_weights_are_those_of_the_released_files(name: str) -> None:
    """A plan for the GPUs would rest on wrong sizes."""
    numbers = sum(prod(shape) for shape in tensors(name.split("/")[1]).values())
    buffers = SAM2_BUFFERS if "sam2" in name else 0
    assert find_checkpoint(name).weights_bytes == 4 * (numbers - buffers)


@pytest.mark.parametrize("name", RELEASED)
def test_shapes_are_those_of_the_released_files(name: str) -> None:
    """The selftest would refuse a good checkpoint, or take another one for it."""
    assert find_checkpoint(name).shapes_sha256 == shapes_sha256(tensors(name.split("/")[1]))


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_are_those_of_the_real_networks(name: str) -> None:
    """The same, for networks whose published files are not listed here."""
    assert find_checkpoint(name).parameters == count(name)


@pytest.mark.parametrize("name", load_catalogue())
def test_known_files_hold_the_weights_and_little_else(name: str) -> None:
    """A size in the catalogue would be mistyped, and every good download refused."""
    checkpoint = find_checkpoint(name)
    weights = [
        facts.size
        for file, facts in checkpoint.files.items()
        if file.endswith((".safetensors", ".bin", ".pt"))
    ]
    if weights and None not in weights:
        # Headers, names and buffers (positions, window indices) come on top.
        total = sum(size for size in weights if size)
        assert checkpoint.weights_bytes < total < checkpoint.weights_bytes * 1.005 + 100_000


def test_every_entry_says_where_it_comes_from_and_under_which_licence() -> None:
    """Nobody could tell whether a bundle may be passed on."""
    for checkpoint in load_catalogue().values():
        assert checkpoint.licence
        assert checkpoint.url.startswith("https://")
        assert checkpoint.licence_url.startswith("https://")
        assert checkpoint.repo == checkpoint.name or (checkpoint.repo is None and checkpoint.files)


def test_memory_in_parts() -> None:
    """A plan would forget the cache, or count it for models that have none."""
    checkpoint = Checkpoint.model_validate(
        {
            "name": "a/b",
            "kind": "vlm",
            "licence": "MIT",
            "parameters": 10,
            "dtype": "bfloat16",
            "working": 7,
            "per_token": 2,
        }
    )
    assert checkpoint.gpu_memory(tokens=3) == (20, 7, 6)
    assert checkpoint.gpu_memory().total == 27 + 2 * CONTEXT
    assert find_checkpoint("facebook/sam2.1-hiera-large").gpu_memory().context == 0


def test_a_catalogue_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lab's own checkpoint could not be bundled, or a mirror's revision not be pinned."""
    (tmp_path / "mine.yaml").write_text(
        f"me/mine: {{{MINE}}}\nfacebook/sam2-hiera-tiny: {{{MINE}, revision: abc}}\n"
    )
    for place in (tmp_path, tmp_path / "mine.yaml"):
        monkeypatch.setenv("ALREF_CATALOGUE", str(place))
        assert find_checkpoint("me/mine").url == "https://huggingface.co/me/mine"
        assert find_checkpoint("facebook/sam2-hiera-tiny").revision == "abc"
        assert "facebook/sam2-hiera-large" in load_catalogue()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"../mine: {{{MINE}}}", "owner/name"),
        (f"mine: {{{MINE}}}", "owner/name"),
        ("me/mine: {kind: vlm}", "licence"),
        ("me/mine: 3", "kind"),
        (f"me/mine: {{{MINE}, revision: ../main}}", "revision"),
        (f"me/mine: {{{MINE}, files: {{../../x: {{}}}}}}", "no path inside"),
        (f"me/mine: {{{MINE}, files: {{/etc/passwd: {{}}}}}}", "no path inside"),
        (f"me/mine: {{{MINE}, files: {{a//b: {{}}}}}}", "no path inside"),
        (f"me/mine: {{{MINE}, files: {{.ssh/config: {{}}}}}}", "no path inside"),
        (f"me/mine: {{{MINE}, files: {{'a\\b': {{}}}}}}", "no path inside"),
        (f"me/mine: {{{MINE}, files: {{x: {{sha256: abc}}}}}}", "sha256"),
        (f"me/mine: {{{MINE}, files: {{x: {{size: -1}}}}}}", "size"),
        (f"me/mine: {{{MINE}, colour: red}}", "colour"),
        ("[1, 2]", "not a mapping"),
        ("a: [", "cannot be read"),
    ],
)
def test_a_wrong_entry_is_named(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of a stranger would write outside the models' folder, or end in a traceback."""
    (tmp_path / "mine.yaml").write_text(text)
    monkeypatch.setenv("ALREF_CATALOGUE", str(tmp_path / "mine.yaml"))
    with pytest.raises(ConfigError, match="mine") as caught:
        load_catalogue()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_catalogue_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistyped $ALREF_CATALOGUE would be passed over in silence."""
    monkeypatch.setenv("ALREF_CATALOGUE", "/no/such/file.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_catalogue()


def test_a_name_that_is_not_there_meets_what_comes_close() -> None:
    """A typing mistake would be a dead end."""
    with pytest.raises(ConfigError, match="no checkpoint") as caught:
        find_checkpoint("facebook/sam2.1-heira-large")
    assert "facebook/sam2.1-hiera-large" in caught.value.hint
