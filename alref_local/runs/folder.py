"""Writes a run folder: every file whole or absent, ``manifest.json`` last.

A folder with a manifest is complete. One without was interrupted: it is written again, and nothing that was
paid for is lost, because the calls' log stays where it is.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from alref_local import masks
from alref_local.errors import ConfigError
from alref_local.files import part, safe_name, write_bytes, writing
from alref_local.runs.coco import MasksFile
from alref_local.runs.manifest import MANIFEST, MasksHash, environment
from alref_local.runs.result import describe
from alref_local.seams import VideoReader
from alref_local.settings import Settings
from alref_local.types import TargetResult, Totals

__all__ = ["RunFolder", "is_run", "strip_name"]

_MARK = "# Written by a run of alref-local."
_OURS = (
    *("masks", "labels", "strips", "cutouts", "overlay.mp4", "calls.jsonl"),
    *("masks.json", "result.json", "config.yaml", "backend.yaml", MANIFEST),
)


class RunFolder:
    """The output folder of one video; as a context manager it keeps other runs out of it.

    Call `write_config` first, `add_strip` as often as there are strips, `write_result` once, `finish` last.

    Args:
        path: created if need be, and proven writable before any model is loaded.

    Raises:
        ConfigError: it cannot be written, or holds files of these names that no run wrote.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._masks_sha256: str | None = None
        self._written: set[Path] = set()
        with writing(path):
            path.mkdir(parents=True, exist_ok=True)
            probe = part(path / "probe")
            probe.touch()
            probe.unlink()
            taken = [name for name in _OURS if (path / name).exists()]
            if taken and not is_run(path):
                raise ConfigError(
                    f"{path} already holds '{taken[0]}', which no run wrote.",
                    hint="Choose another output folder with -o.",
                )

    def __enter__(self) -> RunFolder:
        """Keep the folder for this run.

        Raises:
            ConfigError: another run is writing it.
        """
        self._lock = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise ConfigError(
                f"Another run is writing {self.path}.", hint="Wait for it, or choose another folder with -o."
            ) from None
        except OSError:  # a file system without locks: then it is up to the person
            pass
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)

    @property
    def finished(self) -> bool:
        """A run was completed here."""
        return (self.path / MANIFEST).exists()

    @property
    def calls_path(self) -> Path:
        """Log of the backend's calls; kept when an interrupted run is started again."""
        return self.path / "calls.jsonl"

    @property
    def overlay_path(self) -> Path:
        """The video with the masks painted on it."""
        return self.path / "overlay.mp4"

    def write_config(self, settings: Settings, backend: Mapping[str, Any]) -> None:
        """Begin: from here on the folder is unfinished, until `finish`.

        ``config.yaml`` and ``backend.yaml`` can be given to ``--config`` and ``--backend`` to repeat the run.
        """
        with writing(self.path / MANIFEST):
            (self.path / MANIFEST).unlink(missing_ok=True)
        self._write_yaml("config.yaml", settings.model_dump(mode="json"))
        self._write_yaml("backend.yaml", dict(backend))

    def add_strip(self, name: str, data: bytes) -> Path:
        """Keep a JPEG that the backend was shown, as ``strips/NAME.jpg``."""
        target = self.path / "strips" / f"{safe_name(name)}.jpg"
        write_bytes(target, data)
        self._written.add(target)
        return target

    def add_cutout(self, reference: str, frame_name: str, data: bytes) -> None:
        """Keep a PNG with alpha of what a reference means on a frame, as ``cutouts/REFERENCE/FRAME.png``."""
        target = self.path / "cutouts" / safe_name(reference) / f"{frame_name}.png"
        write_bytes(target, data)
        self._written.add(target)

    def add_labels(self, frame_name: str, data: bytes) -> None:
        """Keep a PNG of the categories of what sounds on a frame, as ``labels/FRAME.png``."""
        target = self.path / "labels" / f"{frame_name}.png"
        write_bytes(target, data)
        self._written.add(target)

    def write_result(
        self,
        video: VideoReader,
        results: Sequence[TargetResult],
        timings: Mapping[str, float],
        usage: Totals | None = None,
    ) -> None:
        """Write the masks as PNG and as RLE, and ``result.json``.

        Args:
            video: gives the frames' names; its frames are not decoded.
            results: one per reference, in the order asked; ids are unique and can name a folder.
            timings: seconds by stage.
            usage: what the questions took.
        """
        ids = [safe_name(result.query.id) for result in results]
        if len(set(ids)) != len(ids):
            raise ValueError(f"two references share an id: {ids}")
        result_file = describe(video, results, timings, usage)
        digest = MasksHash()
        for result in results:
            for name, mask in _union_masks(result, result_file.video.frame_names, video.size):
                target = self.path / "masks" / result.query.id / name
                digest.add(result.query.id, name, mask)
                write_bytes(target, _png(mask))
                self._written.add(target)
        self._masks_sha256 = digest.hexdigest()
        masks_file = MasksFile.of(result_file.video, results)
        write_bytes(self.path / "masks.json", masks_file.model_dump_json().encode())
        write_bytes(self.path / "result.json", result_file.model_dump_json(indent=2).encode())

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Remove what an earlier attempt left over and declare the folder complete.

        Args:
            manifest: what the run used beyond this environment: ``weights`` with their sha256, the seed, ...
        """
        if self._masks_sha256 is None:
            raise RuntimeError("write_result comes before finish")
        with writing(self.path):
            self._prune()
        facts = {
            "format": 1,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            **environment(),
            **manifest,
            "masks_sha256": self._masks_sha256,
        }
        write_bytes(self.path / MANIFEST, (json.dumps(facts, indent=2) + "\n").encode())

    def _write_yaml(self, name: str, value: Mapping[str, Any]) -> None:
        text = yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=True, width=100)
        write_bytes(self.path / name, f"{_MARK}\n{text}".encode())

    def _prune(self) -> None:
        for name in _OURS:
            part(self.path / name).unlink(missing_ok=True)
        flat = [self.path / "strips", self.path / "labels"]
        folders = [*flat, *self.path.glob("masks/*/"), *self.path.glob("cutouts/*/")]
        for folder in filter(Path.is_dir, folders):
            for file in folder.iterdir():
                if file not in self._written and file.suffix in (".png", ".jpg", ".part"):
                    file.unlink()
            if not any(folder.iterdir()):
                folder.rmdir()


def strip_name(reference: str, step: str, number: int) -> str:
    """What the strip of a question is called; images that were shown apart have ``-0``, ``-1``, ... behind it.

    Args:
        reference: what was asked about.
        step: of the question, as in its address.
        number: of the clip, the stretch of sound, or the look.
    """
    if step == "lbru":
        return f"{reference}-stretch{number:03d}-lbru"
    if step == "second_look":
        return f"{reference}-look{number}"
    return f"{reference}-clip{number:03d}-{step}"


def is_run(path: Path) -> bool:
    """Whether a run, finished or not, has written this folder."""
    config = path / "config.yaml"
    if not config.is_file():
        return False
    with config.open("rb") as file:
        return file.read(len(_MARK)) == _MARK.encode()


def _union_masks(
    result: TargetResult, frame_names: Sequence[str], size: tuple[int, int]
) -> Iterator[tuple[str, masks.Mask]]:
    """File name and union over the tracks, frame by frame."""
    for frame, name in enumerate(frame_names):
        rles = [track.masks[frame] for track in result.tracks]
        yield f"{name}.png", masks.decode(masks.union(rles) if rles else masks.empty(size))


def _png(mask: masks.Mask) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(buffer, "PNG")
    return buffer.getvalue()
