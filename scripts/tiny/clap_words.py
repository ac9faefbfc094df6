"""What the tiny CLAP reads: combinations of names, and the directions that they point in to begin with.

Two towers that know nothing learn slowly from each other. So the text tower is taught a plain order first: each class
is a direction, what sounds together lies between its classes, and silence is a direction of its own.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F

from clap_model import CLASSES, NAMES, SILENCE

Told = tuple[int, ...]
"""Classes that sound together, by number."""

LESSONS: Final = 400  # steps
AT_ONCE: Final = 64  # texts
MOST: Final = 4  # names of a text


def said(told: Told, rng: np.random.Generator) -> str:
    """Names in any order, joined as equation 1 joins them; now and then by another name."""
    names = [NAMES[CLASSES[one]] for one in rng.permutation(np.array(told, int)).tolist()]
    words = [str(rng.choice(name)) if rng.random() < 0.1 else name[0] for name in names]
    return ", ".join(words) or SILENCE


def directions(told: list[Told], width: int) -> torch.Tensor:
    """``(n, width)`` of unit length: where texts should point."""
    aims = torch.zeros(len(told), width)
    for row, some in zip(aims, told, strict=True):
        row[list(some) or [len(CLASSES)]] = 1
    turn = torch.linalg.qr(torch.randn(width, width, generator=torch.Generator().manual_seed(0)))[0]
    return F.normalize(aims, dim=-1) @ turn


def teach_order(model: Any, tokenizer: Any, seed: int) -> float:
    """Teach the text tower its directions; returns how far texts are from them in the end (1 - cosine)."""
    rng = np.random.default_rng((seed, 2))
    parameters = [*model.text_model.parameters(), *model.text_projection.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=3e-3)
    off = torch.ones(())
    for step in range(LESSONS):
        optimizer.param_groups[0]["lr"] = 3e-3 * (1 - step / LESSONS)
        told = [
            tuple(rng.choice(len(CLASSES), rng.integers(MOST + 1), replace=False).tolist())
            for _ in range(AT_ONCE)
        ]
        tokens = tokenizer([said(some, rng) for some in told], padding=True, return_tensors="pt").to(
            model.device
        )
        read = model.get_text_features(
            tokens["input_ids"], attention_mask=tokens["attention_mask"]
        ).pooler_output
        aims = directions(told, read.shape[1]).to(model.device)
        off = 1 - (read * aims).sum(dim=1).mean()
        off.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return float(off.detach())
