"""An open vision-language model in this process: the same prompts and grammars as over vLLM, without a server."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from alref_local.errors import AlrefError, BackendError, ConfigError, PrerequisiteError
from alref_local.models.resolve import resolve
from alref_local.reason.card import Card
from alref_local.reason.grammar import regex
from alref_local.reason.local.batches import Batches, Place
from alref_local.reason.local.prompt import Prompt, prompt
from alref_local.reason.question import Question
from alref_local.reason.reply import Correction, Failed, Reply, apart

if TYPE_CHECKING:
    from alref_local.reason.local.model import LocalModel

__all__ = ["LocalResponder", "Models"]

Models = MutableMapping[tuple[Path, str, str, int | None], "LocalModel"]
"""Loaded models by folder, device, dtype and most pixels of an image."""


class LocalResponder:
    """Any transformers image-text-to-text model; questions in flight together are answered in one batch.

    Pattern A is free reasoning and the list in one go under a grammar, free is no constraint. The model loads with the
    first question, in the worker thread that also generates. A null temperature is 0, and nothing is taken from the
    checkpoint's sampling defaults. A reply has the milliseconds of its batch.

    Args:
        card: the backend card; at most ``concurrency`` questions make a batch.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        models: where the loaded model is kept, and found by the next responder of the same card and device; by
            default it goes with this one.

    Raises:
        PrerequisiteError: the checkpoint is not on this machine, or a package is missing.
        ConfigError: the card does not name a checkpoint.
    """

    def __init__(self, card: Card, device: str = "auto", models: Models | None = None) -> None:
        for package in ("outlines", "llguidance"):
            if find_spec(package) is None:
                raise PrerequisiteError(
                    f"The backend '{card.name}' needs the package {package}, which is not installed.",
                    hint='Run `pip install "alref-local[local]"`.',
                )
        self.card = card
        self._folder = resolve(card.model)
        self._device = device
        self._models: Models = {} if models is None else models
        self._batches = Batches(self._answer, card.concurrency)

    async def reply(self, question: Question, corrections: Sequence[Correction], failed: Failed) -> Reply:
        """One reply; see ``Responder``."""
        try:
            reply = await self._batches.ask(prompt(question, corrections, self.card))
        except BackendError as error:
            failed(error)
            raise
        return apart(reply, regex(question.spec)) if self.card.pattern == "A" else reply

    async def close(self) -> None:
        """Stop what is being generated and let the model go."""
        await self._batches.close()
        self._models = {}

    def _answer(self, places: Sequence[Place[Prompt]]) -> Sequence[Reply | Exception]:
        """In the worker thread: load the model once, and answer a batch."""
        from alref_local.reason.local.model import LocalModel

        how = (self._folder, self._device, self.card.dtype, self.card.image_pixels)
        try:
            model = self._models.get(how) or LocalModel(*how)
        except AlrefError:
            raise
        except Exception as error:  # a tokenizer that no grammar can hold, or what nobody has thought of
            said = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
            raise ConfigError(
                f"The model in '{self._folder}' cannot be used in this process: {said}.",
                hint="Serve it with vLLM instead (`alref-local backends qwen`).",
            ) from error
        self._models[how] = model
        return model.reply(places, self.card)
