"""The videos of an export: a run folder of `segment`, a folder of several, or the items of an evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from alref_local.errors import ConfigError
from alref_local.evaluate.names import folder_names
from alref_local.media.folder import is_image
from alref_local.runs import Run, open_run
from alref_local.runs.manifest import MANIFEST
from alref_local.types import MaskTrack

__all__ = ["Footage", "Owned", "footage"]


class Owned(NamedTuple):
    """A track, the sentence that means it (its id where sound alone is meant), and that reference's id."""

    label: str
    reference: str
    track: MaskTrack


@dataclass(frozen=True)
class Footage:
    """One video of an export.

    Attributes:
        name: unique in the export; can name a folder.
        run: its run.
    """

    name: str
    run: Run

    @property
    def size(self) -> tuple[int, int]:
        """``(height, width)``."""
        return self.run.video.height, self.run.video.width

    @property
    def source(self) -> Path:
        """The video file or folder of frames, which may be gone."""
        return Path(str(self.run.manifest.get("source", "")))

    @cached_property
    def files(self) -> tuple[str, ...]:
        """File names of the frames: those of the folder of frames, else ``FRAME.jpg``."""
        found = {path.stem: path.name for path in _images(self.source)}
        return tuple(found.get(frame, f"{frame}.jpg") for frame in self.run.video.frame_names)

    @property
    def is_video(self) -> bool:
        """Whether the source is a video file; its frames' names are their numbers then."""
        return bool(self.source.suffix) and not is_image(self.source) and not self.source.is_dir()

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """Numbers of the frames in the source, from 0."""
        names = self.run.video.frame_names
        return tuple(map(int, names)) if self.is_video else tuple(range(len(names)))

    @property
    def fps(self) -> float:
        """Frames per second of the source, of which a run may have taken every N-th."""
        window = self.run.manifest.get("window") or {}
        return self.run.video.fps * int(window.get("every", 1))

    @property
    def tracks(self) -> tuple[Owned, ...]:
        """All tracks, reference by reference."""
        return tuple(
            Owned(result.query.text or result.query.id, result.query.id, track)
            for result in self.run.results
            for track in result.tracks
        )


def footage(path: Path) -> Iterator[Footage]:
    """All finished runs in a folder, one at a time.

    Raises:
        ConfigError: there is none, or one is damaged.
    """
    if (path / MANIFEST).is_file():
        run = open_run(path)
        yield Footage(folder_names([run.video.name])[run.video.name], run)
        return
    holder = path / "items" if (path / "items").is_dir() else path
    folders = sorted(manifest.parent for manifest in holder.glob(f"*/{MANIFEST}"))
    if not folders:
        raise ConfigError(
            f"{path} holds no finished run.",
            hint="Name the folder of a run of `segment`, of several, or of an evaluation.",
        )
    for folder in folders:
        yield Footage(folder.name, open_run(folder))


def _images(folder: Path) -> Iterator[Path]:
    return filter(is_image, sorted(folder.iterdir())) if folder.is_dir() else iter(())
