"""A second look at finished masks: what is refused is tracked again from the next candidates, and nothing else."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pil

from alref_local.configs import list_configs, load_config
from alref_local.engine import Engine
from alref_local.errors import BackendError, ConfigError
from alref_local.events import Looked, Tracked
from alref_local.masks import box
from alref_local.reason.question import Answer, Question
from alref_local.types import Box, Pivot, Prompt, Query, TargetResult
from tests.fakes import BoxSegmentor, Scripted, numbered_video
from tests.strategies.strategy_kit import run

UPPER, LOWER = 0.0, 20.0
"""Top edges of the two candidates of every frame, the better one first."""

Verdict = Callable[[Question, float], str | None]


class Judge(Scripted):
    """Takes the second frame and the first box; says of masks what ``verdict`` says of them and their top edge."""

    def __init__(self, verdict: Verdict) -> None:
        def reply(question: Question) -> tuple[str, ...] | None:
            if question.step != "second_look":
                return ("2",) if question.step == "pivot_frame" else ("1",)
            said = verdict(question, question.fields["boxes"][0].y0)
            return None if said is None else (said,)

        super().__init__(reply)

    @property
    def looks(self) -> list[Question]:
        """The questions of second looks, in the order asked."""
        return [question for question in self.asked if question.step == "second_look"]


def wants(top: float) -> Verdict:
    """Yes to the candidate with this top edge alone."""
    return lambda question, seen: "yes" if seen == top else "no"


def look(
    verdict: Verdict,
    sentences: Sequence[str] = ("the dog",),
    looks: int = 3,
    length: int = 12,
    **changes: Any,
) -> tuple[Judge, tuple[TargetResult, ...], list[Any]]:
    judge = Judge(verdict)
    queries = [Query(str(number), text) for number, text in enumerate(sentences)]
    changes = {"second_look": {"looks": looks}, **changes}
    events, results, engine = run(numbered_video(length), queries, judge, **changes)
    assert isinstance(engine.segmentor, BoxSegmentor)
    return judge, results, [*events, *engine.segmentor.prompts]


def tops(result: TargetResult) -> set[float]:
    """Top edges of all masks."""
    return {one.y0 for track in result.tracks for mask in track.masks if (one := box(mask))}


def test_a_refused_box_gives_way_to_the_next_candidate() -> None:
    """A wrong first box would stay, although the model sees that it is wrong."""
    judge, (result,), _ = look(wants(LOWER), length=24)
    assert tops(result) == {LOWER}
    assert [(pivot.clip, pivot.box.y0) for pivot in result.pivots] == [(0, LOWER), (1, LOWER)]
    assert [pivot.box.y0 for clip in result.clips for pivot in clip.pivots] == [UPPER, UPPER]
    assert [(one.number, one.accepted) for one in result.looks] == [(1, False), (2, True)]
    assert [question.address.clip for question in judge.looks] == [1, 2]
    assert result.query == Query("0", "the dog")


def test_accepted_masks_stay_as_they_are() -> None:
    """Right masks would change, or cost more than one question."""
    _, (without,), _ = look(wants(UPPER), looks=0)
    judge, (result,), told = look(wants(UPPER))
    assert result.tracks == without.tracks
    assert result.pivots == without.pivots
    assert len(judge.looks) == 1
    assert sum(isinstance(one, Prompt) for one in told) == 1
    assert sum(isinstance(one, Tracked) for one in told) == 12


def test_the_first_masks_stand_when_everything_is_refused() -> None:
    """A model that always says no would leave the masks of the worst candidate, or none."""
    _, (without,), _ = look(wants(UPPER), looks=0)
    judge, (result,), _ = look(lambda question, top: "no", looks=9)
    assert (result.tracks, result.pivots, result.status) == (without.tracks, without.pivots, "ok")
    assert len(judge.looks) == 2  # there is no third candidate
    assert [one.accepted for one in result.looks] == [False, False]
    assert "the first masks stand" in result.looks[-1].note


def test_only_what_was_refused_is_tracked_again() -> None:
    """One wrong sentence would change the masks of the others, or cost their tracking again."""
    sentences = ("the dog", "the cat", "the cow")
    _, before, _ = look(wants(UPPER), sentences, looks=0)
    judge, after, told = look(_cat_below, sentences)
    assert [tops(result) for result in after] == [{UPPER}, {LOWER}, {UPPER}]
    assert (after[0].tracks, after[2].tracks) == (before[0].tracks, before[2].tracks)
    assert [track.track_id for result in after for track in result.tracks] == [0, 1, 2]
    assert [question.address.reference for question in judge.looks] == ["0", "1", "2", "1"]
    assert len([one for one in told if isinstance(one, Prompt)]) == 4


def test_one_look_only_tells() -> None:
    """Masks that nobody looked at would take the place of the first ones."""
    _, (without,), _ = look(wants(LOWER), looks=0)
    judge, (result,), told = look(wants(LOWER), looks=1)
    assert result.tracks == without.tracks
    assert [one.accepted for one in result.looks] == [False]
    assert len([one for one in told if isinstance(one, Prompt)]) == 1
    assert len(judge.looks) == 1


def test_no_valid_answer_lets_the_masks_stand() -> None:
    """A model that cannot answer would take away what it found."""
    judge, (result,), _ = look(lambda question, top: None)
    assert tops(result) == {UPPER}
    assert len(judge.looks) == 1
    assert result.looks[0].accepted
    assert "no valid answer came" in result.looks[0].note


def test_nobody_is_asked_about_a_persons_box_or_about_nothing() -> None:
    """`--pivot` would be overruled, or an empty strip be paid for."""
    judge = Judge(lambda question, top: "no")
    mine = Query("0", "the dog", (Pivot(0, 7, Box(1, 2, 9, 10)),))
    _, results, _ = run(
        numbered_video(12), [mine, Query("1", "what is nowhere")], judge, second_look={"looks": 3}
    )
    assert [result.status for result in results] == ["ok", "no_target"]
    assert [result.looks for result in results] == [(), ()]
    assert judge.looks == []


def test_masks_that_came_out_empty_count_as_refused() -> None:
    """A candidate whose track is empty would pass for the answer, or end the run."""
    segmentation = {"engine": "tests.strategies.test_second_look:BlindBelow"}
    judge, (result,), _ = look(wants(LOWER), segmentation=segmentation)
    assert tops(result) == {UPPER}
    assert [(one.accepted, bool(one.frames)) for one in result.looks] == [(False, True), (False, False)]
    assert "nothing was masked" in result.looks[1].note
    assert "the first masks stand" in result.looks[1].note
    assert len(judge.looks) == 1


class BlindBelow(BoxSegmentor):
    """Masks nothing from the lower candidates."""

    @staticmethod
    def _logits(
        size: tuple[int, int], frame: int, prompts: Sequence[Prompt], track: int
    ) -> NDArray[np.float16]:
        if any(prompt.box is not None and prompt.box.y0 == LOWER for prompt in prompts):
            return np.full(size, -4, np.float16)
        return BoxSegmentor._logits(size, frame, prompts, track)


def test_what_is_asked() -> None:
    """The model would not see the masks, or could answer something else than yes or no."""
    judge, _, told = look(wants(UPPER), second_look={"looks": 3, "frames": 4}, length=24)
    (question,) = judge.looks
    assert question.spec.allowed == ("yes", "no")
    assert question.spec.kind == "names"
    assert question.fields["frames"] == (0, 8, 15, 23)
    assert "4 frames" in question.text
    assert '"the dog"' in question.text
    (looked,) = [one for one in told if isinstance(one, Looked)]
    assert looked.strip == tuple(image.data for image in question.images)
    assert looked.look.frames == question.fields["frames"]
    with Pil.open(io.BytesIO(looked.strip[0])) as shown:
        red, green, blue = np.moveaxis(np.asarray(shown.convert("RGB")), 2, 0)
    assert ((red > 180) & (blue > 180) & (green < 90)).sum() > 40


def test_the_order_of_replies_does_not_matter() -> None:
    """Two runs with the same answers would differ with the network's mood."""

    class Slow(Judge):
        async def ask(self, question: Question) -> Answer:
            await asyncio.sleep(0.02 * (2 - int(question.address.reference)))
            return await super().ask(question)

    queries = [Query("0", "the dog"), Query("1", "the cat")]
    found = [
        run(numbered_video(12), queries, backend(_cat_below), second_look={"looks": 2})[1]
        for backend in (Judge, Slow)
    ]
    assert found[0] == found[1]


def test_a_failing_backend_ends_the_video() -> None:
    """A server that dies during the looks would leave unseen masks that look like seen ones."""

    class Dying(Judge):
        async def ask(self, question: Question) -> Answer:
            if question.step == "second_look":
                raise BackendError("the server is gone")
            return await super().ask(question)

    with pytest.raises(BackendError, match="is gone"):
        run(numbered_video(12), [Query("0", "a")], Dying(wants(UPPER)), second_look={"looks": 1})


def test_how_sure_the_model_was_is_kept() -> None:
    """A hesitant "no" could not be told from a sure one."""

    class Sure(Judge):
        async def ask(self, question: Question) -> Answer:
            answer = await super().ask(question)
            return replace(answer, confidences={"yes": 0.75, "no": 0.25}, agreement=0.8)

    _, (result,), _ = run(numbered_video(12), [Query("0", "a")], Sure(wants(UPPER)), second_look={"looks": 1})
    assert [(one.confidence, one.agreement) for one in result.looks] == [(0.75, 0.8)]


def test_prompts_that_know_no_second_look_are_found_before_anything_is_loaded() -> None:
    """The run would fail after its tracking."""
    changes = {"reasoning": {"prompts": "paper", "box_prompt": "pivot_box"}}
    Engine(load_config("default", changes), device="cpu").close()
    with pytest.raises(ConfigError, match=r"no second_look\.txt"):
        Engine(load_config("default", changes, {"second_look": {"looks": 1}}), device="cpu")


@pytest.mark.parametrize("name", list_configs())
def test_no_bundled_config_looks_twice(name: str) -> None:
    """Figures compared with the paper would come from another method."""
    assert load_config(name).second_look.looks == 0


def _cat_below(question: Question, top: float) -> str:
    """The cat alone is the lower candidate."""
    wanted = LOWER if question.fields["reference"] == "the cat" else UPPER
    return "yes" if top == wanted else "no"
