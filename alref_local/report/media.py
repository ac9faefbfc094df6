"""Pictures and videos of one item, brought into the report as its pages ask for them."""

from __future__ import annotations

from pathlib import Path

from alref_local.compare.scan import ComparedItem, Sentence
from alref_local.masks import area, decode, encode
from alref_local.report.folder import ReportFolder
from alref_local.report.pictures import PICTURE, THUMB, Overlay, jpeg, outlined, read_overlay
from alref_local.types import ClipReasoned, Rle

__all__ = ["ItemMedia"]


class ItemMedia:
    """The media of one video; each overlay is decoded once.

    Args:
        item: the video.
        number: under which its files go.
        folder: of the report.

    ``times`` are the seconds at which the frames begin, and the end, where the rate of the video varies.
    """

    def __init__(self, item: ComparedItem, number: int, folder: ReportFolder) -> None:
        self._item, self._folder, self._name = item, folder, f"{number:06d}"
        self._true = {sentence.id: self._read_truth(sentence) for sentence in item.sentences}
        self._strips: dict[Path, str | None] = {}
        self._overlays = [self._overlay(run) for run in range(len(item.runs))]
        self.times = next((one.times for one in self._overlays if one.times), ())
        self.videos = [
            folder.take_media(f"{self._name}/{run}.mp4", one.folder / "overlay.mp4")
            for run, one in enumerate(item.runs)
        ]

    def true_frames(self, sentence: Sentence) -> list[int] | None:
        """The frames on which the truth shows what is meant; ``None`` where it is not known."""
        masks = self._true[sentence.id]
        return None if masks is None else [frame for frame, mask in masks.items() if area(mask)]

    def true_mask(self, sentence: Sentence, frame: int) -> Rle | None:
        """What is meant on a frame, if that is known."""
        return (self._true[sentence.id] or {}).get(frame)

    def thumbs(self, sentence: Sentence) -> list[str | None]:
        """By run, a small picture of the same frame: in the middle of where the thing is."""
        frame = self._middle(sentence)
        place = self._item.sentences.index(sentence)
        return [
            self._picture(f"{run}-{place}-thumb", run, frame, sentence, THUMB)
            for run in range(len(self._overlays))
        ]

    def pivot_picture(self, sentence: Sentence, run: int, clip: ClipReasoned) -> str | None:
        """The pivot frame of a clip with the run's mask, and the outline of what is true."""
        if clip.frame is None:
            return None
        place = self._item.sentences.index(sentence)
        return self._picture(f"{run}-{place}-{clip.frame}", run, clip.frame, sentence, PICTURE)

    def strips(self, run: int, name: str) -> list[str]:
        """The images of a question, as they were sent: one strip, or frames one by one."""
        folder = self._item.runs[run].folder / "strips"
        apart = sorted(folder.glob(f"{name}-*.jpg"), key=lambda file: (len(file.name), file.name))
        return [address for file in (folder / f"{name}.jpg", *apart) if (address := self._strip(run, file))]

    def _strip(self, run: int, file: Path) -> str | None:
        if file not in self._strips:
            name = f"{self._name}/{run}-strip{len(self._strips)}.jpg"
            self._strips[file] = self._folder.take_media(name, file)
        return self._strips[file]

    def _picture(self, name: str, run: int, frame: int, sentence: Sentence, longest: int) -> str | None:
        image = self._overlays[run].frames.get(frame)
        if image is None:
            return None
        true = self.true_mask(sentence, frame)
        drawn = image if true is None else outlined(image, decode(true))
        return self._folder.write_media(f"{self._name}/{name}.jpg", jpeg(drawn, longest))

    def _overlay(self, run: int) -> Overlay:
        """With every frame that some page shows a picture of."""
        one, sentences = self._item.runs[run], self._item.sentences
        wanted = {
            clip.frame for sentence in sentences for clip in sentence.clips[run] if clip.frame is not None
        }
        wanted |= {self._middle(sentence) for sentence in sentences}
        return read_overlay(one.folder, wanted, (one.video.height, one.video.width))

    def _middle(self, sentence: Sentence) -> int:
        """Where the thing is, or where a run sees it; or the middle of the video."""
        length = len(self._item.runs[0].video.frame_names)
        seen = self.true_frames(sentence) or [
            frame
            for frame in range(length)
            if any(area(track.masks[frame]) for result in sentence.results for track in result.tracks)
        ]
        return seen[len(seen) // 2] if seen else length // 2

    def _read_truth(self, sentence: Sentence) -> dict[int, Rle] | None:
        """Mask by frame; a frame without truth is left out."""
        if sentence.judge is None:
            return None
        video = self._item.runs[0].video
        masks = ((frame, sentence.judge.mask(video, frame)) for frame in range(len(video.frame_names)))
        return {frame: encode(mask) for frame, mask in masks if mask is not None}
