"""From the name of a checkpoint in a config to a folder on this machine.

A name is ``tiny:sam2`` (bundled with the package), a folder, or a model of the Hugging Face hub
(``owner/name``).
"""

from __future__ import annotations

import re
from pathlib import Path

from alref_local.errors import ConfigError, PrerequisiteError

__all__ = ["BUNDLED", "bundled", "resolve"]

BUNDLED = Path(__file__).parent.parent / "tiny"
"""Folder of the bundled tiny checkpoints."""

_PATH = "Check the path of the model in your config."
_MICROSOFTS = (
    "Put it there (https://github.com/microsoft/unilm/tree/master/beats offers it), or set sound.model."
)
_WEIGHTS = ("*.safetensors", "pytorch_model.bin")  # the second: LanguageBind alone
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def resolve(name: str) -> Path:
    """The folder that holds checkpoint ``name``.

    Nothing is downloaded here: a run neither waits for gigabytes nor depends on a network, and a missing checkpoint is
    never replaced by a bundled one.

    Raises:
        ConfigError: the name is malformed, or no bundled checkpoint has this name.
        PrerequisiteError: the checkpoint is not on this machine.
    """
    if name.startswith("tiny:"):
        return _bundled(name)
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        return folder
    if not _HUB_NAME.fullmatch(name):
        if "/" in name or name.startswith(("~", ".")):
            kind, hint = ("file", _MICROSOFTS) if name.endswith(".pt") else ("folder", _PATH)
            raise PrerequisiteError(f"There is no checkpoint {kind} '{name}'.", hint=hint)
        raise ConfigError(
            f"'{name}' does not name a checkpoint.",
            hint="Write tiny:NAME, the path of a folder, or a hub name such as facebook/sam2-hiera-large.",
        )
    return _from_hub(name)


def bundled() -> tuple[str, ...]:
    """Names of the checkpoints that come with the package, without ``tiny:``."""
    return tuple(sorted(path.parent.name for path in BUNDLED.glob("*/config.json")))


def _bundled(name: str) -> Path:
    short = name.removeprefix("tiny:")
    if short not in bundled():
        raise ConfigError(
            f"No checkpoint '{name}' comes with the package.",
            hint=f"Bundled: {', '.join(f'tiny:{known}' for known in bundled()) or 'none'}.",
        )
    return BUNDLED / short


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        cached = Path(snapshot_download(name, local_files_only=True))
        # An interrupted download leaves a snapshot without its weights.
        if (
            any(file for kind in _WEIGHTS for file in cached.glob(kind))
            and (cached / "config.json").is_file()
        ):
            return cached
    except (OSError, ValueError):  # not in the cache, or no name that the hub would take
        pass
    raise PrerequisiteError(
        f"The checkpoint '{name}' is not on this machine.",
        hint=f"Run `hf download {name}` where there is a network, or try the bundled tiny models with "
        "`--config tiny` (they know the drawn world only).",
    )
