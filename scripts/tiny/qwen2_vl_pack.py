"""How a sheet with its questions becomes one packed sequence of tokens, and sheets a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from qwen2_vl_data import Asked, Sheet
from qwen2_vl_tokens import HEAD_LENGTH, digits, encode, prompt_ids

ROOM: Final = 230  # tokens of a packed sheet besides the image; questions beyond them are left out
_LIST_WEIGHT, _WORD_WEIGHT, _OTHER_WEIGHT = 3.0, 1.5, 0.2


class Packed(NamedTuple):
    """One sheet as tokens: image and instruction once, then every question and its reply as a branch of its own.

    `ids`, `branch` (0 for what all share), `positions` (3, L), `target` (-100: none) and `weight` go over the
    sequence. `at` are the places that predict an id of a list, `spots` (n, cells) what they are to look at, `share`
    (n, 10) how right each digit is; `seen_at` and `seen` likewise for the places that predict descriptive words.
    """

    ids: NDArray[np.int64]
    branch: NDArray[np.int64]
    positions: NDArray[np.int64]
    target: NDArray[np.int64]
    weight: NDArray[np.float32]
    at: NDArray[np.int64]
    spots: NDArray[np.bool_]
    share: NDArray[np.float32]
    seen_at: NDArray[np.int64]
    seen: NDArray[np.bool_]


def pack(sheet: Sheet) -> Packed:
    """All questions of a sheet in one sequence; they share their longest common beginning."""
    rows, columns = sheet.labels.shape[1:]
    asked = [(prompt_ids(a.text, rows * columns), a) for a in sheet.asked]
    shared = _common([p for p, _ in asked])
    # One question alone still needs a beginning to branch from: all but its last token.
    shared = min(shared, min(len(p) for p, _ in asked) - 1)
    ids, branch = list(asked[0][0][:shared]), [0] * shared
    positions = [_positions(shared, rows, columns)]
    target, weight = [-100] * shared, [0.0] * shared
    at: list[int] = []
    spots, share, seen_at, seen = [], [], [], []
    after = int(positions[0].max()) + 1
    for number, (prompt, question) in enumerate(asked, 1):
        reply, weights, places, words = _reply(question)
        tail = [*prompt[shared:], *reply]
        if len(ids) + len(tail) > ROOM + rows * columns and number > 1:
            break
        begin = len(ids) + len(prompt) - shared - 1  # the place that predicts the reply's first token
        ids += tail
        branch += [number] * len(tail)
        positions.append(np.broadcast_to(after + np.arange(len(tail)), (3, len(tail))))
        target += [-100] * (len(prompt) - shared - 1) + reply + [-100]
        weight += [0.0] * (len(prompt) - shared - 1) + weights + [0.0]
        for place, cells, right in zip(places, question.found, _shares(question), strict=True):
            at.append(begin + place)
            spots.append(cells.ravel())
            share.append(right)
        if question.seen.any():
            seen_at += [begin + place for place in words]
            seen += [question.seen.ravel()] * len(words)
    cells = rows * columns
    return Packed(
        np.array(ids), np.array(branch), np.concatenate(positions, axis=1), np.array(target),
        np.array(weight, np.float32), np.array(at, np.int64), np.array(spots, bool).reshape(-1, cells),
        np.array(share, np.float32).reshape(-1, 10), np.array(seen_at, np.int64),
        np.array(seen, bool).reshape(-1, cells),
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


def _reply(question: Asked) -> tuple[list[int], list[float], list[int], list[int]]:
    """Tokens, their weights, which of them are ids of the list, and which are descriptive words."""
    said = question.words.rstrip()
    listed = f" [{', '.join(map(str, question.ids))}]"
    if question.kind == "absent" and question.frames is not None:
        listed = " [1]"
    tokens = list(encode(said + listed + "<|im_end|>"))
    tail = len(encode(listed + "<|im_end|>"))
    given = len(encode(said.partition(":")[0] + ":"))
    words = range(given, len(tokens) - tail - 3)  # then full stop, marker and colon
    weights = [_OTHER_WEIGHT] * len(tokens)
    for i in words:
        weights[i] = _WORD_WEIGHT
    for i in range(len(tokens) - tail, len(tokens) - 1):
        weights[i] = _LIST_WEIGHT
    places = [i for i in range(len(tokens) - tail, len(tokens)) if tokens[i] in digits()]
    if question.frames is not None:
        weights[places[0]] = 0.0  # the share of each panel is its target
    return tokens, weights, places, list(words)


def _shares(question: Asked) -> NDArray[np.float32]:
    """(ids, 10): how right each digit is; zero where the target is a plain token."""
    out = np.zeros((len(question.ids), 10), np.float32)
    if question.frames is not None and question.kind != "absent":
        out[0, 1 : 1 + len(question.frames)] = question.frames
    return out


class Batch(NamedTuple):
    """Sheets of one size. `mask` (B, 1, L, L) says which place sees which; `who` names the sheet of a place in `at`."""

    pixels: torch.Tensor  # (B, 112, 140 n, 3) uint8
    labels: torch.Tensor  # (B, 8, cells)
    ids: torch.Tensor  # (B, L); L is 0 where nothing is asked
    mask: torch.Tensor
    positions: torch.Tensor  # (3, B, L)
    target: torch.Tensor
    weight: torch.Tensor
    at: torch.Tensor  # (n, 2): sheet, place
    spots: torch.Tensor
    share: torch.Tensor
    seen_at: torch.Tensor
    seen: torch.Tensor


def collate(sheets: list[Sheet]) -> Batch:
    """Sheets of one size, either all with questions or all without."""
    pixels = torch.from_numpy(np.stack([s.pixels for s in sheets]))
    labels = torch.from_numpy(np.stack([s.labels.reshape(len(s.labels), -1) for s in sheets]))
    cells = labels.shape[2]
    if not sheets[0].asked:
        none = torch.zeros(len(sheets), 0, dtype=torch.long)
        empty = torch.zeros(0, cells, dtype=torch.bool)
        pairs = torch.zeros(0, 2, dtype=torch.long)
        square = torch.zeros(len(sheets), 1, 0, 0, dtype=torch.bool)
        return Batch(
            pixels, labels, none, square, none.expand(3, -1, -1), none, none.float(), pairs, empty,
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
        padded("target", -100), padded("weight", 0), places("at"), joined("spots"), joined("share"),
        places("seen_at"), joined("seen"),
    )  # fmt: skip
