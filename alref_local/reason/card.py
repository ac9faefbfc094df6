"""Backend cards, ``backends/*.yaml``: what a reasoning backend is, how it is reached and how it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from alref_local.changes import merge
from alref_local.data_files import find, first_fault, names, read_mapping
from alref_local.errors import ConfigError
from alref_local.reason.question import Usage

__all__ = ["Card", "ImageTokens", "Prices", "list_cards", "load_card"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Prices(_Part):
    """US dollars for a million tokens."""

    input: float = Field(ge=0)
    output: float = Field(ge=0, description="Reasoning tokens count as output.")
    cached: float | None = Field(
        None, ge=0, description="Prompt tokens from the server's cache; null: as input."
    )
    stored: float | None = Field(
        None, ge=0, description="Prompt tokens that the server writes into its cache; null: as input."
    )

    def dollars(self, usage: Usage) -> float | None:
        """What an exchange cost; ``None`` if the server does not say how many tokens it took."""
        if usage.prompt_tokens is None or usage.completion_tokens is None:
            return None
        cached = min(usage.cached_tokens or 0, usage.prompt_tokens)
        stored = min(usage.stored_tokens or 0, usage.prompt_tokens - cached)
        cheap = self.input if self.cached is None else self.cached
        dear = self.input if self.stored is None else self.stored
        paid = (
            (usage.prompt_tokens - cached - stored) * self.input
            + cached * cheap
            + stored * dear
            + usage.completion_tokens * self.output
        )
        return paid / 1e6


class ImageTokens(_Part):
    """How many prompt tokens an image is: ``base``, and ``each`` for every started square of ``side`` pixels.

    Before that it is shrunk, never enlarged, to ``longest`` pixels on its longer and ``shortest`` on its shorter side.
    """

    side: int = Field(ge=1)
    each: float = Field(1, gt=0)
    base: int = Field(0, ge=0)
    longest: int | None = Field(None, ge=1)
    shortest: int | None = Field(None, ge=1)
    most: int | None = Field(None, ge=1, description="The budget: no image is more tokens than this.")

    def count(self, size: tuple[int, int]) -> int:
        """Tokens of an image of this (height, width)."""
        long, short = max(size), min(size)
        shrink = min(1.0, (self.longest or long) / long, (self.shortest or short) / short)
        squares = ceil(size[0] * shrink / self.side) * ceil(size[1] * shrink / self.side)
        tokens = self.base + ceil(self.each * squares)
        return tokens if self.most is None else min(tokens, self.most)


class Card(_Part):
    """One backend. A new model is a new card, not new code."""

    name: str = ""
    about: str = ""
    kind: Literal["openai", "vllm", "local", "replay", "none"]
    model: str = Field("", description="As the server knows it; for local, a Hugging Face name or a folder.")
    endpoint: str = Field(
        "",
        description="Base URL of the chat API, ending in /v1 as a rule; ${NAME} is filled in from the environment.",
    )
    key_env: str = Field(
        "", description="Name of the environment variable that holds the key; never the key."
    )
    licence: str = ""
    gpu_memory: str = ""
    serve: str = Field(
        "", description="The command that starts the server: NAME=VALUE ... vllm serve MODEL --option ..."
    )
    environment: str = Field(
        "",
        description="Folder of the Python environment with vLLM, ${NAME} filled in; empty: $ALREF_VLLM, or the PATH.",
    )
    run: Path | None = Field(None, description="Run folder whose replies are played back (replay).")

    pattern: Literal["A", "B", "C", "json", "free"] = Field(
        "free",
        description="How answers are constrained: A one call with a grammar (vllm, local), B two calls, C for "
        "thinking models (vllm); json a strict schema (openai, vllm); free by the prompt alone.",
    )
    max_tokens: int = Field(1024, ge=16, description="Longest reply in tokens.")
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    think_tokens: int = Field(512, ge=1, description="Longest reasoning in tokens (A, B, C).")
    temperature: float | None = Field(0.0, ge=0, description="Null leaves it to the server.")
    top_p: float | None = Field(1.0, gt=0, le=1)
    top_k: int | None = Field(None, description="Sent to vLLM only; -1 is no limit.")
    seed: int | None = Field(0, description="A question asked N times uses seed, seed + 1, ...")
    vote_temperature: float = Field(
        0.7, gt=0, description="In place of temperature 0 when questions are asked several times."
    )
    reasoning_effort: str | None = Field(None, description="For models that reason before they reply.")

    logprobs: bool = Field(False, description="Ask for log-probabilities, to log how sure the model was.")

    max_images: int = Field(16, ge=1, description="Most images in one question, its history included.")
    image_detail: Literal["auto", "low", "high"] = Field("auto", description="How closely OpenAI looks.")
    image_tokens: ImageTokens | None = Field(None, description="What an image costs, for --dry-run.")
    image_pixels: int | None = Field(
        None, ge=1024, description="Most pixels of an image; larger ones are shrunk (local)."
    )
    prices: Prices | None = Field(None, description="US dollars for a million tokens.")
    reply_tokens: int = Field(300, ge=1, description="Length of a usual reply, for --dry-run.")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="Of the weights (local)."
    )

    timeout: float = Field(120, gt=0, description="Seconds for one exchange.")
    retries: int = Field(1, ge=0, description="How often an invalid answer is asked again.")
    patience: float = Field(120, ge=0, description="Seconds for which a failing server is tried again.")
    backoff: float = Field(1, gt=0, description="Seconds before the first new try; doubled each time.")
    concurrency: int = Field(8, ge=1, description="Questions in flight together.")

    settings: dict[str, Any] = Field(default_factory=dict, description="Laid over the config.")

    @model_validator(mode="after")
    def _complete(self) -> Card:
        if self.kind in ("openai", "vllm") and not (self.model and self.endpoint):
            raise ValueError(f"a card of kind {self.kind} names a model and an endpoint")
        if self.kind == "local" and not self.model:
            raise ValueError("a card of kind local names a model")
        if self.endpoint and not self.endpoint.startswith(("http://", "https://", "${")):
            raise ValueError("an endpoint begins with http:// or https://")
        if self.key_env and f"${{{self.key_env}}}" in self.endpoint:
            raise ValueError("an endpoint does not hold the key")
        if self.kind == "replay" and self.run is None:
            raise ValueError("a card of kind replay names a run")
        if self.pattern not in _PATTERNS.get(self.kind, {self.pattern}):
            raise ValueError(f"kind {self.kind} has no pattern {self.pattern}")
        if self.pattern in ("A", "B", "C") and self.max_tokens < self.think_tokens + 64:
            raise ValueError("max_tokens leaves no room for the list after think_tokens (64 more)")
        return self

    @property
    def asks(self) -> bool:
        """Whether a model answers, which takes tokens."""
        return self.kind in ("openai", "vllm", "local")

    def sampling(self) -> dict[str, Any]:
        """What decides the words of a reply besides the question, for the call log."""
        words = ("model", "pattern", "max_tokens", "think_tokens", "reasoning_effort", "dtype")
        chance = ("temperature", "top_p", "top_k", "seed")
        sight = ("image_detail", "image_pixels")
        return {field: getattr(self, field) for field in (*words, *chance, *sight)}

    def overridden(self, changes: Mapping[str, Any]) -> Card:
        """A validated copy with (nested) fields changed.

        Raises:
            ConfigError: a field does not exist or has a wrong value.
        """
        try:
            return Card.model_validate(merge(self.model_dump(exclude_unset=True), dict(changes)))
        except ValidationError as error:
            raise _wrong("The change to the backend card", error) from error


_PATTERNS = {"openai": {"json", "free"}, "vllm": {"A", "B", "C", "json", "free"}, "local": {"A", "free"}}


def list_cards() -> list[str]:
    """Names of the bundled cards."""
    return names("backends")


def load_card(name_or_path: str | Path) -> Card:
    """A bundled card by name, a YAML file by path, or ``replay:RUN`` for recorded replies.

    Raises:
        ConfigError: no such card, not to be read, or a field that does not exist or has a wrong value.
    """
    kind, colon, run = str(name_or_path).partition(":")
    if kind == "replay" and colon:
        return Card(
            name="replay", kind="replay", run=Path(run or "."), settings=_settings_of(Path(run or "."))
        )
    path = find("backends", name_or_path)
    what = f"The backend card {path.name}"
    raw = read_mapping(path, what, "fields", "See `alref-local backends none`.")
    try:
        return Card.model_validate({"name": path.stem, **raw})
    except ValidationError as error:
        raise _wrong(what, error) from error


def _settings_of(run: Path) -> dict[str, Any]:
    """What the card of a recorded run lays over the config: a replay must ask the same questions."""
    file = next((one for pattern in _CARDS for one in sorted(run.glob(pattern))), None)
    try:
        card = {} if file is None else yaml.safe_load(file.read_text(encoding="utf-8"))
        return dict(card["settings"])
    except (OSError, yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError):
        return {}


_CARDS = ("backend.yaml", "*/backend.yaml", "items/*/backend.yaml")
"""Where the card of a run is: of one video, of several, of an evaluation."""


def _wrong(what: str, error: ValidationError) -> ConfigError:
    where, wrong = first_fault(error)
    return ConfigError(
        f"{what} is wrong{f' at {where!r}' if where else ''}: {wrong}.",
        hint="`alref-local backends qwen` shows every field.",
    )
