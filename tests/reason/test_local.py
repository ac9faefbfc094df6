"""The local backend on untrained models of four families; what holds for their nonsense holds for every model."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from transformers import GenerationMixin

from alref_local.errors import AlrefError, BackendError
from alref_local.reason.asking import AskingBackend
from alref_local.reason.backends import make_backend
from alref_local.reason.calls import CallLog, read_calls
from alref_local.reason.card import Card
from alref_local.reason.grammar import MARKER
from alref_local.reason.local import Models
from alref_local.reason.local_choice import Choice
from alref_local.reason.local_model import LocalModel
from alref_local.reason.local_prompt import prompt
from alref_local.reason.question import Address, Answer, AnswerSpec, ImagePart, Question, Turn
from alref_local.reason.reply import Correction
from alref_local.reason.wire import messages
from untrained_vlm import CHAT, FAMILIES

IDS = AnswerSpec(("1", "2", "3", "4"))
SPECS = (
    IDS,
    AnswerSpec(("dog", "police car", "Åse's (old) cat"), "names"),
    AnswerSpec(("1", "2"), none_allowed=True),
    AnswerSpec(("1", "2", "3"), min_items=2, max_items=3),
    AnswerSpec(("a", "b"), "names", max_items=2, none_allowed=True),
)
FAMILY = "qwen2-vl"
MODELS: Models = {}
"""Loaded once for all tests but those that load or break."""


@pytest.fixture(scope="module", autouse=True)
def folders(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A checkpoint of every family."""
    root = tmp_path_factory.mktemp("checkpoints")
    for family, write in FAMILIES.items():
        write(root / family, 0, CHAT)
    yield {family: root / family for family in FAMILIES}
    MODELS.clear()


@pytest.fixture(params=FAMILIES)
def folder(folders: dict[str, Path], request: pytest.FixtureRequest) -> Path:
    """A checkpoint, one family after the other."""
    return folders[request.param]


@pytest.fixture
def qwen(folders: dict[str, Path]) -> Path:
    """A checkpoint where the family does not matter."""
    return folders[FAMILY]


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the batches that are generated from now on."""
    sizes: list[int] = []
    generate = GenerationMixin.generate

    def counted(self: Any, **inputs: Any) -> Any:
        sizes.append(len(inputs["input_ids"]))
        return generate(self, **inputs)

    monkeypatch.setattr(GenerationMixin, "generate", counted)
    return sizes


def card_of(folder: Path, **changes: Any) -> Card:
    """A card of pattern A with short reasoning, in fp32."""
    quick = {"pattern": "A", "think_tokens": 12, "max_tokens": 80, "dtype": "float32", "logprobs": True}
    return Card.model_validate({"name": "test", "kind": "local", "model": str(folder), **quick, **changes})


def question(spec: AnswerSpec = IDS, number: int = 0, sample: int = 0, **changes: Any) -> Question:
    """A question about a picture of its own; prompts differ in length."""
    data = BytesIO()
    Image.linear_gradient("L").resize((112 + 28 * (number % 3), 84)).rotate(9 * number).save(data, "PNG")
    parts: dict[str, Any] = {
        "step": "pivot_frame",
        "text": f"Which frame shows the dog{' and the ball' * (number % 4)}? End with {MARKER} and a list.",
        "images": (ImagePart(data.getvalue(), "image/png"),),
        "spec": spec,
        "address": Address("video", "dog", "pivot_frame", number, sample),
        "prompt_set": "test",
    }
    return Question(**{**parts, **changes})


def ask(
    card: Card, *asked: Question, log: CallLog | None = None, models: Models | None = MODELS
) -> list[Answer | AlrefError]:
    """Ask all at once; errors come back in place of answers."""

    async def one(backend: Any, some: Question) -> Answer | AlrefError:
        try:
            answer: Answer = await backend.ask(some)
        except AlrefError as error:
            return error
        return answer

    async def work(backend: Any) -> list[Answer | AlrefError]:
        return await asyncio.gather(*(one(backend, some) for some in asked))

    told: list[Answer | AlrefError] = within(card, work, log=log, models=models)
    return told


def within(
    card: Card,
    work: Callable[[Any], Awaitable[Any]],
    log: CallLog | None = None,
    models: Models | None = MODELS,
) -> Any:
    """What ``work`` does with the card's backend on this CPU, which is closed afterwards."""

    async def run() -> Any:
        backend = make_backend(card, log=log, device="cpu", models=models)
        try:
            return await work(backend)
        finally:
            await backend.close()

    return asyncio.run(run())


def answers(told: Sequence[Answer | AlrefError]) -> list[Answer]:
    """All of them, if all of them are answers."""
    assert not [error for error in told if isinstance(error, AlrefError)], told
    return [answer for answer in told if isinstance(answer, Answer)]


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
        some = Question(**{**{f: getattr(asked, f) for f in asked.__slots__}, "images_first": images_first})
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


def test_a_free_reply_may_be_cut_and_is_then_refused(qwen: Path) -> None:
    """Half a list is taken for an answer."""
    (error,) = ask(card_of(qwen, pattern="free", max_tokens=16, retries=0), question())
    assert isinstance(error, AlrefError)
    assert "cut off" in str(error)


def test_questions_in_flight_are_batched(qwen: Path, batches: list[int]) -> None:
    """A GPU answers one question at a time."""
    asked = [question(SPECS[number % len(SPECS)], number) for number in range(7)]
    answers(ask(card_of(qwen, concurrency=8), *asked))
    assert batches == [7]
    answers(ask(card_of(qwen, concurrency=3), *asked))
    assert batches[1:] == [3, 3, 1]


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


def test_a_picture_that_cannot_be_read_fails_alone(qwen: Path, batches: list[int]) -> None:
    """One broken strip ends the run of a whole data set."""
    broken = question(images=(ImagePart(b"no picture"),))
    told = ask(card_of(qwen), question(), broken, question(number=1))
    assert isinstance(told[1], BackendError)
    assert "images cannot be read" in str(told[1])
    assert len(answers([told[0], told[2]])) == 2


def test_a_prompt_longer_than_the_model_reads_is_refused(qwen: Path) -> None:
    """Positions that the model never saw make nonsense, which looks like an answer."""
    (error,) = ask(card_of(qwen), question(text="dog " * 9000))
    assert isinstance(error, BackendError)
    assert "the model reads 8192" in str(error)


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


@pytest.mark.parametrize("fits", [2, 0])
def test_what_does_not_fit_into_memory_is_halved(
    fits: int, qwen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run ends because eight strips at once are too many for this GPU."""
    sizes: list[int] = []
    generate = GenerationMixin.generate

    def small(self: Any, **inputs: Any) -> Any:
        sizes.append(len(inputs["input_ids"]))
        if sizes[-1] > fits:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return generate(self, **inputs)

    monkeypatch.setattr(GenerationMixin, "generate", small)
    models: Models = {}
    told = ask(card_of(qwen), *(question(number=number) for number in range(8)), models=models)
    if not fits:
        assert {type(error) for error in told} == {BackendError}
        assert "image_pixels" in told[0].hint  # type: ignore[union-attr]
        return
    answers(told)
    assert sizes == [8, 4, 2, 2, 2, 2]
    answers(ask(card_of(qwen), *(question(number=number) for number in range(3)), models=models))
    assert sizes[6:] == [2, 1]


def test_a_cancelled_question_leaves_its_neighbours_alone(qwen: Path) -> None:
    """A video that is given up takes the answers of another with it."""

    async def work(backend: AskingBackend) -> Any:
        tasks = [asyncio.ensure_future(backend.ask(question(number=number))) for number in range(3)]
        await asyncio.sleep(0.02)
        tasks[1].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, second, third = within(card_of(qwen), work)
    assert isinstance(second, asyncio.CancelledError)
    alone = answers(ask(card_of(qwen), question(number=0), question(number=2)))
    assert [first.raw, third.raw] == [answer.raw for answer in alone]


@pytest.mark.parametrize("cancelled", [False, True])
def test_closing_ends_the_generation_and_frees_the_model(
    cancelled: bool, qwen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C waits for a thousand tokens, or the GPU stays full afterwards."""
    steps = threading.Semaphore(0)
    choose, count = Choice.__call__, 0

    def counted(self: Choice, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        nonlocal count
        count += 1
        steps.release()
        return choose(self, ids, scores)

    monkeypatch.setattr(Choice, "__call__", counted)

    async def work(backend: AskingBackend) -> None:
        task = asyncio.ensure_future(backend.ask(question()))
        while not steps.acquire(blocking=False):
            await asyncio.sleep(0.001)
        if cancelled:
            task.cancel()
        await backend.close()
        (told,) = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(told, asyncio.CancelledError if cancelled else BackendError)

    before = [thing for thing in gc.get_objects() if type(thing) is LocalModel]
    within(card_of(qwen, think_tokens=5000, max_tokens=6000), work, models=None)
    assert count < 2000
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("local")]
    gc.collect()
    after = [thing for thing in gc.get_objects() if type(thing) is LocalModel]
    assert len(after) == len(before)


def test_a_session_loads_its_model_once(qwen: Path) -> None:
    """A list of a hundred videos loads gigabytes a hundred times."""
    models: Models = {}
    ask(card_of(qwen), question(), models=models)
    (loaded,) = models.values()
    ask(card_of(qwen), question(), models=models)
    assert list(models.values()) == [loaded]


def test_torchvision_is_not_needed_and_pixels_do_not_depend_on_it(folder: Path) -> None:
    """CPU machines have no torchvision that works, and another machine gives other answers."""
    processor = LocalModel(folder, "cpu", "float32", None)._processor
    assert type(processor.image_processor).__name__.endswith("Pil")
    assert "torchvision" not in sys.modules
