"""The untrained models: the same from the same seed, and read as released ones are."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoModelForImageTextToText, AutoTokenizer, GenerationConfig

from untrained_vlm import CHAT, FAMILIES, THINKING


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("family", FAMILIES)
def test_seed_decides_the_checkpoint(family: str, tmp_path: Path) -> None:
    """A failing test could not be repeated, or one seed's luck would be taken for a rule."""
    for name, seed in (("one", 1), ("again", 1), ("two", 2)):
        FAMILIES[family](tmp_path / name, seed, CHAT)
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    assert one == contents(tmp_path / "again")
    assert {name for name in one if one[name] != two[name]} == {"model.safetensors"}


@pytest.mark.parametrize("family", FAMILIES)
def test_checkpoint_is_read_back(family: str, tmp_path: Path) -> None:
    """Servers and the local backend would be tested with something they cannot load."""
    FAMILIES[family](tmp_path, 0, THINKING)
    model = AutoModelForImageTextToText.from_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    words = "Frame 12, naïve: <think>"
    assert tokenizer.decode(tokenizer(words)["input_ids"], skip_special_tokens=True) == words
    assert len(tokenizer) <= model.get_output_embeddings().weight.shape[0]
    question = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Which?"}]}]
    asked = tokenizer.apply_chat_template(question, add_generation_prompt=True, tokenize=False)
    assert asked.count(tokenizer.convert_ids_to_tokens(model.config.image_token_id)) == 1
    assert asked.endswith("<think>\n")
    assert GenerationConfig.from_pretrained(tmp_path).top_k == 1
