"""From the folder of an evaluation to the archive of its benchmark: checked before it gets its name."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from alref_local.datasets import Checked, Item, load_items
from alref_local.errors import ConfigError
from alref_local.evaluate.names import folder_names
from alref_local.evaluate.tasks import item_folder, query_ids
from alref_local.files import part, writing
from alref_local.handin.checking import check_archive
from alref_local.handin.forms import Entry, Form, find_form
from alref_local.metrics.avss import palette
from alref_local.runs import Run, open_run
from alref_local.runs.manifest import MANIFEST

__all__ = ["write_archive"]

_SHOWN = 5


def write_archive(run: Path, target: Path, root: Path) -> Checked:
    """Write what the benchmark of an evaluation's data set takes.

    The same masks give the same bytes. The archive is checked by `check_archive`, and is there only if it passes.

    Args:
        run: folder of an evaluation.
        target: the zip file.
        root: folder of the data set that was evaluated.

    Returns:
        What the check found; with problems, there is no archive.

    Raises:
        ConfigError: no evaluation, one that is not complete or of something else, or the file cannot be written.
    """
    dataset, split = _evaluated(run)
    form = find_form(dataset)
    items = load_items(dataset, root, split)
    names = folder_names(item.id for item in items)
    folders = {item.id: item_folder(run, names[item.id]) for item in items}
    _refuse_incomplete(run, folders)
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with zipfile.ZipFile(part(target), "w") as archive:
                for item in sorted(items, key=lambda item: item.id):
                    _add(archive, form, item, open_run(folders[item.id]))
            checked = check_archive(part(target), dataset, root, split)
            if not checked.problems:
                part(target).replace(target)
        finally:
            part(target).unlink(missing_ok=True)
    return checked


def _evaluated(run: Path) -> tuple[str, str]:
    """Data set and split of an evaluation."""
    try:
        result: Any = json.loads((run / "result.json").read_text("utf-8"))
        return str(result["dataset"]), str(result["split"])
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigError(
            f"{run} is not the folder of an evaluation that has ended.",
            hint="Name what you gave to `alref-local evaluate --run`; a run of `segment` can be exported.",
        ) from None


def _refuse_incomplete(run: Path, folders: dict[str, Path]) -> None:
    missing = [id for id, folder in folders.items() if not (folder / MANIFEST).is_file()]
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise ConfigError(
            f"{run} lacks {len(missing)} of {len(folders)} videos: {', '.join(missing[:_SHOWN])}{more}.",
            hint="Give the command of the evaluation again, without --limit; it goes on from there.",
        )


def _add(archive: zipfile.ZipFile, form: Form, item: Item, run: Run) -> None:
    """All pictures of one video, as they are."""
    asked = {result.query.id for result in run.results}
    if run.video.frame_names != item.frames or asked != set(query_ids(item).values()):
        raise ConfigError(
            f"{run.path} holds other frames or sentences than the data set lists for {item.id}.",
            hint="Give --root the data set that was evaluated.",
        )
    tracked = any(result.tracks for result in run.results)
    for entry in sorted(form.entries(item), key=lambda entry: entry.name):
        info = zipfile.ZipInfo(entry.name)  # of 1980, and stored: a PNG is compressed already
        info.create_system, info.external_attr = 3, 0o100644 << 16
        archive.writestr(info, _picture(entry, form, run, tracked))


def _picture(entry: Entry, form: Form, run: Run, tracked: bool) -> bytes:
    """Label maps are not written where no object was ever tracked: there they are empty."""
    if form.mode == "P" and not tracked:
        image = Image.fromarray(np.zeros((run.video.height, run.video.width), np.uint8))
        image.putpalette(palette().tobytes())
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        return buffer.getvalue()
    try:
        return run.path.joinpath(*entry.source).read_bytes()
    except FileNotFoundError:
        raise ConfigError(
            f"{run.path.joinpath(*entry.source)} is missing.",
            hint="Remove manifest.json beside it and give the evaluation's command again.",
        ) from None
