"""CVAT for images 1.1: masks as run lengths in their boxes, for a task of the same frames.

CVAT keeps no tracks of masks (its reader takes the first frame of one), so every mask is a shape of its own frame, and
``group_id`` says which belong together.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

import numpy as np
from numpy.typing import NDArray

from alref_local.export.footage import Footage
from alref_local.masks import Mask, box, decode

__all__ = ["cvat_xml", "label_name", "labels", "run_lengths"]

_LONGEST = 64
"""Characters that the name of a label may have."""

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def cvat_xml(video: Footage, prefix: str = "") -> bytes:
    """The annotations of one video; a frame is found by its name, or else by its number.

    Args:
        video: what to write.
        prefix: what stands before every file name.
    """
    height, width = video.size
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    _describe(video, SubElement(root, "meta"))
    for frame, (number, file) in enumerate(zip(video.numbers, video.files, strict=True)):
        name = _writable(f"{prefix}{file}")
        image = SubElement(root, "image", id=str(number), name=name, width=str(width), height=str(height))
        for group, owned in enumerate(video.tracks, start=1):
            rle = owned.track.masks[frame]
            if (around := box(rle)) is not None:
                x0, y0, x1, y1 = map(int, around)
                counts = run_lengths(decode(rle)[y0:y1, x0:x1])
                place = {"left": x0, "top": y0, "width": x1 - x0, "height": y1 - y0, "z_order": group}
                SubElement(
                    image,
                    "mask",
                    {side: str(pixels) for side, pixels in place.items()},
                    label=label_name(owned.label),
                    source="auto",
                    occluded="0",
                    rle=", ".join(map(str, counts)),
                    group_id=str(group),
                )
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def labels(video: Footage) -> list[dict[str, Any]]:
    """The labels of one video, as the raw editor of a task takes them."""
    names = dict.fromkeys(label_name(owned.label) for owned in video.tracks)
    return [{"name": name, "type": "mask", "attributes": []} for name in names]


def label_name(text: str) -> str:
    """``text``, or where it is longer than a label may be, its beginning and six digits of its hash."""
    text = _writable(text)
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST - 8].rstrip()} ~{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def run_lengths(mask: Mask) -> list[int]:
    """Lengths of the runs of a ``(H, W)`` bool mask, row by row, the first one of background (0 if there is none)."""
    flat = mask.ravel()
    changes: NDArray[np.intp] = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = np.diff(np.concatenate([[0], changes, [flat.size]])).tolist()
    return [0, *runs] if flat[0] else list(runs)


def _describe(video: Footage, meta: Element) -> None:
    task = SubElement(meta, "task")
    for name, text in (("name", video.name), ("size", str(len(video.files))), ("mode", "annotation")):
        SubElement(task, name).text = text
    known = SubElement(task, "labels")
    for one in labels(video):
        label = SubElement(known, "label")
        SubElement(label, "name").text = one["name"]
        SubElement(label, "type").text = one["type"]


def _writable(text: str) -> str:
    """Without what XML cannot hold."""
    return _NOT_XML.sub("?", text)
