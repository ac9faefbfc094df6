"""A scene: objects, scenery and background, with pictures and exact truth for every frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alref_local.world.backdrop import backdrop, pan_room
from alref_local.world.motion import Motion
from alref_local.world.sentences import ObjectSpec, Sentence, Tracks, describe
from alref_local.world.sound import Soundtrack
from alref_local.world.sprite import Picture, Sprite
from alref_local.world.tones import RATE

FPS: Final = 12.0
GOOD_SHARE: Final = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Actor:
    """An object in the scene: what it is, its picture and its path."""

    spec: ObjectSpec
    sprite: Sprite
    motion: Motion


@dataclass(frozen=True, slots=True, eq=False)
class Prop:
    """A piece of scenery; `front` ones hide objects."""

    picture: Picture
    motion: Motion
    front: bool


class Place(NamedTuple):
    """A picture and where its upper left corner lies; may lie outside the frame."""

    picture: Picture
    x: int
    y: int


class Wish(NamedTuple):
    """The target sentence's kind, the object it is about (None: any), and which of several to take."""

    kind: str
    about: int | None
    turn: int


@dataclass(frozen=True, eq=False)
class Scene:
    """Frames are drawn when asked for, in any order; nothing is kept but the background and the sprites."""

    size: tuple[int, int]
    length: int
    actors: tuple[Actor, ...]
    props: tuple[Prop, ...]
    ground: tuple[int, ...]  # the background's seed
    pan: Motion  # of the frame over the background
    wish: Wish
    period: int | None = None  # frames after which everything repeats
    fps: float = FPS
    sound: Soundtrack | None = None

    @cached_property
    def background(self) -> NDArray[np.uint8]:
        """uint8 (H + room, W + room, 3): slides under the frame."""
        room = pan_room(self.size)
        return backdrop(np.random.default_rng(self.ground), self.size[0] + room, self.size[1] + room)

    @property
    def objects(self) -> tuple[ObjectSpec, ...]:
        """The objects, from back to front."""
        return tuple(a.spec for a in self.actors)

    def frame(self, t: int) -> NDArray[np.uint8]:
        """uint8 (H, W, 3) RGB."""
        self._check(t)
        height, width = self.size
        x, y = np.rint(self.pan.centres(np.array([t]))[0]).astype(int)
        image = Image.fromarray(self.background[y : y + height, x : x + width])
        behind = [self._prop(p, t) for p in self.props if not p.front]
        for picture, left, top in (*behind, *self._placed(t), *self._front(t)):
            image.paste(picture.image, (left, top), picture.image)
        return np.array(image)

    def masks(self, t: int) -> NDArray[np.bool_]:
        """bool (n, H, W): what is seen of each object."""
        self._check(t)
        height, width = self.size
        out = np.zeros((len(self.actors), height, width), bool)
        for mask, place in zip(out, self._placed(t), strict=True):
            _stamp(mask, place, True)
        for i, place in enumerate(self._placed(t)):
            for mask in out[:i]:
                _stamp(mask, place, False)
        for place in self._front(t):
            for mask in out:
                _stamp(mask, place, False)
        return out

    def boxes(self, t: int) -> NDArray[np.float32]:
        """float32 (n, 4) xyxy pixels: whole objects, hidden or not, clipped to the frame; NaN if outside."""
        self._check(t)
        height, width = self.size
        boxes = np.clip(self._whole(t), 0, np.array([width, height, width, height], np.float32))
        empty = (boxes[:, 2] <= boxes[:, 0]) | (boxes[:, 3] <= boxes[:, 1])
        boxes[empty] = np.nan
        return boxes

    def visible(self, t: int) -> NDArray[np.float32]:
        """float32 (n,): visible pixels / all pixels of the object, those outside the frame included."""
        self._check(t)
        places, front = self._placed(t), self._front(t)
        shares = []
        for i, place in enumerate(places):
            crop = _inside(place, self.size)
            for cover in (*places[i + 1 :], *front):
                _cover(crop, place, cover)
            shares.append(np.count_nonzero(crop) / place.picture.area)
        return np.array(shares, np.float32)

    def sounding(self, t: int) -> NDArray[np.bool_]:
        """bool (n,): which objects sound in frame `t`, seen or not; none in a clip without sound."""
        self._check(t)
        out = np.zeros(len(self.actors), bool)
        for part in self.sound.parts if self.sound else ():
            if part.actor is not None:
                out[part.actor] |= part.at(t)
        return out

    @property
    def heard(self) -> tuple[str, ...]:
        """Classes that sound while they are on screen, in the order of their parts."""
        parts = self.sound.parts if self.sound else ()
        return tuple(dict.fromkeys(p.class_name for p in parts if p.actor is not None))

    @property
    def off_screen(self) -> tuple[str, ...]:
        """Classes that are heard but are no object of the scene."""
        parts = self.sound.parts if self.sound else ()
        return tuple(p.class_name for p in parts if p.actor is None)

    @property
    def audio(self) -> NDArray[np.float32]:
        """float32 (samples,) mono 16 kHz in -1..1, as long as the clip; zeros in a clip without sound."""
        if self.sound is not None:
            return self.sound.audio
        return np.zeros(round(self.length / self.fps * RATE), np.float32)

    @cached_property
    def sentences(self) -> tuple[Sentence, ...]:
        """Every sentence that is true of this scene and names its objects without doubt."""
        span = self._span
        said = describe(self.tracks)
        if span == self.length:
            return said
        rounds = range(0, self.length, span)
        return tuple(
            replace(s, good_frames=tuple(r + f for r in rounds for f in s.good_frames if r + f < self.length))
            for s in said
        )

    @cached_property
    def target(self) -> Sentence:
        """The one sentence of the clip that its preset makes promises about."""
        kind, index, turn = self.wish
        known = [s for s in self.sentences if index is None or s.referents == (index,)]
        wished = [s for s in known if s.kind == kind] or known or self.sentences
        return wished[turn // 7 % len(wished)]

    @cached_property
    def tracks(self) -> Tracks:
        """Places and visibility of all objects over the clip, or over one period of an endless one."""
        span = self._span
        t = np.arange(span)
        visible = np.stack([self.visible(int(f)) for f in t], axis=1)
        whole = np.stack([self._whole(int(f)) for f in t], axis=1)
        centres = np.stack([a.motion.centres(t) for a in self.actors])
        return Tracks(self.objects, self.size, centres, whole, visible, self._good(whole, visible))

    @property
    def _span(self) -> int:
        return self.length if self.period is None else min(self.period, self.length)

    def _good(self, whole: NDArray[np.float32], visible: NDArray[np.float32]) -> NDArray[np.bool_]:
        height, width = self.size
        uncut = (
            (whole[..., 0] >= 0) & (whole[..., 1] >= 0) & (whole[..., 2] <= width) & (whole[..., 3] <= height)
        )
        return np.asarray(uncut & (visible >= GOOD_SHARE))

    def _check(self, t: int) -> None:
        if not 0 <= t < self.length:
            raise IndexError(f"frame {t} of a clip of {self.length} frames")

    def _whole(self, t: int) -> NDArray[np.float32]:
        rows = [np.add(p.picture.extent, (p.x, p.y, p.x, p.y)) for p in self._placed(t)]
        return np.array(rows, np.float32)

    @cached_property
    def _courses(self) -> tuple[list[Place], ...]:
        """Per object its places in all frames, or in one period of an endless clip."""
        frames = np.arange(self._span)
        return tuple(_course(a, frames) for a in self.actors)

    def _placed(self, t: int) -> list[Place]:
        return [course[t % self._span] for course in self._courses]

    def _prop(self, prop: Prop, t: int) -> Place:
        return _centred(prop.picture, prop.motion.centres(np.array([t]))[0])

    def _front(self, t: int) -> list[Place]:
        return [self._prop(p, t) for p in self.props if p.front]


def _course(actor: Actor, frames: NDArray[np.int64]) -> list[Place]:
    motion = actor.motion
    rows = zip(motion.centres(frames), motion.size(frames), motion.flipped(frames), strict=True)
    return [_centred(actor.sprite.at(float(size), bool(flipped)), centre) for centre, size, flipped in rows]


def _centred(picture: Picture, centre: NDArray[np.float64]) -> Place:
    height, width = picture.mask.shape
    return Place(picture, round(float(centre[0]) - width / 2), round(float(centre[1]) - height / 2))


def _stamp(mask: NDArray[np.bool_], place: Place, value: bool) -> None:
    """Set `mask` (a frame's) to `value` where the placed picture is."""
    height, width = place.picture.mask.shape
    y0, x0 = max(place.y, 0), max(place.x, 0)
    y1, x1 = min(place.y + height, mask.shape[0]), min(place.x + width, mask.shape[1])
    if y0 < y1 and x0 < x1:
        mask[y0:y1, x0:x1][place.picture.mask[y0 - place.y : y1 - place.y, x0 - place.x : x1 - place.x]] = (
            value
        )


def _inside(place: Place, size: tuple[int, int]) -> NDArray[np.bool_]:
    """The picture's mask without what lies outside the frame."""
    height, width = size
    crop = place.picture.mask.copy()
    crop[: max(0, -place.y)] = False
    crop[:, : max(0, -place.x)] = False
    crop[max(0, height - place.y) :] = False
    crop[:, max(0, width - place.x) :] = False
    return crop


def _cover(crop: NDArray[np.bool_], place: Place, cover: Place) -> None:
    """Take from `crop`, the mask of `place`, what `cover` hides."""
    _stamp(crop, Place(cover.picture, cover.x - place.x, cover.y - place.y), False)
