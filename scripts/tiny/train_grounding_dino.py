"""Train the tiny GroundingDINO on the drawn world and save the folder the package ships.

    python scripts/tiny/train_grounding_dino.py --out FOLDER --minutes 60 [--resume] [--device cuda]

Runs on one CPU core (plus a light one that draws clips) or on a GPU. FOLDER/run holds the state to resume from and
log.jsonl; FOLDER itself always holds the best weights to date in the released format. Details: grounding_dino.md.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader
from transformers import AutoTokenizer, GroundingDinoForObjectDetection, GroundingDinoImageProcessorPil

from grounding_dino_captions import Shot
from grounding_dino_data import CELL_KINDS, SHOTS_PER_CLIP, Batch, Clips, make_batch
from grounding_dino_eval import Detector, evaluate, summary
from grounding_dino_forward import forward, picture_features, use_fast_attention
from grounding_dino_loss import cell_loss, set_loss
from grounding_dino_model import build_model, save_folder

RATE: Final = 1e-3
WARM_UP: Final = 0.03  # share of the time, at the start and again when the text joins
BACKBONE_ALONE: Final = 0.1  # share of the time in which only the backbone learns, without text
CELL_WEIGHT: Final = 0.5
AVERAGE: Final = 0.998
VALIDATION_SEED: Final = 800_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is asked to do."""

    out: Path
    minutes: float
    pictures: int
    captions: int
    device: torch.device
    seed: int
    report_minutes: float


class Trainer:
    """Model, its running average, optimiser and the share of the time that is spent."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        torch.manual_seed(plan.seed)
        self.model: GroundingDinoForObjectDetection = build_model().to(plan.device)
        self.cells = nn.Conv2d(self.model.config.d_model, CELL_KINDS, 1).to(plan.device)
        self.optimizer = torch.optim.AdamW(self._groups(), lr=RATE, betas=(0.9, 0.98))
        self.average = {k: v.detach().clone() for k, v in self.model.state_dict().items()}
        self.step = 0
        self.spent = 0.0  # seconds

    def _groups(self) -> list[dict[str, Any]]:
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for name, parameter in (*self.model.named_parameters(), *self.cells.named_parameters()):
            scale = 0.3 if "sampling_offsets" in name else 1.0
            decay = 1e-3 if parameter.ndim > 1 else 0.0
            groups.setdefault((scale, decay), []).append(parameter)
        return [{"params": p, "scale": s, "weight_decay": d} for (s, d), p in groups.items()]

    @property
    def progress(self) -> float:
        """Share of the time spent, 0..1; the learning rate follows it."""
        return min(1.0, self.spent / (60 * self.plan.minutes))

    @property
    def looks_only(self) -> bool:
        """Whether the backbone still learns alone."""
        return self.progress < BACKBONE_ALONE

    def learn(self, batch: Batch) -> float:
        """One step; returns the loss."""
        since = self.progress - (0 if self.looks_only else BACKBONE_ALONE)
        rate = min(1.0, since / WARM_UP + 0.02) * 0.5 * (1 + np.cos(np.pi * self.progress))
        for group in self.optimizer.param_groups:
            group["lr"] = RATE * group["scale"] * max(float(rate), 0.002)
        device = self.plan.device
        pixels, cells = batch.pixels.to(device), batch.truth.cells.to(device)
        if self.looks_only:
            loss = cell_loss(self.cells(picture_features(self.model, pixels)[0]), cells)
        else:
            mask = batch.mask.to(device)
            found = forward(self.model, pixels, batch.ids.to(device), mask)
            truth = batch.truth._replace(
                words=batch.truth.words.to(device), boxes=batch.truth.boxes.to(device)
            )
            loss = set_loss(found, truth, mask) + CELL_WEIGHT * cell_loss(self.cells(found.features), cells)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_([p for g in self.optimizer.param_groups for p in g["params"]], 1.0)
        self.optimizer.step()
        self.step += 1
        self._follow()
        return float(loss.detach())

    def _follow(self) -> None:
        keep = min(AVERAGE, (1 + self.step) / (10 + self.step))
        for name, value in self.model.state_dict().items():
            if value.is_floating_point():
                self.average[name].lerp_(value.detach(), 1 - keep)

    def save(self) -> None:
        """Write the folder and the state to resume from; each file appears whole or not at all."""
        save_folder(self.average, self.plan.out)
        state = {
            "model": self.model.state_dict(), "cells": self.cells.state_dict(), "average": self.average,
            "optimizer": self.optimizer.state_dict(), "step": self.step, "spent": self.spent,
        }  # fmt: skip
        part = self.plan.out / "run" / "state.pt.part"
        torch.save(state, part)
        part.replace(part.with_suffix(""))

    def resume(self) -> None:
        """Take up the last saved state."""
        state = torch.load(
            self.plan.out / "run" / "state.pt", map_location=self.plan.device, weights_only=True
        )
        self.model.load_state_dict(state["model"])
        self.cells.load_state_dict(state["cells"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average, self.step, self.spent = state["average"], state["step"], state["spent"]

    def report(self, clips: int = 24) -> dict[str, dict[str, float]]:
        """Figures of the average weights on validation clips, through the folder's own tokenizer and processor."""
        copy = build_model()
        copy.load_state_dict({k: v.cpu() for k, v in self.average.items()})
        tokenizer = AutoTokenizer.from_pretrained(self.plan.out)
        processor = GroundingDinoImageProcessorPil.from_pretrained(self.plan.out)
        detector = Detector(copy.eval(), tokenizer, processor)
        return summary(evaluate(detector, VALIDATION_SEED, clips, most=8))


class Pool:
    """The latest shots by canvas: each is shown a few times, with other captions, before newer ones replace it."""

    def __init__(self, clips: Iterator[list[Shot]], size: int, seed: int) -> None:
        self.clips, self.size, self.drawn = clips, size, 0
        self.rng, self.dice = np.random.default_rng(seed), random.Random(seed)
        self.shots: dict[tuple[int, ...], list[Shot]] = {}

    def batch(self, pictures: int, captions: int) -> Batch:
        """Draws pictures of one canvas; takes in a new clip every second time, and as many as are needed at first."""
        self.drawn += 1
        if self.drawn % 2:
            self._take()
        while True:
            canvases = [c for c, kept in self.shots.items() if len(kept) >= max(pictures, self.size // 20)]
            if canvases:
                canvas = self.dice.choices(canvases, [len(self.shots[c]) for c in canvases])[0]
                return make_batch(self.dice.sample(self.shots[canvas], pictures), captions, self.rng)
            self._take()

    def _take(self) -> None:
        fresh = next(self.clips)
        kept = self.shots.setdefault(fresh[0].pixels.shape, [])
        kept += fresh
        while len(kept) > self.size:
            kept.pop(self.dice.randrange(len(kept)))


def train(plan: Plan, *, resume: bool) -> None:
    """Run until the planned minutes are spent; the time is counted over all resumed runs."""
    (plan.out / "run").mkdir(parents=True, exist_ok=True)
    use_fast_attention()
    trainer = Trainer(plan)
    if resume:
        trainer.resume()
    loader = DataLoader(Clips(plan.seed + trainer.step), batch_size=None, num_workers=1, prefetch_factor=8)
    pool = Pool(iter(loader), 400 * SHOTS_PER_CLIP, plan.seed + trainer.step)
    losses: list[float] = []
    reported = trainer.spent
    last = time.perf_counter()
    while trainer.progress < 1:
        more = 2 if trainer.looks_only else 1
        losses.append(trainer.learn(pool.batch(more * plan.pictures, plan.captions if more == 1 else 1)))
        now = time.perf_counter()
        trainer.spent, last = trainer.spent + now - last, now
        if trainer.spent - reported > 60 * plan.report_minutes or trainer.progress >= 1:
            trainer.save()
            figures = {} if trainer.looks_only else trainer.report()
            line = {
                "minutes": round(trainer.spent / 60, 2), "step": trainer.step,
                "loss": round(float(np.mean(losses)), 4), **figures,
            }  # fmt: skip
            with (plan.out / "run" / "log.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
            print(json.dumps({k: v for k, v in line.items() if not k.startswith("in ")}), flush=True)
            losses, reported, last = [], trainer.spent, time.perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--pictures", type=int, default=6, help="pictures a step")
    parser.add_argument("--captions", type=int, default=4, help="captions for each of them")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report-minutes", type=float, default=4)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    plan = Plan(
        args.out,
        args.minutes,
        args.pictures,
        args.captions,
        torch.device(args.device),
        args.seed,
        args.report_minutes,
    )
    train(plan, resume=args.resume)


if __name__ == "__main__":
    main()
