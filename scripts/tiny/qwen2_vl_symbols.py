"""Sheets without a picture of their own: what was seen is given, and only the choice is learned.

Comparing what has been written down takes many examples and no pixels; without these, a model that described every
box rightly still chose the wrong one in an eighth of the cases.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from alref_local.media.strip import BOX_COLOUR_NAMES
from alref_local.world import CLASSES, COLOURS, ObjectSpec
from alref_local.world.labels import SOUND_LABELS
from alref_local.world.palette import SIZES
from qwen2_vl_data import MOST_BOXES, SIDE, Asked, Sheet
from qwen2_vl_reply import MOVES, TELLS, Piece, listed, sides, verdict, way
from qwen2_vl_truth import BINS, COLUMNS, LABELS, ROWS
from qwen2_vl_words import draw_tags, draw_wording, reword

_WAYS: Final = {
    "still": (0, 0),
    "left": (-1, 0),
    "right": (1, 0),
    "up": (0, -1),
    "down": (0, 1),
    "curved": (1, 1),
}
_SAID: Final = {
    "left": "moving to the left", "right": "moving to the right", "up": "moving up", "down": "moving down",
    "still": "that stays still",
}  # fmt: skip
_ENTERS: Final = {"right": "left", "left": "right", "down": "top", "up": "bottom"}
_KINDS: Final = {
    "class": 0.02, "colour": 0.07, "size": 0.06, "place": 0.24, "motion": 0.15, "enters": 0.09, "relation": 0.24,
    "class plural": 0.03, "colour plural": 0.03, "absent": 0.07,
}  # fmt: skip
_PLACES: Final = (
    ("on the left", "left of", 0, 1),
    ("on the right", "right of", 0, -1),
    ("at the top", "above", 1, 1),
    ("at the bottom", "below", 1, -1),
)


@dataclass(frozen=True, slots=True)
class Token:
    """A thing in words: its look, where it is on the pivot panel, and on every panel (None: not seen)."""

    thing: ObjectSpec
    at: tuple[int, int]
    course: tuple[tuple[int, int] | None, ...]
    enters: bool


def symbol_sheet(panels: int, questions: int, rng: np.random.Generator) -> Sheet:
    """Questions about boxes, or about sounds; its picture has no height, and another of as many panels is borrowed.

    With a grey one, what is learned is not done where there is something to see.
    """
    pixels = np.zeros((0, panels * SIDE[1], 3), np.uint8)
    labels = np.zeros((len(LABELS), ROWS, COLUMNS * panels), np.int64)
    ask = (_asked_boxes, _asked_frames, _asked_sounds)[int(rng.choice(3, p=(0.8, 0.12, 0.08)))]
    asked: tuple[Asked, ...] = ()
    while not asked:
        asked = tuple(ask(panels, questions, rng))
    return Sheet(pixels, labels, asked)


def _asked_sounds(panels: int, questions: int, rng: np.random.Generator) -> Iterator[Asked]:
    prompts = draw_wording(rng)
    for _ in range(questions):
        names = [str(c) for c in rng.permutation(list(SOUND_LABELS))]
        seen = names[: rng.integers(1, 4)]
        tags, heard = draw_tags(seen, names[4:], rng)
        reply: list[Piece] = []
        for name in heard:
            state = " seen" if name in seen else " no"
            reply += [Piece(f", {name}" if reply else name, "word"), Piece(state, "given")]
        reply = [*(reply or [Piece("none", "word")]), *listed([n for n in heard if n in seen], "name")]
        yield Asked(prompts.render("lbru", count=panels, tags=tags), reply)


def _asked_frames(panels: int, questions: int, rng: np.random.Generator) -> Iterator[Asked]:
    """How much each frame shows is given; the last frame that shows all is right."""
    prompts = draw_wording(rng)
    for token in (one for _ in range(questions) for one in _things(panels, rng)[:1]):
        thing = token.thing
        first, last = sorted(rng.integers(panels, size=2).tolist())
        outside = str(rng.choice(["no", "part"]))
        states = ["whole" if first <= k <= last else str(rng.choice(["no", outside])) for k in range(panels)]
        text = reword(f"the {thing.colour} {thing.class_name}", rng)
        share = np.zeros(panels, np.float32)
        share[last] = 1
        reply = [Piece(f"{thing.class_name} {thing.colour} {thing.size_name}", "given"), Piece(":")]
        reply += [Piece(f" {state}", "given") for state in states]
        prompt = prompts.render("pivot_frame", reference=text, count=panels)
        yield Asked(prompt, [*reply, *listed([str(last + 1)], "frame")], share)


def _asked_boxes(panels: int, questions: int, rng: np.random.Generator) -> Iterator[Asked]:
    """Sentences about the same boxes."""
    prompts = draw_wording(rng)
    frame, none_allowed = int(rng.integers(1, panels + 1)), bool(rng.random() < 0.85)
    things = _things(panels, rng)
    shown = things[:MOST_BOXES]
    drawn = (
        _sentence(things, str(rng.choice(list(_KINDS), p=list(_KINDS.values()))), rng)
        for _ in range(20 * questions)
    )
    said = {one[0]: one for one in drawn if one is not None and (none_allowed or set(one[1]) & set(shown))}
    # Most scenes have few sentences that compare, and these take longest to learn.
    order = sorted(said.values(), key=lambda one: rng.random() + (not TELLS.search(one[0])))
    for text, right, mark in order[:questions]:
        worded = reword(text, rng)
        prompt = prompts.render(
            "pivot_box", reference=worded, count=panels, frame=frame, boxes=BOX_COLOUR_NAMES[: len(shown)],
            none_allowed=none_allowed,
        )  # fmt: skip
        ids = [str(n) for n, token in enumerate(shown, 1) if token in right]
        yield Asked(prompt, [*_described(shown, right, worded, mark), *listed(ids, "id")])


def _described(shown: Sequence[Token], right: Sequence[Token], text: str, mark: Token | None) -> list[Piece]:
    """As `box_reply` says it; the model is not asked to guess what only a picture shows."""
    reply: list[Piece] = []
    moves = MOVES.search(text)
    if mark is not None:
        reply += [Piece(f"{mark.thing.class_name} {mark.thing.colour}", "given"), *_place(mark.at)]
    for number, token in enumerate(shown, 1):
        thing = token.thing
        words = f" {thing.class_name} {thing.colour} {thing.size_name}"
        reply += [Piece(f", {number}" if reply else str(number)), Piece(words, "given")]
        for at in token.course if moves else (token.at,):
            reply += _place(at)
        if moves:
            reply.append(way(text, thing, _ENTERS[thing.motion] if token.enters else None))
        reply += sides(text, token.at, None if mark is None else mark.at)
        reply.append(verdict(text, thing, meant=token in right))
    return reply


def _place(at: tuple[int, int] | None) -> list[Piece]:
    if at is None:
        return [Piece(" no", "given")]
    return [Piece(f" {chr(ord('a') + at[1])}{at[0]}", "given")]


def _things(panels: int, rng: np.random.Generator) -> list[Token]:
    """Two to five things, often of one class, no two alike in every word."""
    name, colour = str(rng.choice(CLASSES)), str(rng.choice(list(COLOURS)))
    out: dict[ObjectSpec, Token] = {}
    for _ in range(int(rng.choice(4, p=[0.1, 0.35, 0.4, 0.15])) + 2):
        motion = str(rng.choice(list(_WAYS)))
        thing = ObjectSpec(
            name if rng.random() < 0.55 else str(rng.choice(CLASSES)),
            colour if rng.random() < 0.3 else str(rng.choice(list(COLOURS))),
            str(rng.choice(list(SIZES))),
            motion,
        )
        enters = motion not in ("still", "curved") and rng.random() < 0.4
        course = _course(motion, panels, rng, enters=enters)
        seen = [at for at in course if at is not None]
        if all(
            (o.class_name, o.colour, o.size_name) != (thing.class_name, thing.colour, thing.size_name)
            for o in out
        ):
            out[thing] = Token(thing, seen[int(rng.integers(len(seen)))], course, enters)
    return list(out.values())


def _course(
    motion: str, panels: int, rng: np.random.Generator, *, enters: bool
) -> tuple[tuple[int, int] | None, ...]:
    """Steps of about a bin a panel; one that enters comes from beyond the border behind it."""
    direction = np.array(_WAYS[motion])
    if motion == "curved":
        direction = rng.choice([-1, 1], 2)
    step = rng.uniform(0.7, 2.4) * 5 / max(panels - 1, 3)
    start = rng.uniform(1, np.array(BINS) - 2)
    axis, sign = int(direction[1] != 0), int(direction.sum())
    if enters:
        border = -0.4 if sign > 0 else BINS[axis] + 0.4
        start[axis] = border - sign * step * rng.integers(panels - 1)
    elif sign and motion != "curved":
        room = rng.uniform(0, max(0.1, BINS[axis] - step * (panels - 1)))
        start[axis] = room if sign > 0 else BINS[axis] - room
    hidden = [] if enters else rng.permutation(panels)[: rng.choice(3, p=[0.7, 0.2, 0.1])].tolist()
    places = np.floor(start + np.outer(np.arange(panels) * step, direction)).astype(int)
    inside = np.all((places >= 0) & (places < BINS), axis=1)
    inside[hidden] = False
    if not inside.any():
        places, inside[-1] = np.clip(places, 0, np.array(BINS) - 1), True
    return tuple((int(x), int(y)) if seen else None for (x, y), seen in zip(places, inside, strict=True))


def _sentence(
    things: Sequence[Token], kind: str, rng: np.random.Generator
) -> tuple[str, list[Token], Token | None] | None:
    """A sentence, what it means, and what it is told by; None where it would name nothing, or not for sure."""
    one = things[int(rng.integers(len(things)))]
    o = one.thing
    same = [t for t in things if t.thing.class_name == o.class_name]
    if kind == "absent":
        return _absent(things, rng)
    if kind == "class plural":
        numbers = {2: "two", 3: "three", 4: "four", 5: "five"}
        return (f"the {numbers[len(same)]} {o.class_name}s", same, None) if len(same) > 1 else None
    if kind == "colour plural":
        alike = [t for t in things if t.thing.colour == o.colour]
        return (f"all {o.colour} objects", alike, None) if 1 < len(alike) < len(things) else None
    rivals = [t for t in same if t is not one]
    if kind in ("class", "colour", "size"):
        word = {"class": "", "colour": f"{o.colour} ", "size": f"{o.size_name} "}[kind]
        alone = all(
            {"class": False, "colour": t.thing.colour != o.colour, "size": t.thing.size_name != o.size_name}[
                kind
            ]
            for t in rivals
        )
        return (f"the {word}{o.class_name}", [one], None) if alone else None
    if not rivals:
        return None
    if kind == "motion":
        if o.motion == "curved":
            return None
        alone = (
            all(t.thing.motion != o.motion for t in rivals) and sum(at is not None for at in one.course) > 1
        )
        return (f"the {o.class_name} {_SAID[o.motion]}", [one], None) if alone else None
    if kind == "enters":
        alone = one.enters and all(not (t.enters and t.thing.motion == o.motion) for t in rivals)
        return (
            (f"the {o.class_name} that enters from the {_ENTERS[o.motion]}", [one], None) if alone else None
        )
    words, beside, axis, sign = _PLACES[int(rng.integers(4))]
    if kind == "place":
        near = [t for t in same if (t.at[axis] + 0.5) * sign < BINS[axis] / 2 * sign]
        return (f"the {o.class_name} {words}", [one], None) if near == [one] else None
    marks = [t for t in things if t.thing.class_name != o.class_name]
    if not marks:
        return None
    mark = marks[int(rng.integers(len(marks)))]
    named = (mark.thing.class_name, mark.thing.colour)
    twins = [t for t in marks if t is not mark and (t.thing.class_name, t.thing.colour) == named]
    gap = (mark.at[axis] - one.at[axis]) * sign
    apart = gap >= 1 and all((t.at[axis] - mark.at[axis]) * sign > 0 for t in rivals)
    text = f"the {o.class_name} {beside} the {mark.thing.colour} {mark.thing.class_name}"
    return (text, [one], mark) if apart and not twins else None


def _absent(things: Sequence[Token], rng: np.random.Generator) -> tuple[str, list[Token], None] | None:
    """Words of which some fit: another class in a colour that is there, another colour of a class that is there."""
    one, other = (things[int(i)].thing for i in rng.integers(len(things), size=2))
    name = one.class_name if rng.random() < 0.5 else str(rng.choice(CLASSES))
    colour = other.colour if name != one.class_name else str(rng.choice(list(COLOURS)))
    if rng.random() < 0.3:
        colour = ""
    if any(t.thing.class_name == name and colour in ("", t.thing.colour) for t in things):
        return None
    return f"the {colour} {name}".replace("  ", " "), [], None
