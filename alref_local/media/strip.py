"""Frames side by side in one image, as the backend sees them: ids on frames, numbered boxes on the pivot frame.

Paper, Figures 2 and 5. Released: a vertical stack, panels 500 pixels wide, no gaps. For a second look (not in the
paper) a panel shows a finished mask instead of boxes.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil
from PIL import ImageChops, ImageDraw, ImageFilter

from alref_local.errors import ConfigError
from alref_local.media.badges import BOX_COLOUR_NAMES, badge_boxes, badge_image, box_colour, id_badge_box
from alref_local.types import Box, Image

__all__ = ["BOX_COLOUR_NAMES", "Layout", "Panel", "grid_shape", "panel_size", "strip", "strip_sizes"]

Layout = Literal["horizontal", "vertical", "grid", "separate"]

_ID_COLOUR = (31, 119, 180)
_MASK_COLOUR = (255, 0, 255)  # prompts call it pink; hardly anything is of this colour
_MASK_TINT = 50  # of 255: what is masked keeps its own colours
_JPEG_SIDE = 65_500


class Panel(NamedTuple):
    """One frame of a strip: ``(H, W, 3)`` uint8, its id, boxes in pixels of the frame, and an ``(H, W)`` bool mask."""

    frame: Image
    id: int
    boxes: tuple[Box, ...] = ()
    mask: NDArray[np.bool_] | None = None


def strip(panels: Sequence[Panel], *, layout: Layout, panel: int, quality: int) -> list[bytes]:
    """Draw panels and encode them: one JPEG, or one for each panel if ``layout`` is ``separate``.

    The same panels give the same bytes. Box number k has the colour ``BOX_COLOUR_NAMES[k - 1]``.

    Args:
        panels: at least one; their frames have one size.
        layout: in a row, a column, rows of a near-square grid, or separate images.
        panel: longer side of a panel in pixels; smaller frames are not enlarged.
        quality: of the JPEG, 1 to 100.

    Raises:
        ConfigError: the strip would be larger than a JPEG may be.
    """
    drawn = [_drawn(one, panel) for one in panels]
    if layout == "separate":
        return [_jpeg(image, quality) for image in drawn]
    width, height = drawn[0].size
    rows, columns = _shape(layout, len(drawn), (height, width))
    sheet = Pil.new("RGB", (columns * width, rows * height), "white")
    for place, image in enumerate(drawn):
        sheet.paste(image, (place % columns * width, place // columns * height))
    return [_jpeg(sheet, quality)]


def strip_sizes(count: int, size: tuple[int, int], *, layout: Layout, panel: int) -> list[tuple[int, int]]:
    """``(height, width)`` of the images that `strip` draws of ``count`` frames of ``size``."""
    height, width = panel_size(size, panel)
    if layout == "separate":
        return [(height, width)] * count
    rows, columns = _shape(layout, count, (height, width))
    return [(rows * height, columns * width)]


def panel_size(size: tuple[int, int], panel: int) -> tuple[int, int]:
    """``(height, width)`` of the panel that shows a frame of ``size``, its longer side at most ``panel``."""
    scale = min(1.0, panel / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def grid_shape(count: int, size: tuple[int, int]) -> tuple[int, int]:
    """``(rows, columns)`` for panels of ``size`` whose sheet is nearest to a square, without an empty row."""
    shapes = [(math.ceil(count / columns), columns) for columns in range(1, count + 1)]
    return min(shapes, key=lambda shape: abs(math.log(shape[0] * size[0] / (shape[1] * size[1]))))


def _shape(layout: Layout, count: int, size: tuple[int, int]) -> tuple[int, int]:
    if layout == "grid":
        return grid_shape(count, size)
    return (1, count) if layout == "horizontal" else (count, 1)


def _drawn(panel: Panel, longer: int) -> Pil.Image:
    height, width = panel_size(panel.frame.shape[:2], longer)
    image = Pil.fromarray(np.ascontiguousarray(panel.frame))
    if image.size != (width, height):
        image = image.resize((width, height), Pil.Resampling.LANCZOS)
    scale_x, scale_y = width / panel.frame.shape[1], height / panel.frame.shape[0]
    boxes = [Box(b.x0 * scale_x, b.y0 * scale_y, b.x1 * scale_x, b.y1 * scale_y) for b in panel.boxes]
    pen = ImageDraw.Draw(image)
    line = max(2, round(0.008 * max(image.size)))
    if panel.mask is not None:
        _mark(image, panel.mask, line)
    for number, box in enumerate(boxes, 1):
        pen.rectangle(_drawable(box, width, height), outline=box_colour(number), width=line)
    _stamp(image, str(panel.id), _ID_COLOUR, id_badge_box((height, width), panel.id))
    for number, place in enumerate(badge_boxes((height, width), boxes, id=panel.id), 1):
        _stamp(image, str(number), box_colour(number), place)
    return image


def _mark(image: Pil.Image, mask: NDArray[np.bool_], line: int) -> None:
    """Tint what is masked, and draw a line around it, outside, so that a small object stays visible."""
    shrunk = Pil.fromarray(mask.astype(np.uint8) * 255).resize(image.size, Pil.Resampling.BOX)
    inside = shrunk.point(lambda share: 255 * (share > 0))  # the smallest mask shows
    around = ImageChops.subtract(inside.filter(ImageFilter.MaxFilter(2 * line + 1)), inside)
    image.paste(_MASK_COLOUR, mask=inside.point(lambda level: min(level, _MASK_TINT)))
    image.paste(_MASK_COLOUR, mask=around)


def _drawable(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """First and last pixel each way, inside the panel."""
    x0, y0 = min(max(round(box.x0), 0), width - 1), min(max(round(box.y0), 0), height - 1)
    return x0, y0, min(max(round(box.x1) - 1, x0), width - 1), min(max(round(box.y1) - 1, y0), height - 1)


def _stamp(image: Pil.Image, text: str, colour: tuple[int, int, int], place: Box) -> None:
    badge = badge_image(text, colour, int(place.x1 - place.x0))
    image.paste(badge, (int(place.x0), int(place.y0)), badge)


def _jpeg(image: Pil.Image, quality: int) -> bytes:
    if max(image.size) > _JPEG_SIDE:
        raise ConfigError(
            f"A strip of {image.size[0]}x{image.size[1]} pixels is too large for one image.",
            hint="Set strip.layout to grid or separate, or a smaller strip.panel.",
        )
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=0)  # full colour: badges are small
    return buffer.getvalue()
