"""The paper's ladders on the drawn world, for any backend: Tables 3, 5 and 6 with paired 95 % intervals.

    python scripts/bench/ladder.py --clips 200 --seed 900000 --backend tiny [--json]

Every row is the method with one part changed, on the same clips; a gain is the mean of the differences clip by clip.
"true answers" are the same rows with a backend that knows the truth (``--backend none`` shows these alone). Seeds of
900,000 and above are for reported figures only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from alref_local.configs import load_config
from alref_local.metrics import gain
from alref_local.reason.backends import make_backend
from alref_local.reason.cache import AnswerCache
from alref_local.reason.card import load_card
from alref_local.seams import Backend
from alref_local.world import make_scene
from oracle import Oracle
from rungs import TABLES, WHOLE, Rungs

STEPS = next(iter(TABLES))
OTHERS = "No target, several objects"
TRUE = " (true answers)"


def main() -> None:
    """Parse arguments, run every row on every clip, print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--seed", type=int, default=800_000)
    parser.add_argument("--backend", default="tiny", help="card name or path")
    parser.add_argument("--config", default="tiny")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    scores = asyncio.run(measure(options))
    tables = {table: rows for table in (*TABLES, OTHERS) if (rows := _rows(table, scores))}
    if options.json:
        print(json.dumps(vars(options) | {"tables": tables, "scores": scores}, indent=2))
    else:
        print(f"{options.backend} on {options.clips} clips from seed {options.seed}, J&F")
        for table, rows in tables.items():
            print(f"\n{table}")
            for row in rows:
                print(_line(row))


async def measure(options: argparse.Namespace) -> dict[str, list[float]]:
    """Figures of every row, clip by clip; the rows of true answers carry ``TRUE`` in their names."""
    card = load_card(options.backend)
    settings = load_config(options.config, {} if card.kind == "none" else card.settings)
    scores: dict[str, list[float]] = defaultdict(list)
    rungs = Rungs(settings, options.device)
    kept = tempfile.TemporaryDirectory()  # rows share questions
    backend = make_backend(card, cache=AnswerCache(Path(kept.name) / "answers.sqlite"))
    try:
        for number in range(options.clips):
            await _ladder(rungs, options.seed + number, None if card.kind == "none" else backend, scores)
            if card.kind != "none":
                await _others(rungs, options.seed + number, backend, scores)
            if sys.stderr.isatty():
                print(f"\r{number + 1}/{options.clips}", end="", file=sys.stderr, flush=True)
    finally:
        rungs.close()
        await backend.close()
        kept.cleanup()
    return dict(scores)


async def _ladder(rungs: Rungs, seed: int, backend: Backend | None, scores: dict[str, list[float]]) -> None:
    """All rows of all tables on one `ladder` clip."""
    scene = make_scene("ladder", seed)
    rows: dict[str, tuple[dict[str, Any], Backend]] = {
        f"{STEPS}/{row}{TRUE}": (changes, Oracle(scene, scene.target))
        for row, changes in TABLES[STEPS].items()
    }
    if backend is not None:
        rows |= {
            f"{table}/{row}": (changes, backend)
            for table, changed in TABLES.items()
            for row, changes in changed.items()
            if rungs.knows(changes)
        }
    outcomes = await rungs.score(scene, scene.target, rows)
    for name, outcome in outcomes.items():
        scores[name].append(outcome.j_and_f)
    if backend is not None:
        scores[f"{OTHERS}/present referents denied"].append(outcomes[f"{STEPS}/+ PF & PB Select"].empty)


async def _others(rungs: Rungs, seed: int, backend: Backend, scores: dict[str, list[float]]) -> None:
    """The whole method where nothing fits, and where several objects are meant."""
    for preset in ("absent", "plural"):
        scene = make_scene(preset, seed)
        rows = {"": (WHOLE, backend), TRUE: (WHOLE, Oracle(scene, scene.target))}
        for ending, outcome in (await rungs.score(scene, scene.target, rows)).items():
            if preset == "absent":
                scores[f"{OTHERS}/absent objects recognised{ending}"].append(outcome.empty)
            else:
                scores[f"{OTHERS}/several objects, J&F{ending}"].append(outcome.j_and_f)


def _rows(table: str, scores: dict[str, list[float]]) -> list[dict[str, Any]]:
    """Mean of every row and its gain: over the row before in Table 3, over the first row in Tables 5 and 6."""
    rows: list[dict[str, Any]] = []
    for true in (False, True):
        names = [name for name in scores if name.startswith(table) and name.endswith(TRUE) == true]
        for i, name in enumerate(names):
            values = scores[name]
            row: dict[str, Any] = {"row": name.removeprefix(f"{table}/"), "mean": sum(values) / len(values)}
            if i and len(values) > 1 and table != OTHERS:
                row |= gain(values, scores[names[i - 1 if table == STEPS else 0]])._asdict()
            rows.append({key: round(one, 4) if isinstance(one, float) else one for key, one in row.items()})
    return rows


def _line(row: dict[str, Any]) -> str:
    said = f"  {row['row']:<42} {row['mean']:.3f}"
    return said + (f"   {row['gain']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]" if "gain" in row else "")


if __name__ == "__main__":
    main()
