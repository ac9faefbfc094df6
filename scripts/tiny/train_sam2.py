"""Train the tiny SAM 2 video model on the drawn world.

`python scripts/tiny/train_sam2.py --out DIR --minutes 85`; stop it at any time and repeat the same command with
`--resume`. The schedule runs on minutes spent, so the same command gives more steps on a faster machine. sam2.md
beside this file tells the recipe and its figures.
"""

from __future__ import annotations

import argparse
import copy
import multiprocessing
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from torch import nn
from transformers import Sam2VideoModel

from sam2_data import Batch, Pool, cut, fill
from sam2_loss import Loss, judge
from sam2_model import IMAGE_SIZE, export, make_model
from sam2_prompts import draw_prompt
from sam2_step import Truth, encode, track


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the schedule, up to the share `until` of all minutes."""

    until: float
    sides: tuple[int, ...]
    """Pixels of the windows, drawn for each batch; 256 is the whole frame."""
    image_every: int
    """Every so many batches one holds single images, the others clips."""
    lengths: tuple[int, ...] = (1,)
    vanishing: float = 0.0
    """Share of clips chosen because their object goes out of sight."""
    presence: float = 0.3
    """Weight of the object score's loss."""
    teach: float = 0.0
    """Chance, falling to none over the stage, that a memory is made from the truth."""


STAGES = (
    Stage(0.12, (128,), 1),
    Stage(0.29, (128,), 3, (3, 4, 5), vanishing=0.2, presence=1.0, teach=0.6),
    Stage(0.39, (128,), 4, (5, 6, 7, 8), vanishing=0.4, presence=1.5),
    Stage(0.58, (192,), 4, (4, 6, 8), vanishing=0.5, presence=3.0),
    Stage(0.85, (256,), 4, (4, 6, 8, 10), vanishing=0.5, presence=3.0, teach=0.4),
    Stage(1.00, (128, 128, 128, 160, 256), 6, (4, 6, 8), vanishing=0.6, presence=3.0, teach=0.3),
)
BATCH = {128: (12, 5), 160: (10, 4), 192: (8, 4), 256: (6, 3)}
"""Single images and clips of a batch, by side."""
PEAK, FLOOR, WARM_UP = 1e-3, 2e-5, 100
DECAY = 0.995


def learning_rate(progress: float, step: int) -> float:
    """Constant on single images, then a parabola from two thirds of it to the floor; a warm-up in the first steps."""
    start = STAGES[0].until
    rate = PEAK
    if progress > start:
        rate = FLOOR + (0.66 * PEAK - FLOOR) * (1 - ((progress - start) / (1 - start)) ** 2)
    return rate * min(1.0, (step + 1) / WARM_UP)


def make_optimizer(model: nn.Module) -> torch.optim.Optimizer:
    """AdamW; only matrices decay."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": 0.02}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=PEAK, betas=(0.9, 0.98))


def step_loss(
    model: Sam2VideoModel,
    pool: Pool,
    stage: Stage,
    share: float,
    step: int,
    rng: np.random.Generator,
    device: str,
) -> Loss:
    """Draw a batch and run it; `share` is how far the stage has gone."""
    side = int(rng.choice(stage.sides))
    images, clips = BATCH[side]
    if step % stage.image_every == 0:
        length, prompted = 1, [0]
        batch = cut(pool, rng, images, 1, prompted, side)
    else:
        length = int(rng.choice(stage.lengths))
        count = 2 if side == IMAGE_SIZE and rng.random() < 0.25 else 1
        ends = [0, length - 1] if rng.random() < 0.4 else list(range(length))
        prompted = sorted(int(t) for t in rng.choice(ends, count, replace=False))
        batch = cut(pool, rng, clips, length, prompted, side, stage.vanishing)
    prompts = {t: draw_prompt(batch, t, row, rng) for row, t in enumerate(prompted)}
    batch = Batch(*(field.to(device) for field in batch))
    prompts = {t: type(p)(*(None if f is None else f.to(device) for f in p)) for t, p in prompts.items()}
    frames = encode(model, batch.pixels, batch.corners)
    truth = None
    if length > 1:
        masks = F.interpolate(batch.masks, scale_factor=2.0, mode="bilinear")
        truth = Truth(masks, (batch.masks.sum((2, 3)) > 0).float(), stage.teach * (1 - share))
    span = 16 if rng.random() < 0.8 else max(length, 2)
    predictions = track(model, frames, batch.owner, length, prompts, span, truth)
    return judge(predictions, batch.masks, stage.presence)


def follow(average: nn.Module, model: nn.Module, step: int) -> None:
    """Exponential moving average of the weights; what is exported and judged."""
    decay = min(DECAY, (step + 1) / (step + 10))
    for mean, now in zip(average.parameters(), model.parameters(), strict=True):
        mean.data.lerp_(now.data, 1 - decay)


def main() -> None:
    """Train, log to `DIR/log.txt`, keep `DIR/state.pt` for `--resume`, export to `DIR/model`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=85)
    parser.add_argument("--resume", action="store_true", help="go on from DIR/state.pt")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--slots", type=int, default=1200, help="clips in the pool, 3 MB each on disk")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    options.out.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    pool = Pool(options.out / "pool", options.slots)
    arguments = (options.out / "pool", options.slots, options.seed)
    drawer = context.Process(target=fill, args=arguments, daemon=True)
    drawer.start()
    try:
        train(options, pool)
    finally:
        drawer.terminate()


def train(options: argparse.Namespace, pool: Pool) -> None:
    """The loop."""
    model = make_model(options.seed).to(options.device)
    average = copy.deepcopy(model)
    optimizer = make_optimizer(model)
    step, spent = 0, 0.0
    if options.resume:
        state = torch.load(options.out / "state.pt", map_location=options.device)
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step, spent = state["step"], state["spent"]
    while pool.filled < min(200, options.slots):
        time.sleep(1)
    rng = np.random.default_rng((options.seed, step))
    torch.manual_seed(options.seed + step)
    rows: list[tuple[float, ...]] = []
    last, saved, printed = time.monotonic(), spent, spent
    while spent < options.minutes:
        progress = spent / options.minutes
        index = next(i for i, s in enumerate(STAGES) if progress < s.until)
        stage, since = STAGES[index], STAGES[index - 1].until if index else 0.0
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(progress, step)
        share = (progress - since) / (stage.until - since)
        loss = step_loss(model, pool, stage, share, step, rng, options.device)
        optimizer.zero_grad()
        torch.autograd.backward(loss.total)
        norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        if torch.isfinite(norm):
            optimizer.step()
        follow(average, model, step)
        step += 1
        rows.append((float(loss.total.detach()), loss.overlap, loss.seen, loss.unseen, float(norm)))
        now = time.monotonic()
        spent, last = spent + (now - last) / 60, now
        if spent - printed >= 0.5:
            log(
                options.out,
                f"{spent:.1f} min, step {step}, stage {index}: {means(rows)}; pool {pool.drawn[0]}",
            )
            rows, printed = [], spent
        if spent - saved >= 3 or spent >= options.minutes:
            save(options.out, model, average, optimizer, step, spent)
            saved = spent


def means(rows: list[tuple[float, ...]]) -> str:
    """The means of the rows' columns, without the values that are not there."""
    names = ("loss", "J", "seen", "unseen", "norm")
    columns = np.array(rows).T
    return ", ".join(
        f"{n} {np.nanmean(c):.3f}" for n, c in zip(names, columns, strict=True) if np.isfinite(c).any()
    )


def log(out: Path, line: str) -> None:
    """Print a line and append it to `out/log.txt`."""
    print(line, flush=True)
    with (out / "log.txt").open("a") as file:
        file.write(line + "\n")


def save(
    out: Path,
    model: Sam2VideoModel,
    average: Sam2VideoModel,
    optimizer: torch.optim.Optimizer,
    step: int,
    spent: float,
) -> None:
    """Write the training state, then export the averaged model."""
    state = {
        "model": model.state_dict(),
        "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
        "spent": spent,
    }
    torch.save(state, out / "state.part")
    (out / "state.part").rename(out / "state.pt")
    export(average, out / "model")


if __name__ == "__main__":
    main()
