"""What the models of a config and a card take of a GPU; estimates, from the catalogue or the files themselves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, Final

from alref_local.models.catalogue import CONTEXT, Checkpoint, load_catalogue
from alref_local.models.of_config import models_of
from alref_local.models.resolve import located
from alref_local.reason.card import Card
from alref_local.reason.endpoint import on_this_machine
from alref_local.serve.line import ServeLine
from alref_local.settings import Settings

__all__ = ["Need", "Needs", "needs_of"]

_WORKING: Final = 2_000_000_000
"""Of a model that the catalogue does not know: activations, and what CUDA itself takes."""
_MOST_GPUS: Final = 16
_BYTES: Final = {"float32": 4, "float16": 2, "bfloat16": 2}


@dataclass(frozen=True, slots=True)
class Need:
    """One model; all sizes in bytes.

    Attributes:
        role: what it is for, in words.
        name: of the checkpoint.
        weights: all tensors.
        working: activations, and what CUDA itself takes, on every GPU.
        context: the cache of a language model for one question of full length.
        heads: attention heads of queries, and of keys and values; a model is divided among GPUs by them.
    """

    role: str
    name: str
    weights: int
    working: int
    context: int = 0
    heads: tuple[int, int] = (1, 1)

    @property
    def total(self) -> int:
        """On a single GPU."""
        return self.weights + self.working + self.context

    def degrees(self) -> Iterator[int]:
        """The numbers of GPUs that it can be divided among (tensor parallel), rising."""
        degree = 1
        while degree <= _MOST_GPUS and self.heads[0] % degree == 0:
            yield degree
            degree *= 2

    def on_each(self, gpus: int) -> int:
        """What each of so many GPUs holds; heads of keys and values that do not suffice are copied."""
        return ceil(self.weights / gpus) + self.working + ceil(self.context / min(gpus, self.heads[1]))


@dataclass(frozen=True, slots=True)
class Needs:
    """Everything that is to run on one machine.

    Attributes:
        server: the language model that a server of this machine holds, if any.
        worker: what each process that segments videos loads, a language model in process included.
        gpu: whether they are of use on a GPU alone: the bundled ones are small enough for any processor.
    """

    server: Need | None
    worker: tuple[Need, ...]
    gpu: bool = True

    def of_worker(self, *, without: str = "") -> int:
        """Bytes that one process takes, but for the models of a role."""
        return sum(need.total for need in self.worker if need.role != without)


def needs_of(settings: Settings, card: Card, *, sound: bool = False) -> Needs:
    """What a config and a card need of this machine.

    Args:
        settings: of the config, those of the card laid over them.
        card: a card whose server is elsewhere, or has a price, needs nothing here.
        sound: whether sound is asked for.

    Raises:
        PrerequisiteError: nothing is known of a checkpoint, and it is not on this machine.
        ConfigError: a name is none, or the catalogue is broken.
    """
    dtypes = {"segmentor": settings.segmentation.dtype}
    worker = [
        _need(role, name, dtype=dtypes.get(role, "float32"))
        for role, name in models_of(settings, sound=sound)
    ]
    if card.kind == "local":
        worker.append(_need("language model", card.model))
    server = None
    if card.kind == "vllm" and on_this_machine(card.endpoint):
        line = ServeLine.of(card)
        tokens = line.number("--max-model-len") or CONTEXT
        server = _need("language model", line.model, tokens=tokens)
    gpu = any(not need.name.startswith("tiny:") for need in (*worker, *([server] if server else [])))
    return Needs(server, tuple(worker), gpu)


def _need(role: str, name: str, *, tokens: int = CONTEXT, dtype: str = "") -> Need:
    """Perception computes in ``dtype`` whatever its files hold; a language model in that of its files."""
    known = load_catalogue().get(name)
    if known is None:
        return _measured(role, name, tokens)
    weights = known.parameters * _BYTES[dtype] if dtype else known.weights_bytes
    return Need(role, name, weights, known.working, known.per_token * tokens, _heads(known))


def _heads(known: Checkpoint) -> tuple[int, int]:
    return known.heads or (1, 1)


def _measured(role: str, name: str, tokens: int) -> Need:
    """What the catalogue does not know is read from its own files."""
    place = located(name)
    weights = sum(_sizes([place] if place.is_file() else place.iterdir()))
    text = _text_config(place)
    heads = int(text.get("num_attention_heads") or 1)
    pairs = int(text.get("num_key_value_heads") or heads)
    width = int(text.get("head_dim") or int(text.get("hidden_size") or 0) // heads)
    per_token = 4 * int(text.get("num_hidden_layers") or 0) * pairs * width
    context = per_token * tokens if role == "language model" else 0
    return Need(role, name, weights, _WORKING, context, (heads, pairs))


def _sizes(files: Iterable[Path]) -> Iterator[int]:
    return (file.stat().st_size for file in files if file.suffix in (".safetensors", ".bin", ".pt"))


def _text_config(folder: Path) -> Mapping[str, Any]:
    """The part of a checkpoint's config that describes its language model; empty where there is none."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return dict(config.get("text_config") or config)
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
