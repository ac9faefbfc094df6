"""How the local backend shares a machine: batches, memory, cancelling and closing."""

from __future__ import annotations

import asyncio
import gc
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GenerationMixin

from alref_local.errors import BackendError
from alref_local.reason.asking import AskingBackend
from alref_local.reason.local.choice import Choice
from alref_local.reason.local.model import LocalModel
from alref_local.reason.local.responder import Models
from alref_local.reason.question import ImagePart
from tests.reason.local.kit import SPECS, answers, ask, card_of, question, within


def test_questions_in_flight_are_batched(qwen: Path, batches: list[int]) -> None:
    """A GPU answers one question at a time."""
    asked = [question(SPECS[number % len(SPECS)], number) for number in range(7)]
    answers(ask(card_of(qwen, concurrency=8), *asked))
    assert batches == [7]
    answers(ask(card_of(qwen, concurrency=3), *asked))
    assert batches[1:] == [3, 3, 1]


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
