"""Language-Binded Reference Unification (paper, LBRU; Figure 5(a)): what is heard becomes references in words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from alref_local.reason.grammar import escape
from alref_local.reason.prompts import PromptSet
from alref_local.reason.question import NAME, Address, Answer, AnswerSpec, Question
from alref_local.select.context import ClipContext
from alref_local.select.synonyms import merged
from alref_local.settings import Sound
from alref_local.types import SOUND, Heard, Query, Tag

__all__ = ["categories_of", "joined", "lbru_question", "references", "tag_categories"]


def lbru_question(
    context: ClipContext, tags: Sequence[Tag], names: Sequence[str], prompts: PromptSet, sound: Sound
) -> Question:
    """Ask which things in the frames make the sounds that the classifier heard; "none" is always an answer.

    Args:
        context: the frames of the stretch.
        tags: what the classifier heard in it.
        names: the vocabulary; none: any names.
        prompts: holds ``lbru``, or ``lbru_frame`` where the best frame is asked for too.
        sound: settings.
    """
    frames = context.clip.frames
    return Question(
        step="lbru",
        text=prompts.render(
            "lbru_frame" if sound.frame else "lbru",
            count=len(frames),
            tags=[tag.name for tag in tags],
            names=names,
        ),
        images=context.plain_strip(),
        spec=_spec(len(frames), names, sound),
        address=Address(item=context.item, reference=SOUND, step="lbru", clip=context.clip.index),
        prompt_set=prompts.name,
        fields={"tags": tuple(tag.name for tag in tags), "frames": frames},
    )


def categories_of(heard: Heard, answer: Answer, sound: Sound) -> Heard:
    """What was heard, with the things that the answer names (and with the frames that show them best)."""
    heard = replace(heard, agreement=answer.agreement)
    if not answer.items:
        return replace(heard, note="nothing that is seen makes these sounds")
    if not sound.frame:
        return replace(heard, categories=answer.items)
    places = {name: int(place) for name, _, place in (item.rpartition(": ") for item in answer.items)}
    shown = tuple(heard.frames[place - 1] for place in places.values())
    return replace(heard, categories=tuple(places), shown=shown)


def tag_categories(tags: Sequence[Tag]) -> tuple[str, ...]:
    """The bare labels as categories (Table 4, first row), shortened to their first name: "chirp", "motor vehicle"."""
    return tuple(dict.fromkeys(re.split(r"[,(]", tag.name.casefold())[0].strip() for tag in tags))


def references(heard: Sequence[Heard], sound: Sound) -> tuple[Query, ...]:
    """A query for every thing that sounds, the most often heard first, names of one thing merged."""
    same = merged(name for one in heard for name in one.categories)
    often = Counter(name for one in heard for name in {same[category] for category in one.categories})
    frames: dict[str, int] = {}
    for one in heard:
        for category, frame in zip(one.categories, one.shown, strict=False):
            frames.setdefault(same[category], frame)
    order = sorted(dict.fromkeys(same.values()), key=lambda name: -often[name])
    found: dict[str, Query] = {}
    for name in order[: sound.most]:
        id = _id(name, found)
        caption = sound.caption.replace("{}", name)
        wording = sound.wording.replace("{}", name)
        found[id] = Query(id, wording, caption=caption, frame=frames.get(name), category=name)
    return tuple(found.values())


def joined(query: Query, heard: Sequence[Heard], sound: Sound) -> Query:
    """A sentence whose referent must sound, too: the grounder is given the sentence, the backend is asked for both."""
    names = dict.fromkeys(merged(name for one in heard for name in one.categories).values())
    said = sound.both.replace("{heard}", ", ".join(names)).replace("{}", query.text)
    return replace(query, text=said, caption=query.text)


def _spec(frames: int, names: Sequence[str], sound: Sound) -> AnswerSpec:
    only = names if sound.closed else ()
    if not sound.frame and only:
        return AnswerSpec(tuple(only), "names", max_items=min(sound.most, len(only)), none_allowed=True)
    pattern = f"({'|'.join(map(escape, only))})" if only else NAME
    if sound.frame:
        pattern += f": ({'|'.join(str(place + 1) for place in range(frames))})"
    return AnswerSpec((), "names", max_items=sound.most, none_allowed=True, pattern=pattern)


def _id(name: str, taken: dict[str, Query]) -> str:
    """A folder's name: letters, digits and dashes alone, whatever a model said."""
    letters = re.sub(r"[\W_]+", "-", name).strip("-")
    number, id = 1, (plain := f"{SOUND}-{letters}")
    while id in taken:
        number += 1
        id = f"{plain}-{number}"
    return id
