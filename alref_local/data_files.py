"""The YAML files that people read, copy and add to: ``backends/``, ``configs/`` and ``checkpoints/``.

They lie at the top level of a checkout and inside the package of an installed wheel; a name finds a bundled
file, a path any other.
"""

from __future__ import annotations

from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

from alref_local.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import ValidationError

__all__ = ["Kind", "data_dir", "find", "first_fault", "names", "read_mapping"]

Kind = Literal["backends", "checkpoints", "configs"]

_PACKAGE = Path(__file__).parent


def data_dir(kind: Kind) -> Path:
    """The folder of bundled files: the packaged one, or a checkout's top level.

    Raises:
        ConfigError: neither exists, so the installation is broken.
    """
    for folder in (_PACKAGE / "data" / kind, _PACKAGE.parent / kind):
        if folder.is_dir():
            return folder
    raise ConfigError(f"The bundled {kind} are missing.", hint="Install alref-local again.")


def names(kind: Kind) -> list[str]:
    """Names of the bundled files, sorted; a sub-folder is part of the name (``paper/mevis``)."""
    folder = data_dir(kind)
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))


def find(kind: Kind, name_or_path: str | Path) -> Path:
    """The file that a bundled name or a path means; a bundled name wins over a file of that name.

    Raises:
        ConfigError: there is neither; the hint names what comes closest.
    """
    wanted = str(name_or_path)
    bundled = names(kind)
    if wanted in bundled:
        return data_dir(kind) / f"{wanted}.yaml"
    with suppress(OSError):  # a name may be longer than any path
        if Path(wanted).is_file():
            return Path(wanted)
    near = get_close_matches(wanted, bundled, n=3, cutoff=0.5) or bundled
    raise ConfigError(
        f"There is no {kind.removesuffix('s')} {wanted[:80]!r}.",
        hint=f"Bundled: {', '.join(near)}; a path to a YAML file works too.",
    )


def read_mapping(path: Path, what: str, of: str, hint: str) -> dict[str, Any]:
    """The mapping that a YAML file holds; an empty file holds an empty one.

    Args:
        path: the file.
        what: begins the sentence that says what is wrong: "The config mine.yaml".
        of: what it maps: "settings".
        hint: what to do about a file of another kind.

    Raises:
        ConfigError: the file cannot be read, is not YAML, or holds something else.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ConfigError(f"{what} cannot be opened ({why}).", hint=hint) from error
    except (yaml.YAMLError, ValueError) as error:  # no UTF-8; a date that is none
        raise ConfigError(f"{what} is not valid YAML.", hint=" ".join(str(error).split())) from error
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise ConfigError(f"{what} is not a mapping of {of}.", hint=hint)
    return raw


def first_fault(error: ValidationError) -> tuple[str, str]:
    """Where the first wrong field is (``sampling.frames``; empty: nowhere in particular), and what is wrong with it."""
    first = error.errors()[0]
    return ".".join(map(str, first["loc"])), first["msg"]
