"""Step 1, pivot frame selection: on which sampled frame can the referent be told best (paper, Figure 5(b))."""

from __future__ import annotations

from alref_local.reason.prompts import PromptSet
from alref_local.reason.question import AnswerSpec, Question
from alref_local.select.context import ClipContext
from alref_local.types import Query

__all__ = ["frame_of", "pivot_frame_question"]


def pivot_frame_question(context: ClipContext, query: Query, prompts: PromptSet) -> Question:
    """Ask for one id of the strip; ids are positions in the clip, counted from 1."""
    count = len(context.clip.frames)
    return Question(
        step="pivot_frame",
        text=prompts.render("pivot_frame", reference=query.text, count=count),
        images=context.plain_strip(),
        spec=AnswerSpec(allowed=tuple(str(i) for i in range(1, count + 1))),
        address=context.address(query, "pivot_frame"),
        prompt_set=prompts.name,
        fields={"reference": query.text, "frames": context.clip.frames},
    )


def frame_of(context: ClipContext, answer_id: int) -> int:
    """The frame number behind an id of the strip."""
    return context.clip.frames[answer_id - 1]
