"""Pivot selection on one clip for one query, step by step (paper, GPT-Assisted Pivot Selection)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from alref_local.reason.prompts import PromptSet
from alref_local.reason.question import Answer, Question, Turn
from alref_local.seams import Backend
from alref_local.select.context import ClipContext
from alref_local.select.pivot_box import pivot_box_question
from alref_local.select.pivot_frame import frame_of, pivot_frame_question
from alref_local.settings import Settings
from alref_local.types import Candidate, ClipReasoned, Image, Pivot, Query

__all__ = ["ClipReasoner"]


_T = TypeVar("_T")


class _Tools(Protocol):
    """What the reasoner needs of the engine."""

    settings: Settings
    prompts: PromptSet

    @property
    def backend(self) -> Backend: ...
    async def perceive(self, work: Callable[..., _T], *args: Any) -> _T: ...
    async def propose(
        self, image: Image, text: str, thresholds: tuple[float, float] | None = None
    ) -> list[Candidate]: ...


class ClipReasoner:
    """Collects what is decided about one query on one clip; a step that fails leaves the earlier ones standing."""

    def __init__(self, context: ClipContext, query: Query, tools: _Tools) -> None:
        self.context, self.query, self.tools = context, query, tools
        self.frame: int | None = None
        self.candidates: Sequence[Candidate] = ()
        self.chosen: Sequence[Candidate] = ()
        self.history: tuple[Turn, ...] = ()
        self.strips: dict[str, tuple[bytes, ...]] = {}
        self.note = ""
        self.confidence: dict[str, float] = {}
        self.agreement: dict[str, float] = {}

    async def pivot_frame(self) -> int:
        """Step 1; a clip with one sampled frame, or one that the query names, leaves nothing to ask.

        Raises:
            AnswerError: no valid answer came.
        """
        if len(self.context.clip.frames) == 1:
            return self.context.clip.frames[0]
        if self.query.frame in self.context.clip.frames:
            return self.query.frame
        question = await self.tools.perceive(
            pivot_frame_question, self.context, self.query, self.tools.prompts
        )
        answer = await self._ask(question)
        self.history = (Turn(question.text, question.images, answer.raw),)
        return frame_of(self.context, answer.ids[0])

    async def propose(self, frame: int, thresholds: tuple[float, float] | None = None) -> None:
        """Candidate boxes on the pivot frame, at other (box, text) thresholds if given."""
        self.frame = frame
        text = self.query.caption or self.query.text
        self.candidates = await self.tools.propose(self.context.image(frame), text, thresholds)
        if not self.candidates:
            self.note = "no candidate box on the pivot frame"

    async def pivot_box(self) -> None:
        """Step 2, or the best-scoring candidate where the config leaves nothing to ask.

        Raises:
            AnswerError: no valid answer came.
        """
        settings = self.tools.settings
        if self.frame is None or not self.candidates:
            return
        if settings.pivots.box == "best" or (len(self.candidates) == 1 and not settings.reasoning.ask_single):
            self.take_best()
            return
        question = await self.tools.perceive(
            pivot_box_question,
            self.context,
            self.query,
            self.frame,
            self.candidates,
            self.tools.prompts,
            settings.reasoning,
            self.history,
            len(self.candidates) if settings.pivots.select == "many" else 1,
        )
        answer = await self._ask(question)
        self.chosen = [self.candidates[label - 1] for label in answer.ids]
        if not self.chosen:
            self.note = "none of the candidates fits"

    def take_best(self) -> None:
        """The candidate with the highest score becomes the pivot box."""
        self.chosen = sorted(self.candidates, key=lambda one: -one.score)[:1]

    def outcome(self) -> ClipReasoned:
        """What was settled."""
        clip, frame = self.context.clip, self.frame
        pivots = () if frame is None else tuple(Pivot(clip.index, frame, c.box, c.score) for c in self.chosen)
        return ClipReasoned(
            self.query.id,
            clip,
            frame,
            tuple(self.candidates),
            pivots,
            self.note,
            self.confidence,
            self.agreement,
        )

    async def _ask(self, question: Question) -> Answer:
        """The answer; what was shown is kept, and how sure the model was."""
        self.strips[question.step] = tuple(image.data for image in question.images)
        answer = await self.tools.backend.ask(question)
        if answer.confidence is not None:
            self.confidence[question.step] = round(answer.confidence, 6)
        if answer.agreement is not None:
            self.agreement[question.step] = round(answer.agreement, 6)
        return answer
