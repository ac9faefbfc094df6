"""The authors' GPT-4 replies as recorded replies of ours: whoever has AVSBench repeats its tables without an API.

Each of their answers says what sounds and which frame shows it. ``released-like/*`` ask for both in one question, so
there it stays one; ``paper/*`` ask for the things first (LBRU) and then for the frame of each. Where they asked for no
box, because there was at most one, the first is recorded. What prompt and pictures they sent is not published, so that
replay cannot check it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from alref_local.configs import load_config
from alref_local.errors import ConfigError
from alref_local.evaluate.names import folder_names
from alref_local.files import write_bytes
from alref_local.reason.question import NAME, Address, Step
from alref_local.reproduce.published import Published, Reply, read_published
from alref_local.select.references import references
from alref_local.select.vocabulary import vocabulary
from alref_local.settings import Sound
from alref_local.types import SOUND, Heard

__all__ = ["Imported", "import_replies"]

SUBSETS: Final = {"s4": "avs-s4", "ms3": "avs-ms3", "v2_binary": "avs-v2-binary", "avss": "avs-avss"}
"""The authors' names of the subsets, and ours of the data sets."""

PROTOCOLS: Final = ("paper", "released-like")


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of one subset.

    Attributes:
        dataset: our name.
        videos: answers about what sounds and when it is seen best.
        empty: those of them that name nothing.
        things: how many things they name in all.
        off_list: the things that are none of AVSBench's 70 classes.
        boxes: answers about boxes.
        events: videos whose sound events are known.
    """

    dataset: str
    videos: int
    empty: int
    things: int
    off_list: int
    boxes: int
    events: int


def import_replies(source: Path, out: Path) -> list[Imported]:
    """Write ``OUT/PROTOCOL/DATASET/calls.jsonl`` for ``replay:``, and ``events.json`` for ``sound.events.known``.

    Args:
        source: the authors' folder ``avs``, with ``gpt_results`` and ``audio_segment``.
        out: created if need be.

    Raises:
        ConfigError: there are no replies, or a file is not of the authors' form.
    """
    found = {subset: read_published(source, subset) for subset in SUBSETS}
    if not any(found.values()):
        raise ConfigError(
            f"There are no replies in {source}.", hint="Name the folder `avs` of the authors' repository."
        )
    told: list[Imported] = []
    for subset, published in found.items():
        if published is None:
            continue
        for protocol in PROTOCOLS:
            name = f"{protocol}/{SUBSETS[subset]}"
            sound = load_config(name).sound
            lines = (json.dumps(line) + "\n" for line in _lines(published, sound))
            write_bytes(out / name / "calls.jsonl", "".join(lines).encode())
            if published.events:
                events = dict(
                    zip(folder_names(published.events).values(), published.events.values(), strict=True)
                )
                write_bytes(out / name / "events.json", json.dumps(events).encode())
        told.append(_counted(SUBSETS[subset], published))
    return told


def _counted(dataset: str, published: Published) -> Imported:
    replies, listed = published.replies.values(), set(vocabulary("avsbench"))
    things = [thing.casefold() for reply in replies for thing in reply.frames]
    return Imported(
        dataset,
        videos=len(replies),
        empty=sum(not reply.frames for reply in replies),
        things=len(things),
        off_list=sum(thing not in listed for thing in things),
        boxes=sum(len(reply.boxes) for reply in replies),
        events=len(published.events),
    )


def _lines(published: Published, sound: Sound) -> Iterator[dict[str, Any]]:
    names = folder_names(published.replies)
    for video, reply in published.replies.items():
        yield from _answers(names[video], reply, sound)


def _answers(item: str, reply: Reply, sound: Sound) -> Iterator[dict[str, Any]]:
    """The answers about one video, under the questions that a config asks."""
    frames = {thing.casefold(): place for thing, place in reply.frames.items()}
    boxes = {thing.casefold(): number for thing, number in reply.boxes.items()}
    if bad := [thing for thing in frames if not re.fullmatch(NAME, thing)]:
        raise ConfigError(f"'{bad[0][:40]}' in {item} cannot be the name of a thing.")
    said = [f"{thing}: {place}" for thing, place in frames.items()] if sound.frame else list(frames)
    yield _line(item, SOUND, "lbru", said)
    # Names of one thing become one reference: its first name's frame and box count.
    for query in references([Heard(0, 0, 0, (), categories=tuple(frames))], sound):
        if not sound.frame:
            yield _line(item, query.id, "pivot_frame", [str(frames[query.category])])
        yield _line(item, query.id, "pivot_box", [str(boxes.get(query.category, 1))])


def _line(item: str, reference: str, step: Step, answer: Sequence[str]) -> dict[str, Any]:
    """As a line of a call log; hashes that are not known are null."""
    return {
        "address": asdict(Address(item, reference, step, clip=0)),
        "attempt": 1,
        "backend": "the authors' GPT-4",
        "model": "",
        "prompt_sha256": None,
        "image_sha256s": None,
        "raw": f"[{', '.join(answer)}]",
        "answer": list(answer),
        "error": None,
        "error_type": None,
    }
