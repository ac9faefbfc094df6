"""Train the tiny CLAP on the drawn world's sounds and save the folder the package ships.

    python scripts/tiny/train_clap.py --out FOLDER --minutes 25 [--resume] [--device cuda]

Runs on one CPU core. FOLDER/run holds the state to resume from and log.jsonl; FOLDER/model the weights to date in the
released format. The schedule follows the clock. Details: clap.md.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from clap_data import Batch, batches
from clap_model import build_model, build_tokenizer, save_folder
from clap_words import teach_order

MUON_RATE, ADAM_RATE = 4e-3, 2e-3
WARM_UP: Final = 50  # steps
FLOOR: Final = 0.02  # share of the rate that is left at the end
STEEPEST: Final = 4.0  # the logarithm of what cosines are multiplied by


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is asked to do."""

    out: Path
    minutes: float
    device: torch.device
    seed: int
    save_minutes: float


class Learnt(NamedTuple):
    """One step: the loss, and the share of rows whose combination was chosen right."""

    loss: float
    right: float


class Trainer:
    """Model, optimisers and the share of the time that is spent."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.model = build_model(plan.seed).to(plan.device).train()
        self.tokenizer = build_tokenizer()
        teach_order(self.model, self.tokenizer, plan.seed)
        self.optimizers = self._optimizers()
        self.step = 0
        self.spent = 0.0  # seconds

    def _optimizers(self) -> tuple[torch.optim.Optimizer, ...]:
        """Muon for the matrices inside, AdamW for the rest."""
        matrices: list[nn.Parameter] = []
        rest: list[nn.Parameter] = []
        for name, parameter in self.model.named_parameters():
            inside = (
                (".blocks." in name or ".layer." in name) and name.endswith("weight") and parameter.ndim == 2
            )
            (matrices if inside else rest).append(parameter)
        muon = torch.optim.Muon(
            matrices, lr=MUON_RATE, momentum=0.95, weight_decay=0.02, adjust_lr_fn="match_rms_adamw"
        )
        return muon, torch.optim.AdamW(rest, lr=ADAM_RATE, betas=(0.9, 0.98), weight_decay=0.01)

    @property
    def progress(self) -> float:
        """Share of the time spent, 0..1."""
        return min(1.0, self.spent / (60 * self.plan.minutes))

    def learn(self, batch: Batch) -> Learnt:
        """One step: of the combinations that a row is offered, the true one should be the most alike."""
        rate = min(1.0, (self.step + 1) / WARM_UP) * (1 - (1 - FLOOR) * self.progress)
        for optimizer, full in zip(self.optimizers, (MUON_RATE, ADAM_RATE), strict=True):
            for group in optimizer.param_groups:
                group["lr"] = full * rate
        logits = self._logits(batch)
        right = batch.right.to(logits.device)
        lost = F.cross_entropy(logits, right)
        lost.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            self.model.logit_scale_a.clamp_(max=STEEPEST)
        self.step += 1
        return Learnt(float(lost.detach()), float((logits.argmax(dim=1) == right).float().mean()))

    def _logits(self, batch: Batch) -> torch.Tensor:
        """``(n, m)``, minus infinity where a text is not offered."""
        device = self.plan.device
        heard = self.model.get_audio_features(batch.heard.to(device)).pooler_output
        tokens = self.tokenizer(batch.texts, padding=True, return_tensors="pt").to(device)
        read = self.model.get_text_features(
            tokens["input_ids"], attention_mask=tokens["attention_mask"]
        ).pooler_output
        logits = self.model.logit_scale_a.exp() * heard @ read.T
        return logits.masked_fill(~batch.offered.to(device), -torch.inf)

    def save(self) -> None:
        """Write the folder and the state to resume from."""
        save_folder(self.model, self.plan.out / "model")
        state = {
            "model": self.model.state_dict(), "optimizers": [o.state_dict() for o in self.optimizers],
            "step": self.step, "spent": self.spent,
        }  # fmt: skip
        part = self.plan.out / "run" / "state.pt.part"
        torch.save(state, part)
        part.replace(part.with_suffix(""))

    def resume(self) -> None:
        """Take up the last saved state."""
        file = self.plan.out / "run" / "state.pt"
        state = torch.load(file, map_location=self.plan.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        for optimizer, kept in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        self.step, self.spent = state["step"], state["spent"]


def train(plan: Plan, *, resume: bool) -> None:
    """Run until the planned minutes are spent; the time is counted over all resumed runs."""
    (plan.out / "run").mkdir(parents=True, exist_ok=True)
    trainer = Trainer(plan)
    if resume:
        trainer.resume()
    last = time.perf_counter()
    source = batches(plan.seed + trainer.step)
    saved = reported = trainer.spent
    steps: list[Learnt] = []
    while trainer.progress < 1:
        steps.append(trainer.learn(next(source)))
        now = time.perf_counter()
        trainer.spent, last = trainer.spent + now - last, now
        if trainer.spent - reported > 30 or trainer.progress >= 1:
            _report(plan, trainer, steps, trainer.spent - reported)
            steps, reported = [], trainer.spent
        if trainer.spent - saved > 60 * plan.save_minutes or trainer.progress >= 1:
            trainer.save()
            saved = trainer.spent


def _report(plan: Plan, trainer: Trainer, steps: list[Learnt], seconds: float) -> None:
    line = {
        "minutes": round(trainer.spent / 60, 2), "step": trainer.step,
        "steps a second": round(len(steps) / seconds, 2),
        "loss": round(sum(step.loss for step in steps) / len(steps), 4),
        "right": round(sum(step.right for step in steps) / len(steps), 4),
    }  # fmt: skip
    with (plan.out / "run" / "log.jsonl").open("a") as log:
        log.write(json.dumps(line) + "\n")
    print(json.dumps(line), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save-minutes", type=float, default=3)
    given = parser.parse_args()
    plan = Plan(given.out, given.minutes, torch.device(given.device), given.seed, given.save_minutes)
    train(plan, resume=given.resume)


if __name__ == "__main__":
    main()
