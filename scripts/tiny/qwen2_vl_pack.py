"""How a sheet with its questions becomes one packed sequence of tokens, and sheets a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from qwen2_vl_data import Asked, Sheet
from qwen2_vl_reply import WEIGHTS
from qwen2_vl_tokens import HEAD_LENGTH, encode, prompt_ids

ROOM: Final = 400  # tokens of a packed sheet besides the image; questions beyond them are left out
KINDS: Final[tuple[str, ...]] = tuple(WEIGHTS)


class Packed(NamedTuple):
    """One sheet as tokens: image and instruction once, then every question and its reply as a branch of its own.

    `ids`, `branch` (0 for what all share), `positions` (3, L), `target` (-100: none), `weight` and `kind` (in
    `KINDS`, -1: none) go over the sequence. `share_at` are the places that predict a frame's number and `share`
    (n, 10) how right each digit is; `look_at` the places that predict what is read in the cells `look` (m, cells).
    """

    ids: NDArray[np.int64]
    branch: NDArray[np.int64]
    positions: NDArray[np.int64]
    target: NDArray[np.int64]
    weight: NDArray[np.float32]
    kind: NDArray[np.int64]
    share_at: NDArray[np.int64]
    share: NDArray[np.float32]
    look_at: NDArray[np.int64]
    look: NDArray[np.bool_]


class _Reply(NamedTuple):
    """A reply's tokens; `looks` are (place, cells) and `shares` (place, digits)."""

    tokens: list[int]
    kinds: list[int]
    looks: list[tuple[int, NDArray[np.bool_]]]
    shares: list[tuple[int, NDArray[np.float32]]]


def pack(sheet: Sheet) -> Packed:
    """All questions of a sheet in one sequence; they share their longest common beginning."""
    rows, columns = sheet.labels.shape[1:]
    cells = rows * columns
    asked = [(prompt_ids(a.text, cells), _reply(a)) for a in sheet.asked]
    # One question alone still needs a beginning to branch from: all but its last token.
    shared = min(_common([p for p, _ in asked]), min(len(p) for p, _ in asked) - 1)
    ids, branch = list(asked[0][0][:shared]), [0] * shared
    positions = [_positions(shared, rows, columns)]
    target, kind = [-100] * shared, [-1] * shared
    looks: list[tuple[int, NDArray[np.bool_]]] = []
    shares: list[tuple[int, NDArray[np.float32]]] = []
    after = int(positions[0].max()) + 1
    for number, (prompt, reply) in enumerate(asked, 1):
        tail = [*prompt[shared:], *reply.tokens]
        if len(ids) + len(tail) > ROOM + cells and number > 1:
            break
        silent = len(prompt) - shared - 1
        begin = len(ids) + silent  # the place that predicts the reply's first token
        ids += tail
        branch += [number] * len(tail)
        positions.append(np.broadcast_to(after + np.arange(len(tail)), (3, len(tail))))
        target += [-100] * silent + reply.tokens + [-100]
        kind += [-1] * silent + reply.kinds + [-1]
        looks += [(begin + place, look) for place, look in reply.looks]
        shares += [(begin + place, share) for place, share in reply.shares]
    weights = np.array([*WEIGHTS.values(), 0.0], np.float32)[kind]
    weights[[place for place, _ in shares]] = 0.0  # the share of each panel is the target there
    return Packed(
        np.array(ids), np.array(branch), np.concatenate(positions, axis=1), np.array(target), weights, np.array(kind),
        np.array([p for p, _ in shares], np.int64),
        np.array([s for _, s in shares], np.float32).reshape(-1, 10),
        np.array([p for p, _ in looks], np.int64),
        np.array([c.ravel() for _, c in looks], bool).reshape(-1, cells),
    )  # fmt: skip


def _common(rows: Sequence[Sequence[int]]) -> int:
    """Length of the longest common beginning."""
    same = (len(set(column)) == 1 for column in zip(*rows, strict=False))
    return next((i for i, alike in enumerate(same) if not alike), min(map(len, rows)))


def _positions(length: int, rows: int, columns: int) -> NDArray[np.int64]:
    """Time, height and width of each place, as Qwen2-VL counts them."""
    start = HEAD_LENGTH
    text = np.arange(start)
    down, across = np.divmod(np.arange(rows * columns), columns)
    image = start + np.stack([np.zeros_like(down), down, across])
    rest = start + max(rows, columns) + np.arange(length - start - rows * columns)
    return np.concatenate([np.stack([text] * 3), image, np.stack([rest] * 3)], axis=1)


def _reply(question: Asked) -> _Reply:
    """Pieces end where tokens end, so that each can be encoded alone."""
    out = _Reply([], [], [], [])
    for piece in question.reply:
        tokens = encode(piece.text)
        if piece.kind == "frame" and question.frames is not None:
            share = np.zeros(10, np.float32)
            share[1 : 1 + len(question.frames)] = question.frames
            out.shares.append((len(out.tokens), share))
        if piece.look is not None and piece.look.any():
            out.looks.extend((len(out.tokens) + i, piece.look) for i in range(len(tokens)))
        out.tokens.extend(tokens)
        out.kinds.extend([KINDS.index(piece.kind)] * len(tokens))
    return out


class Batch(NamedTuple):
    """Sheets of one size, B of them; `mask` (B, 1, L, L) says which place sees which; L is 0 where nothing is asked."""

    pixels: torch.Tensor  # (B, 112, 140 n, 3) uint8
    labels: torch.Tensor  # (B, 10, cells)
    ids: torch.Tensor  # (B, L), as are target, weight and kind
    mask: torch.Tensor
    positions: torch.Tensor  # (3, B, L)
    target: torch.Tensor
    weight: torch.Tensor
    kind: torch.Tensor
    share_at: torch.Tensor  # (n, 2): sheet, place
    share: torch.Tensor
    look_at: torch.Tensor  # (m, 2)
    look: torch.Tensor


def collate(sheets: list[Sheet]) -> Batch:
    """Sheets of one size, either all with questions or all without."""
    pixels = torch.from_numpy(np.stack([s.pixels for s in sheets]))
    labels = torch.from_numpy(np.stack([s.labels.reshape(len(s.labels), -1) for s in sheets]))
    if not sheets[0].asked:
        none = torch.zeros(len(sheets), 0, dtype=torch.long)
        pairs, square = (
            torch.zeros(0, 2, dtype=torch.long),
            torch.zeros(len(sheets), 1, 0, 0, dtype=torch.bool),
        )
        empty = torch.zeros(0, labels.shape[2], dtype=torch.bool)
        return Batch(
            pixels, labels, none, square, none.expand(3, -1, -1), none, none.float(), none, pairs,
            torch.zeros(0, 10), pairs, empty,
        )  # fmt: skip
    packs = [pack(sheet) for sheet in sheets]
    longest = -(-max(len(p.ids) for p in packs) // 8) * 8

    def padded(name: str, fill: float) -> torch.Tensor:
        rows = [getattr(p, name) for p in packs]
        return torch.from_numpy(
            np.stack([
                np.pad(r, [(0, 0)] * (r.ndim - 1) + [(0, longest - r.shape[-1])], constant_values=fill)
                for r in rows
            ])
        )  # fmt: skip

    branch = padded("branch", -1)
    earlier = torch.ones(longest, longest, dtype=torch.bool).tril()
    mask = earlier & ((branch[:, None] == 0) | (branch[:, None] == branch[:, :, None]))

    def places(name: str) -> torch.Tensor:
        rows = [np.stack([np.full(len(r), i), r], 1) for i, r in enumerate(getattr(p, name) for p in packs)]
        return torch.from_numpy(np.concatenate(rows))

    def joined(name: str) -> torch.Tensor:
        return torch.from_numpy(np.concatenate([getattr(p, name) for p in packs]))

    return Batch(
        pixels, labels, padded("ids", 0), mask[:, None], padded("positions", 0).transpose(0, 1),
        padded("target", -100), padded("weight", 0), padded("kind", -1), places("share_at"), joined("share"),
        places("look_at"), joined("look"),
    )  # fmt: skip
