"""What a run would ask and about what it would cost, said before anything is asked, sent or loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from alref_local.jobs import Job
from alref_local.media.strip import BOX_COLOUR_NAMES, strip_sizes
from alref_local.reason.card import Card, ImageTokens
from alref_local.reason.prompts import PromptSet, load_prompts
from alref_local.reason.question import Usage
from alref_local.seams import VideoReader
from alref_local.select.sampling import plan_clips
from alref_local.select.stretches import listening
from alref_local.select.vocabulary import vocabulary
from alref_local.settings import Settings
from alref_local.types import Clip, Query

__all__ = ["Cost", "Plan", "plan", "whole"]

_TURN = 8
"""Tokens that a chat template puts around a turn."""
_CORRECTION = 600
"""Tokens of an invalid reply shown again (2000 characters at most) and of what was wrong with it."""
_TAG = "Chirping bird"
"""A label of the audio classifier of about the usual length."""
_IMAGE = ImageTokens(side=28)
"""Where a card does not say what an image is: as for Qwen2-VL."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Tokens read, tokens written, and dollars (``None``: the card has no prices)."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    dollars: float | None = None

    def __add__(self, other: Cost) -> Cost:
        """Of both together."""
        dollars = [one.dollars for one in (self, other) if one.dollars is not None]
        return Cost(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            sum(dollars) if dollars else None,
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """What segmenting one video would take; nothing of it is known to be in the answer cache.

    Attributes:
        name: of the video.
        frames: how many are segmented.
        clips: how many are reasoned about.
        questions: how many are asked (a clip without candidates saves one, a refused second look brings more). Of a
            video of which only the sound is asked for, one thing is taken to sound; at most, ``sound.most`` do.
        backend: who is asked.
        repeat: how often each is asked.
        about: with replies of the length that the card calls usual, all of them valid.
        at_most: with replies as long as they may be, each of them invalid until the last attempt, and all second looks.
    """

    name: str
    frames: int
    clips: int
    questions: int
    backend: str
    repeat: int
    about: Cost
    at_most: Cost


@dataclass(frozen=True, slots=True)
class _Ask:
    """One question to come: its text, the (height, width) of its images, and the question that it goes on from."""

    text: str
    images: Sequence[tuple[int, int]]
    history: _Ask | None = None


def plan(job: Job, video: VideoReader, settings: Settings, card: Card) -> Plan:
    """The plan for one opened video; no frame is decoded.

    Raises:
        ConfigError: the prompts of the config do not exist.
    """
    prompts = load_prompts(settings.reasoning.prompts)
    clips, fixed = plan_clips(len(video), video.fps, settings)
    asks = list(_lbru(video, settings, prompts)) if job.sounds else []
    again: list[_Ask] = []
    looks = settings.second_look.looks
    for query in (query for query in job.queries if not query.pivots):
        look = [_look(query, video.size, settings, prompts)] if looks else []
        mine = [
            ask
            for clip in clips
            for ask in _of_clip(query, clip, fixed is None, video.size, settings, prompts)
        ] + look
        asks += mine
        again += look * (looks - 1)
        if query.sound and not query.text:
            again += (mine + look * (looks - 1)) * (settings.sound.most - 1)
    repeat = settings.reasoning.repeat
    times = repeat if card.asks else 0
    about = sum((_about(ask, card) for ask in asks * times), Cost())
    at_most = sum((_at_most(ask, card) for ask in (asks + again) * times), Cost())
    return Plan(job.name, len(video), len(clips), len(asks), card.name, repeat, about, at_most)


def whole(plans: Sequence[Plan]) -> Plan:
    """All videos of a list together."""
    first = plans[0]
    return Plan(
        f"{len(plans)} videos",
        sum(one.frames for one in plans),
        sum(one.clips for one in plans),
        sum(one.questions for one in plans),
        first.backend,
        first.repeat,
        sum((one.about for one in plans), Cost()),
        sum((one.at_most for one in plans), Cost()),
    )


def _of_clip(
    query: Query, clip: Clip, choose: bool, size: tuple[int, int], settings: Settings, prompts: PromptSet
) -> Iterator[_Ask]:
    """The questions about one clip; the pivot frame is chosen where ``choose``, and where there is a choice."""
    reasoning, count = settings.reasoning, len(clip.frames)
    choose = choose and not (query.sound and not query.text and settings.sound.frame)
    images = _images(count, size, settings)
    first: _Ask | None = None
    if choose and count > 1:
        first = _Ask(prompts.render("pivot_frame", reference=query.text, count=count), images)
        yield first
    if settings.pivots.box == "reason":
        text = prompts.render(
            reasoning.box_prompt,
            reference=query.text,
            count=count,
            frame=count,
            boxes=BOX_COLOUR_NAMES[: settings.grounding.max_candidates],
            none_allowed=reasoning.none_allowed,
        )
        yield _Ask(text, images, first if reasoning.history else None)


def _lbru(video: VideoReader, settings: Settings, prompts: PromptSet) -> Iterator[_Ask]:
    """The questions about what sounds, one a stretch; none of the stretches is taken to be silent."""
    sound = settings.sound
    if sound.references == "tags":
        return
    names = vocabulary(sound.vocabulary)
    for stretch in listening(video.timestamps(), video.fps, settings).stretches:
        count = len(stretch.clip.frames)
        template = "lbru_frame" if sound.frame else "lbru"
        text = prompts.render(template, count=count, tags=[_TAG] * sound.tags, names=names)
        yield _Ask(text, _images(count, video.size, settings))


def _look(query: Query, size: tuple[int, int], settings: Settings, prompts: PromptSet) -> _Ask:
    count = settings.second_look.frames
    text = prompts.render("second_look", reference=query.text, count=count)
    return _Ask(text, _images(count, size, settings))


def _images(count: int, size: tuple[int, int], settings: Settings) -> list[tuple[int, int]]:
    return strip_sizes(count, size, layout=settings.strip.layout, panel=settings.strip.panel)


def _about(ask: _Ask, card: Card) -> Cost:
    written = min(card.reply_tokens, card.max_tokens)
    calls = 2 if card.pattern == "B" else 1
    return _priced(calls * _read(ask, card, written), written, card)


def _at_most(ask: _Ask, card: Card) -> Cost:
    attempts = 1 + card.retries
    calls = 2 if card.pattern in ("B", "C") else 1
    corrections = _CORRECTION * attempts * (attempts - 1) // 2
    read = calls * (attempts * _read(ask, card, card.max_tokens) + corrections)
    return _priced(read, attempts * card.max_tokens, card)


def _read(ask: _Ask, card: Card, written: int) -> int:
    """Tokens of the prompt, the turns before it included."""
    earlier = 0 if ask.history is None else _read(ask.history, card, written) + _TURN + written
    image = card.image_tokens or _IMAGE
    return earlier + _TURN + _words(ask.text) + sum(image.count(size) for size in ask.images)


def _words(text: str) -> int:
    """Tokens of a text: four characters each, or one where they are not ASCII."""
    plain = sum(character.isascii() for character in text)
    return ceil(plain / 4) + len(text) - plain


def _priced(read: int, written: int, card: Card) -> Cost:
    dollars = card.prices.dollars(Usage(read, written, stored_tokens=read)) if card.prices else None
    return Cost(read, written, dollars)
