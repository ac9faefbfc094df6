"""The method as a whole, with fakes at its seams: what is asked, what is prompted, what comes out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal

import pytest

from alref_local.errors import BackendError
from alref_local.events import Event, Planned, Reasoned, Tracked
from alref_local.masks import box
from alref_local.reason.question import Answer, Question
from alref_local.types import Box, Candidate, Image, Pivot, Query
from tests.fakes import BoxesByFrame, BoxSegmentor, Scripted, numbered_video
from tests.strategies.strategy_kit import run


class FaintBoxes(BoxesByFrame):
    """Finds its boxes at other thresholds than the config's only."""

    def propose(self, images: Sequence[Image], texts: Sequence[str]) -> list[list[Candidate]]:
        return [[] for _ in super().propose(images, texts)]


def second(question: Question) -> tuple[str, ...] | None:
    """Always the second frame and the second box."""
    return ("2",)


def test_two_steps_per_clip_then_propagation() -> None:
    """A clip would not be reasoned about, or its pivot would not prompt the segmentor."""
    backend = Scripted(second)
    events, (result,), engine = run(numbered_video(36), [Query("0", "the dog")], backend)
    assert [clip.frames for clip in _planned(events).clips] == [(0, 4, 8), (12, 16, 20), (24, 28, 32)]
    assert sorted((q.address.clip, q.step) for q in backend.asked) == [
        (clip, step) for clip in range(3) for step in ("pivot_box", "pivot_frame")
    ]
    assert [(pivot.frame, pivot.box.y0) for pivot in result.pivots] == [(4, 20), (16, 20), (28, 20)]
    assert isinstance(engine.segmentor, BoxSegmentor)
    assert [(p.frame, p.start) for p in engine.segmentor.prompts] == [(4, False), (16, True), (28, False)]
    assert result.status == "ok"
    assert box(result.tracks[0].masks[35]) == Box(28, 20, 36, 28)
    assert sum(isinstance(event, Tracked) for event in events) == 36


def test_step_two_knows_step_one() -> None:
    """The paper's prior knowledge would not reach the second question."""
    backend = Scripted(second)
    run(numbered_video(12), [Query("0", "the dog")], backend)
    frame, box_question = backend.asked
    assert box_question.history[0].text == frame.text
    assert box_question.history[0].reply == "I think ['2']"
    backend = Scripted(second)
    run(numbered_video(12), [Query("0", "the dog")], backend, reasoning={"history": False})
    assert backend.asked[1].history == ()


def test_sentences_share_the_strip_and_the_pass() -> None:
    """Two sentences would cost two decodings, two different strips or two encoder passes."""
    backend, video = Scripted(second), numbered_video(12)
    _, results, engine = run(video, [Query("0", "the dog"), Query("1", "the cat")], backend)
    frames = [question for question in backend.asked if question.step == "pivot_frame"]
    assert frames[0].images == frames[1].images
    assert video.decoded == [0, 4, 8]
    assert isinstance(engine.segmentor, BoxSegmentor)
    assert [prompt.track_id for prompt in engine.segmentor.prompts] == [0, 1]
    assert [result.query.text for result in results] == ["the dog", "the cat"]


def test_a_clip_without_a_valid_answer_is_dropped() -> None:
    """One bad reply would lose the whole video, or put a pivot nobody chose."""

    def reply(question: Question) -> tuple[str, ...] | None:
        return None if question.address.clip == 1 else ("1",)

    _, (result,), engine = run(numbered_video(36), [Query("0", "the dog")], Scripted(reply))
    assert [pivot.clip for pivot in result.pivots] == [0, 2]
    assert result.clips[1].note == "no valid answer came"
    assert isinstance(engine.segmentor, BoxSegmentor)
    assert [prompt.start for prompt in engine.segmentor.prompts] == [True, False]


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (lambda question: None, "the dog"),
        (lambda question: ("1",) if question.step == "pivot_frame" else (), "the dog"),
        (lambda question: ("1",), "a thing that is nowhere"),
    ],
    ids=["no valid answer", "none of the boxes", "no candidates"],
)
def test_no_target(reply: Callable[[Question], tuple[str, ...] | None], text: str) -> None:
    """Something would be masked that nobody found."""
    _, (result,), engine = run(numbered_video(12), [Query("0", text)], Scripted(reply))
    assert result.status == "no_target"
    assert result.pivots == ()
    assert result.clips[0].note
    assert isinstance(engine.segmentor, BoxSegmentor)
    assert engine.segmentor.prompts == []


def test_rescue_by_the_first_frame() -> None:
    """`paper/*` and `released-like/*` would leave masks empty where the released code takes the best box."""
    rule = {"rescue": "first_frame_best_box", "rescue_box_threshold": 0.001}
    _, (result,), engine = run(
        numbered_video(12), [Query("0", "the dog")], Scripted(lambda question: None), pivots=rule
    )
    assert [(pivot.frame, pivot.box) for pivot in result.pivots] == [(0, Box(0, 0, 8, 8))]
    assert result.status == "ok"
    assert isinstance(engine.grounder, BoxesByFrame)
    assert engine.grounder.calls == [(0, "the dog")]


@pytest.mark.parametrize(("which", "frame"), [("first", 0), ("middle", 9), ("last", 19)])
def test_a_fixed_frame_is_rescued_on_itself(which: Literal["first", "middle", "last"], frame: int) -> None:
    """Table 5's "Last Frame" would take the first frame's box where the last has none above the threshold."""
    pivots = {"frame": which, "box": "best", "rescue": "first_frame_best_box"}
    faint = {"engine": "tests.strategies.test_pivot:FaintBoxes"}
    video, query = numbered_video(20), Query("0", "the dog")
    _, (result,), engine = run(video, [query], Scripted(second), pivots=pivots, grounding=faint)
    assert [(pivot.frame, pivot.box) for pivot in result.pivots] == [(frame, Box(frame, 0, frame + 8, 8))]
    assert [len(one.candidates) for one in result.clips] == [0, 2]
    assert isinstance(engine.grounder, BoxesByFrame)
    assert engine.grounder.calls == [(frame, "the dog")] * 2


@pytest.mark.parametrize(("which", "frame"), [("first", 0), ("middle", 9), ("last", 19)])
def test_rules_of_table_5(which: str, frame: int) -> None:
    """The baselines of the paper would ask, or take another frame or box."""
    backend = Scripted(second)
    _, (result,), _ = run(
        numbered_video(20), [Query("0", "the dog")], backend, pivots={"frame": which, "box": "best"}
    )
    assert backend.asked == []
    assert [(pivot.frame, pivot.box) for pivot in result.pivots] == [(frame, Box(frame, 0, frame + 8, 8))]


def test_a_persons_pivots_replace_reasoning() -> None:
    """`--pivot` would be overruled, or asked about all the same."""
    backend = Scripted(second)
    mine = (Pivot(0, 7, Box(1, 2, 9, 10)),)
    _, results, _ = run(numbered_video(12), [Query("0", "the dog", mine), Query("1", "the cat")], backend)
    assert results[0].pivots == mine
    assert {question.address.reference for question in backend.asked} == {"1"}


def test_one_sampled_frame_is_not_asked_about() -> None:
    """A question with a single possible answer would be paid for."""
    backend = Scripted(lambda question: ("1",))
    run(numbered_video(2), [Query("0", "the dog")], backend)
    assert [question.step for question in backend.asked] == ["pivot_box"]


def test_a_single_candidate_need_not_be_asked_about() -> None:
    """`reasoning.ask_single: false` would not save its question."""
    backend = Scripted(lambda question: ("1",))
    run(
        numbered_video(2),
        [Query("0", "the dog")],
        backend,
        reasoning={"ask_single": False},
        pivots={"box": "best"},
    )
    assert backend.asked == []


def test_order_of_replies_does_not_matter() -> None:
    """Two runs with the same answers would differ with the network's mood."""

    class Slow(Scripted):
        async def ask(self, question: Question) -> Answer:
            await asyncio.sleep(0.02 * (3 - question.address.clip))
            return await super().ask(question)

    _, quick, _ = run(numbered_video(36), [Query("0", "the dog")], Scripted(second))
    _, slow, _ = run(numbered_video(36), [Query("0", "the dog")], Slow(second))
    assert quick == slow


def test_questions_are_in_flight_together() -> None:
    """Eight clips would wait eight times as long as one."""
    together = 0
    most = 0

    class Counting(Scripted):
        async def ask(self, question: Question) -> Answer:
            nonlocal together, most
            together += 1
            most = max(most, together)
            await asyncio.sleep(0.02)
            together -= 1
            return await super().ask(question)

    run(numbered_video(96), [Query("0", "the dog")], Counting(second))
    assert most == 8


def test_a_failing_backend_ends_the_video() -> None:
    """A dead server would end in empty masks that look like an answer."""

    class Dead(Scripted):
        async def ask(self, question: Question) -> Answer:
            raise BackendError("the server is gone")

    with pytest.raises(BackendError, match="is gone"):
        run(numbered_video(36), [Query("0", "the dog")], Dead(second))


def test_strips_are_told() -> None:
    """The run folder would not show what the model saw."""
    events, _, _ = run(numbered_video(12), [Query("0", "the dog")], Scripted(second))
    (told,) = [event for event in events if isinstance(event, Reasoned)]
    assert set(told.strips) == {"pivot_frame", "pivot_box"}
    assert all(data.startswith(b"\xff\xd8") for images in told.strips.values() for data in images)


def _planned(events: list[Event]) -> Planned:
    (planned,) = [event for event in events if isinstance(event, Planned)]
    return planned


def test_a_sentence_may_mean_several_objects() -> None:
    """ "The two dogs" would mask one of them, or both as one track."""
    backend = Scripted(lambda question: ("1", "2") if question.step == "pivot_box" else ("2",))
    several = {"pivots": {"select": "many"}, "sampling": {"frames": 3, "interval": 1}}
    queries = [Query("0", "the two dogs"), Query("1", "nowhere")]
    _, results, _ = run(numbered_video(6), queries, backend, **several)
    assert [question.spec.max_items for question in backend.asked if question.step == "pivot_box"] == [2, 2]
    assert [(pivot.frame, pivot.track) for pivot in results[0].pivots] == [(1, 0), (1, 1), (4, 0), (4, 1)]
    first, second = results[0].tracks
    assert (box(first.masks[5]), box(second.masks[5])) == (Box(4, 0, 12, 8), Box(4, 20, 12, 28))
    assert first.track_id != second.track_id
    assert results[1].tracks == ()


def test_one_is_asked_for_where_the_config_says_one() -> None:
    """The paper's protocol would let the backend choose several boxes."""
    backend = Scripted(lambda question: ("1",))
    run(numbered_video(12), [Query("0", "the dog")], backend, pivots={"select": "one"})
    assert backend.asked[-1].spec.max_items == 1


def test_a_persons_pivots_on_one_frame_are_several_objects() -> None:
    """Two boxes given for one frame would end in an error of the segmentor."""
    mine = (Pivot(0, 7, Box(1, 2, 9, 10)), Pivot(0, 7, Box(20, 2, 29, 10)), Pivot(1, 9, Box(1, 2, 9, 10)))
    _, (result,), _ = run(numbered_video(12), [Query("0", "the dogs", mine)], Scripted(second))
    assert [pivot.track for pivot in result.pivots] == [0, 1, 0]
    assert len(result.tracks) == 2


def test_an_object_that_comes_late_is_tracked_once() -> None:
    """Two dogs and a third that comes later are six tracks, one for each clip on which the third was chosen."""
    both = (Pivot(0, 0, Box(1, 2, 9, 10)), Pivot(0, 0, Box(20, 2, 29, 10)))
    late = tuple(Pivot(clip, 2 * clip, Box(40, 20, 50, 30)) for clip in range(2, 6))
    queries = [Query("0", "the dogs", both + late), Query("1", "the dog", late)]
    _, (several, one), engine = run(numbered_video(12), queries, Scripted(second))
    assert [pivot.track for pivot in several.pivots] == [0, 1, 2, 2, 2, 2]
    assert (len(several.tracks), len(one.tracks)) == (3, 1)
    assert isinstance(engine.segmentor, BoxSegmentor)
    assert len(engine.segmentor.prompts) == len(both) + len(late) + len(both + late + late)
