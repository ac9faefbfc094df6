"""From the name of a checkpoint in a config to a folder on this machine.

A name is ``tiny:sam2`` (bundled with the package), a folder, or ``owner/name``: what is installed under that name
(``store.py``), or a model of the Hugging Face hub in its cache.
"""

from __future__ import annotations

from pathlib import Path

from alref_local.errors import ConfigError, PrerequisiteError
from alref_local.models.catalogue import load_catalogue, safe_name
from alref_local.models.checking import faults
from alref_local.models.store import installed, read_record

__all__ = ["BUNDLED", "bundled", "located", "resolve"]

BUNDLED = Path(__file__).parent.parent / "tiny"
"""Folder of the bundled tiny checkpoints."""

_PATH = "Check the path of the model in your config."
_MICROSOFTS = (
    "Put it there (https://github.com/microsoft/unilm/tree/master/beats offers it), or set sound.model."
)


def resolve(name: str) -> Path:
    """The folder that holds checkpoint ``name``.

    Nothing is downloaded here: a run neither waits for gigabytes nor depends on a network, and a missing checkpoint is
    never replaced by a bundled one.

    Raises:
        ConfigError: the name is malformed, or no bundled checkpoint has this name.
        PrerequisiteError: the checkpoint is not on this machine, or no longer whole.
    """
    if name.startswith("tiny:"):
        return _bundled(name)
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        return folder
    if not safe_name(name):
        if "/" in name or name.startswith(("~", ".")):
            kind, hint = ("file", _MICROSOFTS) if name.endswith(".pt") else ("folder", _PATH)
            raise PrerequisiteError(f"There is no checkpoint {kind} '{name}'.", hint=hint)
        raise ConfigError(
            f"'{name}' does not name a checkpoint.",
            hint="Write tiny:NAME, the path of a folder, or a hub name such as facebook/sam2-hiera-large.",
        )
    return _installed(name)


def located(name: str) -> Path:
    """The same, or the file that ``name`` leads to: Microsoft's BEATs are no folders.

    Raises:
        ConfigError: as ``resolve``.
        PrerequisiteError: as ``resolve``.
    """
    file = Path(name).expanduser()
    return file if file.is_file() else resolve(name)


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


def _installed(name: str) -> Path:
    folder = installed(load_catalogue().get(name, name))
    if folder is None:
        raise _missing(name)
    record = read_record(folder)
    # Sizes are looked at before every run; contents by `alref-local models verify`.
    if record is not None and (wrong := faults(folder, record.files, deep=False)):
        raise PrerequisiteError(
            f"The checkpoint '{name}' on this machine is damaged: {wrong[0]}.",
            hint=f"Pull or install it again; `alref-local models verify {name}` reads every byte.",
        )
    return folder


def _missing(name: str) -> PrerequisiteError:
    checkpoint = load_catalogue().get(name)
    if checkpoint is not None and checkpoint.repo is None:
        files = ", ".join(checkpoint.files)
        hint = f"Fetch {files} from {checkpoint.url} by hand, then `alref-local models install FILE`."
    else:
        hint = (
            f"Run `alref-local models pull {name}` where there is a network (`alref-local models bundle` carries it "
            "from there), or try the bundled tiny models with `--config tiny` (they know the drawn world only)."
        )
    return PrerequisiteError(f"The checkpoint '{name}' is not on this machine.", hint=hint)
