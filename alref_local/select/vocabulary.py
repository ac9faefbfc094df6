"""The words for what sounds: any, those of a bundled list, or a person's own."""

from __future__ import annotations

from pathlib import Path

from alref_local.errors import ConfigError
from alref_local.reason.question import AnswerSpec

__all__ = ["vocabulary"]

_BUNDLED = Path(__file__).parent / "vocabularies"


def vocabulary(name_or_path: str) -> tuple[str, ...]:
    """The names of a closed list, lower case, in its order; none if it is ``open``.

    ``avsbench`` are the 70 classes of AVSBench-semantic (Zhou et al. 2023, without background).

    Raises:
        ConfigError: there is no such list or file, it is empty, or a line cannot be a name.
    """
    if name_or_path == "open":
        return ()
    bundled = {path.stem: path for path in _BUNDLED.glob("*.txt")}
    path = bundled.get(name_or_path, Path(name_or_path))
    hint = f"Bundled: open, {', '.join(sorted(bundled))}; a text file with a name a line works too."
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:  # not UTF-8, or no path at all, is a ValueError
        raise ConfigError(f"There is no vocabulary {name_or_path[:80]!r}.", hint=hint) from error
    names = tuple(dict.fromkeys(" ".join(line.casefold().split()) for line in lines if line.strip()))
    if not names:
        raise ConfigError(f"The vocabulary {name_or_path[:80]!r} is empty.", hint=hint)
    try:
        AnswerSpec(names, "names")
    except ValueError as error:
        raise ConfigError(
            f"The vocabulary {name_or_path[:80]!r} holds what is no name: {error}.", hint=hint
        ) from error
    return names
