"""The replies that the tiny Qwen2-VL is taught: what it sees first, box by box or frame by frame, then the list.

A tower this small cannot weigh a whole strip in one token. It can read one thing at a time, and compare what it has
written down.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alref_local.reason.grammar import MARKER
from alref_local.world import CLASSES, COLOURS, ObjectSpec, Scene
from alref_local.world.palette import SIZES
from qwen2_vl_truth import BINS, COLUMNS, Cells, bins, entry_side, spots

Kind = Literal["frame", "id", "name", "word", "place", "state", "verdict", "way", "other", "given"]
WEIGHTS: Final[Mapping[Kind, float]] = {
    "frame": 3.0, "id": 3.0, "name": 2.0, "word": 1.0, "place": 0.7, "state": 1.0, "verdict": 3.0, "way": 1.5,
    "other": 0.2, "given": 0.0,
}  # fmt: skip
MOVES: Final = re.compile(r"\b(moving|enters|stays)\b")
TELLS: Final = re.compile(r" (?:on the|at the|left of|right of|above|below|moving|enters|stays)\b")
"""Words by which a sentence tells things of one name apart."""
PLACED: Final = re.compile(r" (?:on the|at the) (?:left|right|top|bottom)\b")
MARK: Final = re.compile(r" (?:left of|right of|above|below) the (\w+) (\w+)")
_HEAD: Final = re.compile(r" (?:on|at|moving|that|left|right|above|below) ")
_HIDDEN: Final = 0.3  # visible share below which an object has no place
_ATTRIBUTES: Final = frozenset({*CLASSES, *COLOURS, *SIZES})


Place = tuple[int, int]
"""Column and row of the middle of a thing, see `BINS`."""


class Piece(NamedTuple):
    """A part of a reply; `look` are the cells in which it can be read, (4, 5 panels), if there are any."""

    text: str
    kind: Kind = "other"
    look: Cells | None = None


class View(NamedTuple):
    """A scene on a strip: its sampled frames and the seen pixels of each object in each cell."""

    scene: Scene
    frames: Sequence[int]
    counts: NDArray[np.int64]

    def cells(self, i: int, panel: int | None = None) -> Cells:
        """Where object `i` is, on one panel or on all."""
        seen = spots(self.counts, (i,))
        if panel is not None:
            seen = seen & (np.arange(seen.shape[1]) // COLUMNS == panel)
        return seen

    def place(self, i: int, panel: int) -> list[Piece]:
        """`` c4``: the row and the column of the middle of object `i`; `` no`` where it is not seen."""
        if self.scene.tracks.visible[i, self.frames[panel]] < _HIDDEN:
            return [Piece(" no", "place")]
        column, row = bins(self.scene, self.frames[panel])[i]
        look = self.cells(i, panel)
        return [Piece(f" {chr(ord('a') + row)}", "place", look), Piece(str(column), "place", look)]


def box_reply(
    view: View, text: str, panel: int, inside: Sequence[int | None], ids: Sequence[int]
) -> list[Piece]:
    """What each box of a panel holds and where it is, on all panels if the sentence speaks of motion."""
    moves = MOVES.search(text)
    pieces, mark = _mark(view, text, panel)
    for number, i in enumerate(inside, 1):
        pieces.append(Piece(f", {number}" if pieces else str(number)))
        if i is None:
            pieces.append(Piece(" none", "word"))
            continue
        thing = view.scene.objects[i]
        pieces += words_of(thing, view.cells(i, panel))
        for at in range(len(view.frames)) if moves else (panel,):
            pieces += view.place(i, at)
        if moves:
            pieces.append(way(text, thing, entry_side(view.scene, i)))
        pieces += sides(text, cell(view, i, panel), mark)
        pieces.append(verdict(text, thing, meant=number in ids))
    return [*pieces, *listed([str(n) for n in ids], "id")]


def sides(text: str, at: Place, mark: Place | None) -> list[Piece]:
    """For a sentence about a place: on which side a thing is across and down, of the frame or of the mark."""
    beside = MARK.search(text)
    if (beside and mark is None) or not (beside or PLACED.search(text)):
        return []
    middle = mark or (BINS[0] // 2, BINS[1] // 2)
    words = (" left", " right"), (" above", " below") if beside else (" top", " bottom")
    return [Piece(pair[at[axis] >= middle[axis]], "way") for axis, pair in enumerate(words)]


def verdict(text: str, thing: ObjectSpec, *, meant: bool) -> Piece:
    """Whether the sentence fits a thing: all it says can be read from the box's own words, and the mark's.

    "On the left" is the left half: of those that the name fits, only the one that is meant is there, in this world.
    """
    fits = named_by(text, thing) and (meant or not TELLS.search(text))
    return Piece(" fits" if fits else " not", "verdict")


def named_by(text: str, thing: ObjectSpec) -> bool:
    """Whether the sentence's name fits a thing, wherever it is: its class, colour and size as far as it gives them."""
    named = _HEAD.split(text.lower().rstrip("."))[0].split()
    wanted = {word.removesuffix("s") if word not in CLASSES else word for word in named}
    return wanted & _ATTRIBUTES <= {thing.class_name, thing.colour, thing.size_name}


def way(text: str, thing: ObjectSpec, entered: str | None) -> Piece:
    """How a thing moves, or for a sentence that speaks of entering, from where it came."""
    if "enters" in text:
        return Piece(f" {entered or 'there'}", "way")
    return Piece(f" {'moving' if thing.motion == 'curved' else thing.motion}", "way")


def cell(view: View, i: int, panel: int) -> Place:
    """Where the middle of object `i` is on a panel."""
    column, row = bins(view.scene, view.frames[panel])[i]
    return int(column), int(row)


def _mark(view: View, text: str, panel: int) -> tuple[list[Piece], Place | None]:
    """The object that the sentence's own is beside, and its place if it is seen."""
    said = MARK.search(text)
    if said is None:
        return [], None
    colour, name = (word.rstrip(".") for word in said.groups())
    named = [i for i, o in enumerate(view.scene.objects) if (o.colour, o.class_name) == (colour, name)]
    place = view.place(named[0], panel) if named else [Piece(" no", "place")]
    return [Piece(f"{name} {colour}"), *place], cell(view, named[0], panel) if len(place) > 1 else None


def frame_reply(view: View, referents: Sequence[int], answer: int) -> list[Piece]:
    """What is meant, how much each panel shows of it (of the least seen, if several), and one panel's number."""
    if not referents:
        return [Piece("none", "word"), *listed(["1"], "other")]
    pieces: list[Piece] = []
    for i in sorted(referents, key=lambda i: str(view.scene.objects[i])):
        words = words_of(view.scene.objects[i], view.cells(i))
        if not pieces:
            words[0] = words[0]._replace(text=words[0].text.lstrip())
        pieces += [Piece(",")] * bool(pieces) + words
    pieces.append(Piece(":"))
    tracks, chosen = view.scene.tracks, list(referents)
    for at, t in enumerate(view.frames):
        least = tracks.visible[chosen, t].min()
        state = "whole" if tracks.good[chosen, t].all() else "part" if least >= _HIDDEN else "no"
        look = np.logical_or.reduce([view.cells(i, at) for i in chosen])
        pieces.append(Piece(f" {state}", "state", look if state != "no" else None))
    return [*pieces, *listed([str(answer)], "frame")]


def sound_reply(view: View, heard: Sequence[str], seen: Sequence[str]) -> list[Piece]:
    """Of each class that is heard whether it is seen; the list holds those that are."""
    pieces: list[Piece] = []
    for name in heard:
        of_class = [i for i, o in enumerate(view.scene.objects) if o.class_name == name]
        look = np.logical_or.reduce([view.cells(i) for i in of_class]) if name in seen else None
        pieces += [
            Piece(f", {name}" if pieces else name, "word"),
            Piece(" seen" if name in seen else " no", "state", look),
        ]
    return [
        *(pieces or [Piece("none", "word")]),
        *listed([n for n in heard if n in seen], "name"),
    ]


def words_of(thing: ObjectSpec, look: Cells) -> list[Piece]:
    """Class first: where the sentence names it, the model need not guess what to look for."""
    return [Piece(f" {word}", "word", look) for word in (thing.class_name, thing.colour, thing.size_name)]


def listed(items: Sequence[str], kind: Kind) -> list[Piece]:
    """The list; how many there are is no part of the answer to the frame question."""
    around: Kind = "other" if kind == "frame" else kind
    quote = '"' * (kind == "name")
    pieces = [Piece(f".\n{MARKER}"), Piece(f" [{quote}" if items else " []", around)]
    for at, item in enumerate(items):
        pieces += [Piece(f"{quote}, {quote}", around)] * bool(at) + [Piece(item, kind)]
    return [*pieces, *[Piece(f"{quote}]", around)] * bool(items), Piece("<|im_end|>")]
