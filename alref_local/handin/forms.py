"""What an archive of each benchmark holds: published names, and where an evaluation keeps the picture.

The forms are the benchmarks' own. Ref-YouTube-VOS: a folder ``Annotations`` in the zip (ReferFormer's instructions for
the server); MeViS: its video folders directly (its README); Ref-DAVIS17 has no server, this is what ReferFormer's
``eval_davis.py`` reads. All frames that the data set lists, at the size of the frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from alref_local.datasets import Item
from alref_local.errors import ConfigError
from alref_local.evaluate.tasks import query_ids

__all__ = ["FORMS", "Entry", "Form", "find_form"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture of an archive.

    Attributes:
        folder: its folder in the archive.
        file: its name there.
        source: where it is in the run folder of its video.
        values: that its pixels are meant to have.
    """

    folder: str
    file: str
    source: tuple[str, ...]
    values: tuple[int, ...]

    @property
    def name(self) -> str:
        """As the archive lists it."""
        return f"{self.folder}/{self.file}"


@dataclass(frozen=True, slots=True)
class Form:
    """The form of one benchmark.

    Attributes:
        dataset: the benchmark's data set.
        layout: a name in the archive, in words.
        top: the folder that holds everything, if there is one.
        mode: of the pictures, as Pillow names it: ``L`` 8-bit grey, ``P`` palette.
        split: that the benchmark scores.
        entries: all pictures of a video.
        most: up to which number other values are read all the same.
    """

    dataset: str
    layout: str
    top: str
    mode: Literal["L", "P"]
    split: str
    entries: Callable[[Item], Iterator[Entry]]
    most: int = 0


def find_form(dataset: str) -> Form:
    """The form of a data set's archives.

    Raises:
        ConfigError: nobody takes archives of it.
    """
    if dataset not in FORMS:
        raise ConfigError(
            f"There is no published form of archives for '{dataset[:60]}'.",
            hint=f"There is one for {', '.join(FORMS)}; `alref-local export` writes annotation files of any run.",
        )
    return FORMS[dataset]


def _by_sentence(item: Item, *, top: str) -> Iterator[Entry]:
    """A folder for each sentence, binary masks as 0 and 255."""
    queries = query_ids(item)
    for one in item.references:
        folder = "/".join(filter(None, (top, item.id, one.id)))
        for frame in item.frames:
            yield Entry(folder, f"{frame}.png", ("masks", queries[one.id], f"{frame}.png"), (0, 255))


def _by_annotator(item: Item) -> Iterator[Entry]:
    """A folder for each annotator, the numbers of the objects that are described (0: none of them)."""
    numbers = (0, *sorted({one.object for one in item.references}))
    for group in dict.fromkeys(one.group for one in item.references):
        for frame in item.frames:
            yield Entry(f"{group}/{item.id}", f"{frame}.png", ("merged", group, f"{frame}.png"), numbers)


FORMS: Final = {
    form.dataset: form
    for form in (
        Form(
            dataset="ref-youtube-vos",
            layout="Annotations/VIDEO/SENTENCE/FRAME.png",
            top="Annotations",
            mode="L",
            split="valid",
            entries=partial(_by_sentence, top="Annotations"),
        ),
        Form(
            dataset="mevis",
            layout="VIDEO/SENTENCE/FRAME.png",
            top="",
            mode="L",
            split="valid",
            entries=partial(_by_sentence, top=""),
        ),
        Form(
            dataset="ref-davis17",
            layout="anno_K/VIDEO/FRAME.png",
            top="",
            mode="P",
            split="valid",
            entries=_by_annotator,
            most=20,  # proposals, of the unsupervised task
        ),
    )
}
