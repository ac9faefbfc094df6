"""The local backend on untrained models of four families; what holds for their nonsense holds for every model."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
import torch
from PIL import Image

from alref_local.errors import AlrefError
from alref_local.reason.calls import CallLog, read_calls
from alref_local.reason.grammar import MARKER
from alref_local.reason.local.choice import Choice
from alref_local.reason.local.model import LocalModel
from alref_local.reason.local.prompt import prompt
from alref_local.reason.question import ImagePart, Turn
from alref_local.reason.reply import Correction
from alref_local.reason.wire import messages
from tests.reason.local.kit import SPECS, answers, ask, card_of, question


def test_every_reply_at_temperature_1_is_a_valid_list(folder: Path) -> None:
    """Questions are asked twice, or clips lost, because an open model does not keep to the list."""
    asked = [question(spec, number, sample=number) for number, spec in enumerate(SPECS * 6)]
    told = answers(ask(card_of(folder, temperature=1.0), *asked))
    assert {answer.attempts for answer in told} == {1}
    assert len({answer.raw for answer in told}) > 25  # seeds and pictures do make a difference
    for number, spec in enumerate(SPECS):
        lengths = {len(answer.items) for answer in told[number :: len(SPECS)]}
        assert min(lengths) >= (0 if spec.none_allowed else spec.min_items)
        assert max(lengths) <= spec.max_items


@pytest.mark.parametrize("temperature", [0, 1])
def test_a_reply_is_the_same_alone_and_in_a_batch(folder: Path, temperature: float) -> None:
    """A run cannot be repeated, because it depends on which questions happen to meet."""
    asked = [question(spec, number) for number, spec in enumerate(SPECS)]
    together = answers(ask(card_of(folder, temperature=temperature), *asked))
    alone = answers([ask(card_of(folder, temperature=temperature), one)[0] for one in asked])
    assert [answer.raw for answer in together] == [answer.raw for answer in alone]
    for one, other in zip(together, alone, strict=True):
        assert one.usage.prompt_tokens == other.usage.prompt_tokens
        assert one.usage.completion_tokens == other.usage.completion_tokens
        assert one.confidences == pytest.approx(other.confidences, abs=1e-4)


def test_confidences_sum_to_one_and_favour_the_greedy_answer(folder: Path) -> None:
    """The run says how sure the model was, and it is not true."""
    for spec in SPECS:
        (answer,) = answers(ask(card_of(folder), question(spec)))
        assert answer.confidences is not None
        assert set(answer.confidences) == {*spec.allowed, *(["none"] if spec.none_allowed else [])}
        assert sum(answer.confidences.values()) == pytest.approx(1)
        if spec.kind == "ids":  # of names, the likeliest first token need not begin the likeliest name
            first = answer.items[0] if answer.items else "none"
            assert max(answer.confidences, key=lambda name: answer.confidences[name]) == first  # type: ignore[index]


def test_log_probabilities_are_only_kept_where_the_card_asks(qwen: Path) -> None:
    """Every token of every reply costs a search through the vocabulary."""
    (answer,) = answers(ask(card_of(qwen, logprobs=False), question()))
    assert answer.confidences is None


def test_reasoning_ends_at_its_limit(qwen: Path) -> None:
    """A model that rambles never gets to its answer."""
    for limit in (1, 30):
        (answer,) = answers(ask(card_of(qwen, think_tokens=limit, max_tokens=100), question()))
        assert answer.usage.completion_tokens is not None
        assert limit < answer.usage.completion_tokens <= limit + 10  # marker, list and end


def test_reasoning_ends_when_the_model_writes_the_marker(qwen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that has made up its mind goes on reasoning, and may change it."""
    vocabulary = LocalModel(qwen, "cpu", "float32", None)._vocabulary
    script = vocabulary.tokenize_str(f"It jumps.\n{MARKER}")
    draw = Choice._draw

    def scripted(self: Choice, logprobs: torch.Tensor) -> torch.Tensor:
        place = len(self.considered[0])
        return torch.tensor([[script[place]]]) if place < len(script) else draw(self, logprobs)

    monkeypatch.setattr(Choice, "_draw", scripted)
    (answer,) = answers(ask(card_of(qwen, think_tokens=70, max_tokens=150), question()))
    assert answer.raw.startswith(f"It jumps.\n{MARKER}")
    assert answer.raw.rpartition(MARKER)[2].strip() == f"[{answer.items[0]}]"
    assert answer.usage.completion_tokens is not None
    assert answer.usage.completion_tokens <= len(script) + 10  # not the 70 of the limit


def test_the_prompt_is_the_one_that_a_server_gets() -> None:
    """Local and served models are compared on different questions."""
    turn = Turn("step 1", (ImagePart(b"first"),), "It jumps. <|im_end|> [2]")
    asked = question(history=(turn,), images=(ImagePart(b"second"), ImagePart(b"third")))
    corrections = [Correction("[9]", "It names '9'.")]
    for images_first in (True, False):
        some = replace(asked, images_first=images_first)
        card = card_of(Path("m"))
        wired, local = messages(some, corrections, card), prompt(some, corrections, card).messages
        assert [said["role"] for said in local] == [said["role"] for said in wired]
        seen: list[bytes] = []
        for served, ours in zip(wired, local, strict=True):
            content = served["content"]
            parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
            assert len(parts) == len(ours["content"])
            for part, other in zip(parts, ours["content"], strict=True):
                assert part["type"].removesuffix("_url") == other["type"]
                assert part.get("text") == other.get("text")
            seen += [part["image"].data for part in ours["content"] if part["type"] == "image"]
        assert seen == [b"first", b"second", b"third"]


def test_a_sample_has_a_seed_of_its_own_and_no_seed_is_a_throw_of_dice(qwen: Path) -> None:
    """Asking five times for a vote gives five times the same."""
    warm = {"temperature": 1.0, "think_tokens": 12}
    asked = [question(sample=sample) for sample in (0, 0, 1, 2)]
    first, again, second, third = (a.raw for a in answers(ask(card_of(qwen, **warm), *asked)))
    assert first == again
    assert len({first, second, third}) == 3
    (moved,) = answers(ask(card_of(qwen, seed=1, **warm), question()))
    assert moved.raw == second
    free = [answers(ask(card_of(qwen, seed=None, **warm), question()))[0].raw for _ in range(3)]
    assert len(set(free)) > 1


def test_sampling_defaults_of_a_checkpoint_decide_nothing(qwen: Path, tmp_path: Path) -> None:
    """Released models come with penalties and limits that turn them away from the numbers they reasoned about."""
    (expected,) = answers(ask(card_of(qwen), question()))
    folder = tmp_path / "model"
    shutil.copytree(qwen, folder)
    told = json.loads((folder / "generation_config.json").read_text())
    defaults = {"repetition_penalty": 9.0, "no_repeat_ngram_size": 1, "min_new_tokens": 70, "num_beams": 2}
    (folder / "generation_config.json").write_text(json.dumps({**told, **defaults}))
    (answer,) = answers(ask(card_of(folder), question()))
    assert (answer.raw, answer.confidences) == (expected.raw, expected.confidences)


def test_a_free_reply_may_be_cut_and_is_then_refused(qwen: Path) -> None:
    """Half a list is taken for an answer."""
    (error,) = ask(card_of(qwen, pattern="free", max_tokens=16, retries=0), question())
    assert isinstance(error, AlrefError)
    assert "cut off" in str(error)


def test_every_exchange_is_logged_with_model_tokens_and_time(qwen: Path, tmp_path: Path) -> None:
    """What a run took, and which library answered, cannot be told afterwards."""
    with CallLog(tmp_path / "calls.jsonl") as log:
        (answer,) = answers(ask(card_of(qwen), question(), log=log))
        ask(card_of(qwen), question(images=(ImagePart(b"no picture"),)), log=log)
    right, wrong = read_calls(tmp_path)
    assert (right["raw"], right["model"]) == (answer.raw, str(qwen))
    assert right["prompt_tokens"] > 20
    assert right["completion_tokens"] > 5
    assert right["milliseconds"] > 0
    assert right["server"].startswith("transformers 5.")
    assert wrong["error_type"] == "BackendError"


def test_images_are_shrunk_to_the_budget_of_the_card(qwen: Path) -> None:
    """A strip of ten frames fills the memory of the GPU."""
    data = BytesIO()
    Image.new("RGB", (1120, 280)).save(data, "PNG")
    asked = question(images=(ImagePart(data.getvalue(), "image/png"),))
    (large,) = answers(ask(card_of(qwen), asked))
    (small,) = answers(ask(card_of(qwen, image_pixels=28 * 28 * 40), asked))
    assert large.usage.prompt_tokens is not None
    assert small.usage.prompt_tokens is not None
    assert large.usage.prompt_tokens - small.usage.prompt_tokens >= 256 - 40 - 16


def test_torchvision_is_not_needed_and_pixels_do_not_depend_on_it(folder: Path) -> None:
    """CPU machines have no torchvision that works, and another machine gives other answers."""
    processor = LocalModel(folder, "cpu", "float32", None)._processor
    assert type(processor.image_processor).__name__.endswith("Pil")
    assert "torchvision" not in sys.modules
