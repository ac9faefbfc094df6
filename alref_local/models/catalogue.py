"""Every checkpoint that configs and cards name: ``checkpoints/*.yaml``, and what a person adds to it.

``$ALREF_CATALOGUE`` names a YAML file, or a folder of them, whose entries are laid over the bundled ones.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from alref_local.data_files import data_dir, first_fault, read_mapping
from alref_local.errors import ConfigError

__all__ = [
    "CONTEXT",
    "Checkpoint",
    "FileFacts",
    "GpuMemory",
    "Kind",
    "find_checkpoint",
    "load_catalogue",
    "safe_name",
    "safe_path",
]

Kind = Literal["grounder", "segmentor", "tagger", "aligner", "vlm"]

CONTEXT: Final = 16384
"""Tokens of context that the cards serve (``--max-model-len``)."""

_BYTES: Final = {"float32": 4, "float16": 2, "bfloat16": 2, "float8": 1}
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_PART = re.compile(r"[A-Za-z0-9_][\w.+-]*")


class FileFacts(BaseModel):
    """What is known of one file: bytes, and the SHA-256 of its content in 64 hexadecimal digits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int | None = Field(None, ge=0)
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")


class GpuMemory(NamedTuple):
    """What a running model takes of a GPU, in bytes; ``working`` is an estimate.

    Attributes:
        weights: all tensors.
        working: activations, and what CUDA itself takes.
        context: the cache of a multimodal LLM for one question of so many tokens; a server may take more.
    """

    weights: int
    working: int
    context: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.working + self.context


class Checkpoint(BaseModel):
    """One checkpoint: where it comes from, of which files it consists, what it takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="owner/name, as configs and cards say it.")
    kind: Kind
    repo: str | None = Field(
        None, description="On the Hugging Face hub; null: people fetch it by hand at url."
    )
    url: str = Field("", description="A page about it.")
    revision: str | None = Field(None, description="Commit of the repository; null: the newest.")
    licence: str = Field(description="SPDX identifier, or its name.")
    licence_url: str = ""
    parameters: int = Field(gt=0)
    dtype: Literal["float32", "float16", "bfloat16", "float8"] = Field(description="Of the stored weights.")
    shapes_sha256: str | None = Field(
        None, description="Of names and shapes of all tensors (selftest.shapes_sha256)."
    )
    tensor_bytes: int | None = Field(
        None, gt=0, description="Of all weights, where most are of another type."
    )
    working: int = Field(ge=0, description="Bytes of GPU memory beside weights and cache, an estimate.")
    per_token: int = Field(0, ge=0, description="Bytes of cache that a token of context takes (vlm).")
    heads: tuple[int, int] | None = Field(
        None,
        description="Attention heads: of queries, and of keys and values (vlm); they are divided among GPUs.",
    )
    convert: Literal["beats", "tensors"] | None = Field(
        None, description="Rewrite the published .pt or .bin as safetensors when it is installed."
    )
    files: Mapping[str, FileFacts] = Field(default_factory=dict, description="The files that are known.")

    @model_validator(mode="before")
    @classmethod
    def _from_hub(cls, raw: Any) -> Any:
        """A checkpoint lies on the hub under its own name unless ``repo`` says otherwise."""
        if not isinstance(raw, dict):
            return raw
        repo = raw.get("repo", raw.get("name"))
        page = f"https://huggingface.co/{repo}" if repo else ""
        url = raw.get("url") or page
        return {**raw, "repo": repo, "url": url, "licence_url": raw.get("licence_url") or url}

    @field_validator("name", "repo")
    @classmethod
    def _safe_name(cls, name: str | None) -> str | None:
        if name is not None and not safe_name(name):
            raise ValueError("a checkpoint is named owner/name, in letters, digits, '-', '_' and '.'")
        return name

    @field_validator("revision")
    @classmethod
    def _safe_revision(cls, revision: str | None) -> str | None:
        if revision is not None and not re.fullmatch(r"[\w][\w./-]{0,99}", revision):
            raise ValueError("that is no revision")
        return revision

    @field_validator("files")
    @classmethod
    def _safe_files(cls, files: Mapping[str, FileFacts]) -> Mapping[str, FileFacts]:
        """Lists of files come from strangers, too: no path leads out of the checkpoint's folder, none is hidden."""
        for path in files:
            if not safe_path(path):
                raise ValueError(f"{path[:80]!r} is no path inside a folder")
        return dict(files)

    @property
    def weights_bytes(self) -> int:
        """Bytes of all weights: parameters times their size, or what the catalogue says where types are mixed."""
        return self.tensor_bytes or self.parameters * _BYTES[self.dtype]

    def gpu_memory(self, tokens: int = CONTEXT) -> GpuMemory:
        """Estimate of the GPU memory that the running model takes, with a context of so many ``tokens``."""
        return GpuMemory(self.weights_bytes, self.working, self.per_token * tokens)


def safe_name(name: str) -> bool:
    """Whether ``name`` is ``owner/name``, and so leads to a folder inside the one it is joined to."""
    return len(name) <= 200 and _NAME.fullmatch(name) is not None


def safe_path(path: str) -> bool:
    """Whether ``path`` leads to a file inside a folder that it is joined to, and to none that is hidden."""
    return len(path) <= 255 and all(map(_PART.fullmatch, path.split("/")))


def load_catalogue() -> Mapping[str, Checkpoint]:
    """All checkpoints by name: the bundled ones, under those of ``$ALREF_CATALOGUE``.

    Raises:
        ConfigError: a file is not YAML, or an entry has a wrong or missing field.
    """
    own = os.environ.get("ALREF_CATALOGUE", "")
    return MappingProxyType(_bundled() | (_read_all(Path(own).expanduser()) if own else {}))


def find_checkpoint(name: str) -> Checkpoint:
    """The catalogue's entry.

    Raises:
        ConfigError: there is none of this name; the hint names what comes closest.
    """
    catalogue = load_catalogue()
    if name in catalogue:
        return catalogue[name]
    near = get_close_matches(name, catalogue, n=3, cutoff=0.4) or list(catalogue)[:3]
    raise ConfigError(
        f"The catalogue has no checkpoint '{name[:80]}'.",
        hint=f"Close to it: {', '.join(near)}. `alref-local models list` shows all; $ALREF_CATALOGUE adds yours.",
    )


@cache
def _bundled() -> dict[str, Checkpoint]:
    return _read_all(data_dir("checkpoints"))


def _read_all(place: Path) -> dict[str, Checkpoint]:
    files = sorted(place.glob("*.yaml")) if place.is_dir() else [place]
    return {name: checkpoint for file in files for name, checkpoint in _read(file).items()}


def _read(file: Path) -> dict[str, Checkpoint]:
    what = f"The catalogue {file} cannot be read: it"
    raw = read_mapping(file, what, "names", "It maps names to fields, as checkpoints/*.yaml do.")
    return {str(name): _entry(file, str(name), entry) for name, entry in raw.items()}


def _entry(file: Path, name: str, fields: Any) -> Checkpoint:
    try:
        return Checkpoint.model_validate({"name": name, **(fields if isinstance(fields, dict) else {})})
    except ValidationError as error:
        where, wrong = first_fault(error)
        raise ConfigError(
            f"The entry '{name[:80]}' of the catalogue {file.name} is wrong at '{where or 'kind'}': {wrong}.",
            hint="checkpoints/*.yaml show every field.",
        ) from error
