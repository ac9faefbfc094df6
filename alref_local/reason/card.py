"""Backend cards, ``backends/*.yaml``: what a reasoning backend is, how it is reached and how it is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from alref_local.data_files import find, names
from alref_local.errors import ConfigError

__all__ = ["Card", "list_cards", "load_card"]


class Card(BaseModel):
    """One backend. A new model is a new card, not new code."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    about: str = ""
    kind: Literal["openai", "vllm", "replay", "none"]
    model: str = Field("", description="Model name as the server knows it.")
    endpoint: str = Field("", description="Base URL of the chat API, ending in /v1 as a rule.")
    key_env: str = Field(
        "", description="Name of the environment variable that holds the key; never the key."
    )
    licence: str = ""
    gpu_memory: str = ""
    serve: str = Field("", description="The command that starts the server, for people.")
    run: Path | None = Field(None, description="Run folder whose replies are played back (replay).")

    pattern: Literal["A", "B", "json", "free"] = Field(
        "free",
        description="How answers are constrained: A one call with a grammar, B two calls (vllm); "
        "json a strict schema; free by the prompt alone.",
    )
    max_tokens: int = Field(1024, ge=16, description="Longest reply in tokens.")
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    think_tokens: int = Field(512, ge=1, description="Longest reasoning in tokens (patterns A and B).")
    temperature: float | None = Field(0.0, ge=0, description="Null leaves it to the server.")
    top_p: float | None = Field(1.0, gt=0, le=1)
    top_k: int | None = Field(None, description="Sent to vLLM only; -1 is no limit.")
    seed: int | None = 0
    reasoning_effort: str | None = Field(None, description="For models that reason before they reply.")

    max_images: int = Field(16, ge=1, description="Most images in one question, its history included.")
    image_detail: Literal["auto", "low", "high"] = Field("auto", description="How closely OpenAI looks.")
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
        if self.endpoint and not self.endpoint.startswith(("http://", "https://")):
            raise ValueError("an endpoint begins with http:// or https://")
        if self.kind == "replay" and self.run is None:
            raise ValueError("a card of kind replay names a run")
        if self.pattern in ("A", "B") and self.kind != "vllm":
            raise ValueError(f"pattern {self.pattern} needs kind vllm")
        if self.pattern in ("A", "B") and self.max_tokens < self.think_tokens + 64:
            raise ValueError("max_tokens leaves no room for the list after think_tokens (64 more)")
        return self

    def sampling(self) -> dict[str, Any]:
        """What decides the words of a reply besides the question, for the call log."""
        fields = ("pattern", "max_tokens", "think_tokens", "temperature", "top_p", "top_k", "seed")
        return {field: getattr(self, field) for field in (*fields, "reasoning_effort")}


def list_cards() -> list[str]:
    """Names of the bundled cards."""
    return names("backends")


def load_card(name_or_path: str | Path) -> Card:
    """A bundled card by name, a YAML file by path, or ``replay:RUN`` for recorded replies.

    Raises:
        ConfigError: no such card, not YAML, or a field that does not exist or has a wrong value.
    """
    kind, colon, run = str(name_or_path).partition(":")
    if kind == "replay" and colon:
        return Card(name="replay", kind="replay", run=Path(run or "."))
    path = find("backends", name_or_path)
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The backend card {path.name} is not valid YAML.", hint=str(error).replace("\n", " ")
        ) from error
    if not isinstance(raw, dict):
        raise ConfigError(
            f"The backend card {path.name} is not a mapping.", hint="See `alref-local backends none`."
        )
    try:
        return Card.model_validate({"name": path.stem, **raw})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(
            f"The backend card {path.name} is wrong{f' at {where!r}' if where else ''}: {first['msg']}.",
            hint="`alref-local backends qwen` shows every field.",
        ) from error
