"""How results look in a notebook: a small picture and a table, with every word of others escaped."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image as Pil

from alref_local import masks
from alref_local.errors import AlrefError
from alref_local.media.overlay import draw
from alref_local.types import Image, TargetResult
from alref_local.visible import visible

__all__ = ["cell", "results_html", "table_html"]

_SIDE = 240


def results_html(
    title: str, size: tuple[int, int], results: Sequence[TargetResult], folder: Path | None
) -> str:
    """A frame in the middle of what was masked, and a line for every reference."""
    rows = [
        (
            cell(result.query.category or result.query.text or "whatever sounds"),
            cell(result.status.replace("_", " ")),
            cell(", ".join(str(pivot.frame) for pivot in result.pivots)),
            cell(str(len(_masked([result])))),
        )
        for result in results
    ]
    table = table_html(("reference", "status", "pivot frames", "frames with a mask"), rows)
    picture = _picture(size, results, folder)
    image = (
        f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(picture).decode()}">' if picture else ""
    )
    return f"<div><p><b>{cell(title)}</b></p>{image}{table}</div>"


def table_html(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells (see `cell`)."""
    head = "".join(f"<th>{cell(name)}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{one}</td>" for one in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def cell(words: str) -> str:
    """Words as HTML that shows them as they are."""
    return f"<bdi>{escape(visible(words))}</bdi>"


def _masked(results: Sequence[TargetResult]) -> list[int]:
    tracks = [track for result in results for track in result.tracks]
    length = len(tracks[0].masks) if tracks else 0
    return [frame for frame in range(length) if any(masks.area(track.masks[frame]) for track in tracks)]


def _picture(size: tuple[int, int], results: Sequence[TargetResult], folder: Path | None) -> bytes | None:
    """JPEG of a frame of the overlay; without one, of the masks alone; of nothing, none."""
    seen = _masked(results)
    if not seen:
        return None
    frame = seen[len(seen) // 2]
    image = _overlay(folder, frame, size) if folder else None
    if image is None:
        found = {track.track_id: masks.decode(track.masks[frame]) for one in results for track in one.tracks}
        image = draw(np.full((*size, 3), 128, np.uint8), found, {})
    picture = Pil.fromarray(image)
    picture.thumbnail((_SIDE, _SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def _overlay(folder: Path, frame: int, size: tuple[int, int]) -> Image | None:
    from alref_local.media import open_video

    try:
        with open_video(folder / "overlay.mp4") as video:
            shown: Image = video.frames([frame])[0, : size[0], : size[1]]
            return shown
    except (AlrefError, IndexError):
        return None
