"""A vision-language model in this process, which answers batches of prompts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import outlines
import torch
import transformers
from llguidance import LLMatcher, grammar_from
from outlines.backends.llguidance import LLGuidanceBackend, LLGuidanceLogitsProcessor
from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from alref_local.errors import BackendError
from alref_local.perceive.device import torch_device
from alref_local.reason.card import Card
from alref_local.reason.local.batches import Place
from alref_local.reason.local.choice import Choice, last_tokens
from alref_local.reason.local.load import load_network, load_processor
from alref_local.reason.local.prompt import Prompt
from alref_local.reason.question import Usage
from alref_local.reason.reply import Reply

__all__ = ["LocalModel"]


class LocalModel:
    """A loaded checkpoint.

    Args:
        folder: the checkpoint.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        dtype: of the weights, ``auto`` for that of the checkpoint.
        pixels: most pixels of an image, ``None`` for the checkpoint's own limit.

    Raises:
        PrerequisiteError: weights, files or packages are missing.
        ConfigError: no vision-language model with a chat template, or one that does not fit its config.
        BackendError: the device is too small.
    """

    def __init__(self, folder: Path, device: str, dtype: str, pixels: int | None) -> None:
        self._network = load_network(folder, dtype, torch_device(device))
        self._processor = load_processor(folder, self._network.config, pixels)
        tokenizer = self._processor.tokenizer
        wrapped = outlines.from_transformers(self._network, self._processor)
        self._vocabulary = LLGuidanceBackend(wrapped).llg_tokenizer
        told = self._network.generation_config.eos_token_id
        self._ends = frozenset(
            {tokenizer.eos_token_id, *(told if isinstance(told, list) else [told])} - {None}
        )
        self._pad = min(self._ends) if tokenizer.pad_token_id is None else tokenizer.pad_token_id
        self._most: int | None = None

    def reply(self, places: Sequence[Place[Prompt]], card: Card) -> list[Reply | BackendError]:
        """One reply or error to each prompt, sampled as the card says.

        What does not fit into memory is halved, now and from then on; a prompt that cannot be read fails alone.
        """
        if len(places) > (self._most or len(places)):
            return self._halves(places, card)
        try:
            with torch.inference_mode():
                return list(self._generate(places, card))
        except torch.OutOfMemoryError as error:
            failure: Exception = error.with_traceback(None)  # it holds on to the memory
            self._most = max(1, len(places) // 2)
        except Exception as error:  # a fault of one prompt: its images, or more than the model reads
            failure = error.with_traceback(None)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return self._halves(places, card) if len(places) > 1 else [_told(failure)]

    def _halves(self, places: Sequence[Place[Prompt]], card: Card) -> list[Reply | BackendError]:
        middle = (len(places) + 1) // 2
        return self.reply(places[:middle], card) + self.reply(places[middle:], card)

    def _generate(self, places: Sequence[Place[Prompt]], card: Card) -> list[Reply]:
        start = time.perf_counter()
        inputs = self._read(places)
        choice = Choice(
            [self._held(place.asked.grammar) for place in places],
            [place.asked.seed for place in places],
            card,
            self._ends | {self._pad},
        )
        ids = self._network.generate(
            **inputs,
            generation_config=self._settings(card.max_tokens),
            logits_processor=LogitsProcessorList([choice]),
            stopping_criteria=StoppingCriteriaList([_Gone(places)]),
        )
        milliseconds = round(1000 * (time.perf_counter() - start), 1)
        said = [self._cut(row) for row in ids[:, inputs["input_ids"].shape[1] :].tolist()]
        read = inputs["attention_mask"].sum(-1).tolist()
        return [
            Reply(
                text=self._processor.tokenizer.decode(row, skip_special_tokens=True),
                finish_reason="stop" if row[-1] in self._ends else "length",
                model=card.model,
                usage=Usage(length, len(row), milliseconds=milliseconds),
                tokens=last_tokens(row, seen, self._vocabulary.decode_str),
                server=f"transformers {transformers.__version__}",
            )
            for row, length, seen in zip(said, read, choice.considered, strict=True)
        ]

    def _read(self, places: Sequence[Place[Prompt]]) -> Any:
        """Prompts as tensors on the device, padded on the left."""
        inputs = self._processor.apply_chat_template(
            [place.asked.decoded() for place in places],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True, "padding_side": "left"},
        )
        length = inputs["input_ids"].shape[1]
        most = getattr(self._network.config.get_text_config(), "max_position_embeddings", None)
        if most is not None and length >= most:
            raise ValueError(f"it has {length} tokens, and the model reads {most}")
        return inputs.to(self._network.device, dtype=self._network.dtype)

    def _settings(self, tokens: int) -> GenerationConfig:
        """Greedy, because ``Choice`` leaves one token a row; it alone samples."""
        return GenerationConfig(
            do_sample=False,
            repetition_penalty=1.0,  # no turning away from the numbers that were reasoned about
            max_new_tokens=tokens,
            eos_token_id=sorted(self._ends),
            pad_token_id=self._pad,
        )

    def _held(self, grammar: str | None) -> LLGuidanceLogitsProcessor | None:
        # For numpy, because the processor for torch compiles a kernel for seconds before the first token.
        if grammar is None:
            return None
        return _Held(grammar_from("lark", grammar), self._vocabulary, "numpy")

    def _cut(self, row: list[int]) -> list[int]:
        """Generated ids up to the end of the reply, which counts as one of them."""
        end = next((place for place, token in enumerate(row) if token in self._ends), len(row) - 1)
        return row[: end + 1]


class _Held(LLGuidanceLogitsProcessor):
    """A grammar that does not write to the terminal when a token reaches beyond the marker."""

    def _setup(self, batch_size: int) -> None:
        super()._setup(batch_size)
        quiet = [LLMatcher(self.llg_tokenizer, self.grammar, log_level=0) for _ in range(batch_size)]
        self.ll_matchers = quiet


class _Gone(StoppingCriteria):  # type: ignore[misc]
    """Ends the rows that nobody waits for."""

    def __init__(self, places: Sequence[Place[Prompt]]) -> None:
        self._places = places

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        return torch.tensor([place.gone for place in self._places], device=input_ids.device)


def _told(failure: Exception) -> BackendError:
    if isinstance(failure, torch.OutOfMemoryError):
        return BackendError(
            "The local model runs out of GPU memory with a single question.",
            hint="Lower image_pixels or max_tokens in the backend card, choose a smaller model, or use "
            "`--device cpu`.",
        )
    said = (str(failure).strip().splitlines() or [type(failure).__name__])[0].rstrip(".")
    return BackendError(
        f"The local model cannot answer this question: {said}.",
        hint="If every question fails, the model needs another version of transformers; else look at its image.",
    )
