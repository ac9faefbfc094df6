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

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_FILES = ["*.json", "*.txt", "*.model", "*.safetensors"]
"""What is fetched of a model repository: never pickles, which can run code."""


def resolve(name: str, *, offline: bool) -> Path:
    """The folder that holds checkpoint ``name``.

    The local hub cache is looked up first; only if the model is not there, and not ``offline``, is it
    downloaded. A missing checkpoint is never replaced by a bundled one.

    Raises:
        ConfigError: the name is malformed, or no bundled checkpoint has this name.
        PrerequisiteError: the checkpoint is not on this machine (and could not be fetched).
    """
    if name.startswith("tiny:"):
        return _bundled(name)
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        return folder
    if not _HUB_NAME.fullmatch(name):
        if "/" in name or name.startswith(("~", ".")):
            raise PrerequisiteError(
                f"There is no checkpoint folder '{name}'.", hint="Check the path of the model in your config."
            )
        raise ConfigError(
            f"'{name}' does not name a checkpoint.",
            hint="Write tiny:NAME, the path of a folder, or a hub name such as facebook/sam2-hiera-large.",
        )
    return _from_hub(name, offline=offline)


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


def _from_hub(name: str, *, offline: bool) -> Path:
    from huggingface_hub import snapshot_download

    try:
        cached = Path(snapshot_download(name, local_files_only=True))
        # An interrupted download leaves a snapshot without its weights.
        if any(cached.glob("*.safetensors")) and (cached / "config.json").is_file():
            return cached
    except OSError:
        pass
    reason = "and --offline forbids fetching it"
    if not offline:
        try:
            return Path(snapshot_download(name, allow_patterns=_FILES))
        except (OSError, ValueError) as error:
            reason = f"and it could not be fetched ({type(error).__name__})"
    raise PrerequisiteError(
        f"The checkpoint '{name}' is not on this machine, {reason}.",
        hint=f"Run `hf download {name}` (or `huggingface-cli download {name}`) where there is a network, "
        "or try the bundled tiny models with `--config tiny` (they know the drawn world only).",
    )
