"""Step 2, pivot box selection: which candidate box on the pivot frame holds the referent (paper, Figure 5(c))."""

from __future__ import annotations

from collections.abc import Sequence

from alref_local.media.strip import BOX_COLOUR_NAMES
from alref_local.reason.prompts import PromptSet
from alref_local.reason.question import AnswerSpec, Question, Turn
from alref_local.select.context import ClipContext
from alref_local.settings import Reasoning
from alref_local.types import Candidate, Query

__all__ = ["pivot_box_question"]


def pivot_box_question(
    context: ClipContext,
    query: Query,
    frame: int,
    candidates: Sequence[Candidate],
    prompts: PromptSet,
    reasoning: Reasoning,
    history: tuple[Turn, ...],
    most: int = 1,
) -> Question:
    """Ask for labels of the candidates painted on ``frame``, ``most`` at most; they count from 1, best score first."""
    boxes = [candidate.box for candidate in candidates]
    text = prompts.render(
        reasoning.box_prompt,
        reference=query.text,
        count=len(context.clip.frames),
        frame=context.clip.frames.index(frame) + 1,
        boxes=BOX_COLOUR_NAMES[: len(boxes)],
        none_allowed=reasoning.none_allowed,
    )
    return Question(
        step="pivot_box",
        text=text,
        images=context.painted_strip(frame, boxes),
        spec=AnswerSpec(
            allowed=tuple(str(i) for i in range(1, len(boxes) + 1)),
            max_items=min(most, len(boxes)),
            none_allowed=reasoning.none_allowed,
        ),
        address=context.address(query, "pivot_box"),
        prompt_set=prompts.name,
        fields={"reference": query.text, "frame": frame, "boxes": tuple(tuple(box) for box in boxes)},
        history=history if reasoning.history else (),
    )
