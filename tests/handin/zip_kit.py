"""Archives of miniatures, and ways to break them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from alref_local.evaluate.names import folder_names
from alref_local.handin import write_archive
from tests.evaluate.run_kit import Chosen, items_of, perfect, write_run

__all__ = ["Contents", "archived", "evaluated", "read_zip", "write_zip"]

Contents = dict[str, bytes]
"""Names in an archive, and what is in the files."""


def evaluated(name: str, folder: Path, split: str = "", mask: Chosen = perfect) -> tuple[Path, Path]:
    """A finished evaluation of a miniature whose masks are chosen: its folder, and that of the data."""
    root, run = folder / "data", folder / "run"
    items = items_of(name, root, split)
    names = folder_names(item.id for item in items)
    for item in items:
        write_run(item, run / "items" / names[item.id], mask)
    said = {"dataset": name, "split": split or ("valid_u" if name == "mevis" else "valid")}
    (run / "result.json").write_text(json.dumps(said))
    return run, root


def archived(name: str, folder: Path, split: str = "", mask: Chosen = perfect) -> tuple[Contents, Path]:
    """What an archive of it holds, and the folder of the data."""
    run, root = evaluated(name, folder, split, mask)
    found = write_archive(run, folder / "good.zip", root)
    assert found.problems == ()
    return read_zip(folder / "good.zip"), root


def read_zip(path: Path) -> Contents:
    """All files of an archive, in its order."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_zip(
    path: Path, contents: Mapping[str, bytes], more: Callable[[zipfile.ZipFile], None] = lambda archive: None
) -> Path:
    """An archive of these files, and of what ``more`` adds."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
        more(archive)
    return path
