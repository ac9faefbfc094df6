"""Evaluations of miniatures with masks that a test chooses, and archives taken apart."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from alref_local.evaluate.names import folder_names
from alref_local.evaluate.tasks import item_folder
from alref_local.metrics.avss import palette
from tests.evaluate.run_kit import Chosen, items_of, perfect, write_run

__all__ = ["Change", "entries", "evaluated", "picture", "rewritten"]

Entries = list[tuple[str, bytes]]
Change = Callable[[Entries], Iterable[tuple[str, bytes]]]


def evaluated(name: str, root: Path, run: Path, split: str, mask: Chosen = perfect) -> Path:
    """The folder of an evaluation, as `alref-local evaluate` leaves it."""
    items = items_of(name, root, split)
    names = folder_names(item.id for item in items)
    for item in items:
        write_run(item, item_folder(run, names[item.id]), mask)
    (run / "result.json").write_text(json.dumps({"dataset": name, "split": split}))
    return run


def entries(archive: Path) -> Entries:
    """Names and contents, in order."""
    with zipfile.ZipFile(archive) as opened:
        return [(info.filename, opened.read(info)) for info in opened.infolist()]


def rewritten(archive: Path, change: Change) -> Path:
    """The archive with other entries."""
    changed = list(change(entries(archive)))
    with zipfile.ZipFile(archive, "w") as opened:
        for name, data in changed:
            opened.writestr(name, data)
    return archive


def picture(mode: str = "L", size: tuple[int, int] = (48, 64), value: int = 255) -> bytes:
    """A PNG of one value."""
    image = Image.fromarray(np.full(size, value, np.uint8))
    if mode == "P":
        image.putpalette(palette().tobytes())
    elif mode != "L":
        image = image.convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
