"""Train the tiny Qwen2-VL on the drawn world and save the folder the package ships.

    python scripts/tiny/train_qwen2_vl.py --out FOLDER --minutes 70 [--resume] [--device cuda]

Runs on one CPU core and a second one that draws sheets. FOLDER/run holds the state to resume from and log.jsonl;
FOLDER/model the weights to date in the released format. The schedule follows the clock. Details: qwen2_vl.md.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

from qwen2_vl_data import SIDE, Sheet, draw_scene, sheets
from qwen2_vl_loss import POINTER_WEIGHT, CellHeads, losses
from qwen2_vl_model import begin_from, build_model, save_folder
from qwen2_vl_pack import Batch, collate
from qwen2_vl_symbols import symbol_sheet

SHEETS: Final = 16
MIXED: Final = 96  # sheets of one size from which a batch is drawn, so that those of one clip come apart
USES: Final = (
    3  # how often a sheet is shown, with other questions: drawing it costs as much as half of a step
)
QUESTIONS: Final = 3  # asked together, of those drawn for a sheet
MUON_RATE, ADAM_RATE = 2e-3, 1.5e-3
WARM_UP: Final = 60  # steps
HELD: Final = 0.8  # share of the time at the full rate
FLOOR: Final = 0.03
CELLS_WEIGHT: Final = (0.6, 0.3)  # at the beginning and at the end


class Stage(NamedTuple):
    """Until which share of the time, how many panels a strip has (shares of 1 to 6), and how many questions."""

    until: float
    panels: tuple[float, ...]
    questions: int


STAGES: Final = (
    Stage(0.04, (0, 0.5, 0.4, 0.1, 0, 0), 0),  # the cells alone, many small strips
    Stage(0.25, (0.02, 0.18, 0.35, 0.3, 0.1, 0.05), 9),
    Stage(1.00, (0.02, 0.05, 0.08, 0.12, 0.28, 0.45), 9),
)


class Batches(IterableDataset[Batch]):  # type: ignore[misc]
    """Endless batches of one stage; the same seed gives the same ones."""

    def __init__(self, stage: Stage, symbols: int, seed: int) -> None:
        self.stage, self.symbols, self.seed = stage, symbols, seed

    def __iter__(self) -> Iterator[Batch]:
        rng = np.random.default_rng(self.seed)
        kept: dict[int, list[tuple[Sheet, int]]] = defaultdict(list)
        while True:
            panels = int(rng.choice(6, p=self.stage.panels)) + 1
            for sheet in sheets(draw_scene(rng), panels, self.stage.questions, rng):
                if sheet.asked or not self.stage.questions:
                    kept[sheet.pixels.shape[1]].append((sheet, USES))
            for same in kept.values():
                if len(same) >= MIXED:
                    rng.shuffle(same)
                    drawn = [same.pop() for _ in range(SHEETS)]
                    same += [(sheet, left - 1) for sheet, left in drawn if left > 1]
                    yield collate([_some(sheet, rng) for sheet, _ in drawn])
                    for _ in range(self.symbols if self.stage.questions else 0):
                        yield collate(
                            [symbol_sheet(panels_of(drawn[0][0]), QUESTIONS, rng) for _ in range(SHEETS)]
                        )


def panels_of(sheet: Sheet) -> int:
    """How many panels a sheet shows."""
    return int(sheet.pixels.shape[1]) // SIDE[1]


def _some(sheet: Sheet, rng: np.random.Generator) -> Sheet:
    """The sheet with some of its questions."""
    picked = rng.permutation(len(sheet.asked))[:QUESTIONS]
    return replace(sheet, asked=tuple(sheet.asked[i] for i in picked))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is asked to do."""

    out: Path
    minutes: float
    device: torch.device
    seed: int
    save_minutes: float
    begin: Path | None
    symbols: int  # batches without pictures after each with
    dtype: torch.dtype


class Trainer:
    """Model, throw-away heads, optimisers and the share of the time that is spent."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        torch.manual_seed(plan.seed)
        self.model = build_model()
        if plan.begin is not None:
            begin_from(self.model, plan.begin)
        self.model.to(plan.device)
        self.heads = CellHeads(self.model.config.text_config.hidden_size).to(plan.device)
        self.optimizers = self._optimizers()
        self.image = torch.empty(0)  # as the text tower last saw one
        self.step = 0
        self.spent = 0.0  # seconds

    def _optimizers(self) -> tuple[torch.optim.Optimizer, ...]:
        """Muon for the matrices inside, AdamW for the rest."""
        matrices: list[nn.Parameter] = []
        rest = list(self.heads.parameters())
        for name, parameter in self.model.named_parameters():
            inside = parameter.ndim == 2 and "embed_tokens" not in name and "lm_head" not in name
            (matrices if inside else rest).append(parameter)
        muon = torch.optim.Muon(
            matrices, lr=MUON_RATE, momentum=0.95, weight_decay=0.02, adjust_lr_fn="match_rms_adamw"
        )
        return muon, torch.optim.AdamW(rest, lr=ADAM_RATE, betas=(0.9, 0.98), weight_decay=0.01)

    @property
    def progress(self) -> float:
        """Share of the time spent, 0..1."""
        return min(1.0, self.spent / (60 * self.plan.minutes))

    @property
    def stage(self) -> Stage:
        """The stage that this share of the time falls in; weights that were trained before need the last alone."""
        if self.plan.begin is not None:
            return STAGES[-1]
        return next((s for s in STAGES if self.progress < s.until), STAGES[-1])

    def learn(self, batch: Batch) -> dict[str, float]:
        """One step; returns the parts of the loss and how often things are right."""
        fall = max(0.0, (self.progress - HELD) / (1 - HELD))
        rate = min(1.0, (self.step + 1) / WARM_UP) * (1 - (1 - FLOOR) * fall)
        for optimizer, full in zip(self.optimizers, (MUON_RATE, ADAM_RATE), strict=True):
            for group in optimizer.param_groups:
                group["lr"] = full * rate
        batch = Batch(*(tensor.to(self.plan.device) for tensor in batch))
        with torch.autocast(self.plan.device.type, torch.bfloat16, enabled=self.plan.dtype != torch.float32):
            borrowed = None if batch.pixels.shape[1] else self.image
            (reply, pointer, cells, right), self.image = losses(self.model, self.heads, batch, borrowed)
            start, end = CELLS_WEIGHT
            loss = reply + POINTER_WEIGHT * pointer + (start + (end - start) * self.progress) * cells
        loss.backward()
        nn.utils.clip_grad_norm_([*self.model.parameters(), *self.heads.parameters()], 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        parts = {"cells": float(cells.detach())}
        if batch.ids.shape[1]:
            parts |= {"reply": float(reply.detach()), "pointer": float(pointer.detach())}
        return parts | {f"{name} right": value for name, value in right.items()}

    def save(self) -> None:
        """Write the folder and the state to resume from."""
        save_folder(self.model, self.plan.out / "model")
        state = {
            "model": self.model.state_dict(), "heads": self.heads.state_dict(), "step": self.step,
            "optimizers": [o.state_dict() for o in self.optimizers], "spent": self.spent,
        }  # fmt: skip
        part = self.plan.out / "run" / "state.pt.part"
        torch.save(state, part)
        part.replace(part.with_suffix(""))

    def resume(self) -> None:
        """Take up the last saved state."""
        file = self.plan.out / "run" / "state.pt"
        state = torch.load(file, map_location=self.plan.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.heads.load_state_dict(state["heads"])
        for optimizer, kept in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        self.step, self.spent = state["step"], state["spent"]


def train(plan: Plan, *, resume: bool) -> None:
    """Run until the planned minutes are spent; the time is counted over all resumed runs."""
    (plan.out / "run").mkdir(parents=True, exist_ok=True)
    trainer = Trainer(plan)
    if resume:
        trainer.resume()
    stage: Stage | None = None
    batches: Iterator[Batch] = iter(())
    saved = reported = trainer.spent
    last = time.perf_counter()
    sums: dict[str, list[float]] = defaultdict(list)
    waited, seen = 0.0, 0
    while trainer.progress < 1:
        if trainer.stage is not stage:
            stage = trainer.stage
            batches = iter(
                DataLoader(
                    Batches(stage, plan.symbols, plan.seed + trainer.step),
                    batch_size=None,
                    num_workers=1,
                    prefetch_factor=8,
                )
            )
        asked = time.perf_counter()
        batch = next(batches)
        waited += time.perf_counter() - asked
        for name, value in trainer.learn(batch).items():
            sums[name].append(value)
        seen += len(batch.pixels)
        now = time.perf_counter()
        trainer.spent, last = trainer.spent + now - last, now
        if trainer.spent - reported > 60 or trainer.progress >= 1:
            line: dict[str, Any] = {
                "minutes": round(trainer.spent / 60, 2), "step": trainer.step,
                "sheets a second": round(seen / (trainer.spent - reported), 1),
                "waited": round(waited / (trainer.spent - reported), 2),
                **{name: round(float(np.mean(values)), 3) for name, values in sums.items()},
            }  # fmt: skip
            with (plan.out / "run" / "log.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
            print(json.dumps(line), flush=True)
            sums, reported, waited, seen = defaultdict(list), trainer.spent, 0.0, 0
        if trainer.spent - saved > 60 * plan.save_minutes or trainer.progress >= 1:
            trainer.save()
            saved = trainer.spent


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=70)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save-minutes", type=float, default=4)
    parser.add_argument("--begin", type=Path, help="folder whose weights come first, of this size or smaller")
    parser.add_argument("--symbols", type=int, default=5, help="batches without pictures after each with")
    parser.add_argument(
        "--dtype", choices=("bfloat16", "float32"), default="bfloat16",
        help="float32 on a processor that does not multiply in bfloat16",
    )  # fmt: skip
    given = parser.parse_args()
    plan = Plan(
        given.out, given.minutes, torch.device(given.device), given.seed, given.save_minutes, given.begin,
        given.symbols, getattr(torch, given.dtype),
    )  # fmt: skip
    train(plan, resume=given.resume)


if __name__ == "__main__":
    main()
