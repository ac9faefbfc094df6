"""What both questions about a clip share: its decoded frames, its strips, and where it stands in the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from alref_local.media.strip import Panel, strip
from alref_local.reason.question import Address, ImagePart, Step
from alref_local.settings import Strip
from alref_local.types import Box, Clip, Image, Query

__all__ = ["ClipContext"]


@dataclass(frozen=True)
class ClipContext:
    """A clip in memory.

    Attributes:
        item: name of the video, for addresses.
        clip: the clip.
        images: its sampled frames, decoded.
        style: how strips are drawn.
    """

    item: str
    clip: Clip
    images: Sequence[Image]
    style: Strip
    _plain: list[tuple[ImagePart, ...]] = field(default_factory=list, repr=False)

    def image(self, frame: int) -> Image:
        """The decoded sampled frame with number ``frame``."""
        return self.images[self.clip.frames.index(frame)]

    def plain_strip(self) -> tuple[ImagePart, ...]:
        """The sampled frames with their ids (X_v of the paper); drawn once, the same bytes for every query."""
        if not self._plain:
            self._plain.append(self._draw({}))
        return self._plain[0]

    def painted_strip(self, frame: int, boxes: Sequence[Box]) -> tuple[ImagePart, ...]:
        """The same with candidate boxes painted and numbered on the pivot frame."""
        return self._draw({frame: tuple(boxes)})

    def address(self, query: Query, step: Step) -> Address:
        """Where a question of this clip stands in the run."""
        return Address(item=self.item, reference=query.id, step=step, clip=self.clip.index)

    def _draw(self, boxes: dict[int, tuple[Box, ...]]) -> tuple[ImagePart, ...]:
        panels = [
            Panel(image, position, boxes.get(frame, ()))
            for position, (frame, image) in enumerate(
                zip(self.clip.frames, self.images, strict=True), start=1
            )
        ]
        drawn = strip(panels, layout=self.style.layout, panel=self.style.panel, quality=self.style.quality)
        return tuple(ImagePart(data) for data in drawn)
