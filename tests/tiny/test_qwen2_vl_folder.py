"""The tiny Qwen2-VL that the package ships: its files, and what it can do on clips it has not seen."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import torch
from transformers import Qwen2VLForConditionalGeneration, Qwen2VLImageProcessorPil

import alref_local
from alref_local.reason.prompts import load_prompts
from alref_local.reason.question import Question
from alref_local.select.pivot_frame import pivot_frame_question
from alref_local.types import Query
from qwen2_vl_data import pixels_of
from qwen2_vl_eval import Judge, Reader, evaluate, summary
from qwen2_vl_tokens import build_tokenizer, prompt_ids

FOLDER = Path(alref_local.__file__).parent / "tiny" / "qwen2_vl"


@cache
def _reader() -> Reader:
    return Reader(FOLDER)


def _question(prompts: str) -> Question:
    judge = Judge(_reader(), "ladder", 800_501, 6, load_prompts(prompts))
    return pivot_frame_question(judge.context, Query("q", judge.scene.target.text), judge.prompts)


def test_files_are_small_and_whole() -> None:
    """The package outgrows its budget, or a checkpoint was cut off while it was written."""
    sizes = {file.name: file.stat().st_size for file in FOLDER.iterdir()}
    assert set(sizes) >= {
        "config.json",
        "generation_config.json",
        "preprocessor_config.json",
        "tokenizer.json",
    }
    assert not [name for name in sizes if name.endswith(".part")]
    assert sizes["model.safetensors"] < 8_000_000
    all_bundled = sum(file.stat().st_size for file in FOLDER.parent.rglob("*") if file.is_file())
    assert all_bundled <= 20_000_000


def test_weights_fit_the_library() -> None:
    """Weights the library does not find would be replaced by random ones."""
    _, found = Qwen2VLForConditionalGeneration.from_pretrained(FOLDER, output_loading_info=True)
    assert not any(found.values())


def test_tokenizer_is_the_one_trained_with() -> None:
    """Words would mean others than in training."""
    assert _reader().tokenizer.get_vocab() == build_tokenizer().get_vocab()


def test_questions_reach_the_model_as_in_training() -> None:
    """Prompts or pixels prepared otherwise than in training are understood less well."""
    question = _question("tiny")
    inputs = _reader().inputs(question)
    assert inputs["input_ids"][0].tolist() == prompt_ids(question.text, 120)
    processor = Qwen2VLImageProcessorPil(size={"shortest_edge": 28 * 28, "longest_edge": 10**6})
    pixels = processor(images=pixels_of(question), return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(inputs["pixel_values"], pixels.to(inputs["pixel_values"].dtype))


@pytest.mark.parametrize("prompts", ["tiny", "alref", "paper"])
def test_every_prompt_set_is_answered(prompts: str) -> None:
    """A server would refuse the prompt, or the model stop before it has said anything."""
    question = _question(prompts)
    assert _reader().inputs(question)["input_ids"].shape[1] < 1000
    assert _reader().reply(question)


@pytest.mark.slow
def test_held_out_clips() -> None:
    """The demo would point at the wrong frames and boxes; bounds lie well below the measured figures."""
    figures = summary(list(evaluate(_reader(), "ladder", 16, 800_500, others=1)))
    assert figures["frame, all single"]["share"] >= 0.8
    assert figures["box, all single"]["share"] >= 0.5
    assert figures["box, plural"]["share"] >= 0.5
    assert figures["sounds"]["share"] >= 0.6
    assert figures["absent recognised"]["share"] >= 0.7
    assert figures["present denied"]["share"] <= 0.15
    assert figures["no valid list"]["share"] <= 0.05
