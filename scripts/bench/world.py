"""How well the tiny checkpoints and the whole method do on the drawn world.

    python scripts/bench/world.py --preset ladder --clips 200 --seed 900000 [--json]

Three parts, each on the same clips: the grounder alone (is the referent among the top 3 candidates?), the segmentor
alone (from a true box on a good frame, forward and backward), and the whole pipeline with true answers and with
rules in their place. Seeds of 900,000 and above are for reported figures only.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from alref_local.configs import load_config
from alref_local.world import PRESETS, make_scene
from grounding import measure_grounding
from pipeline import measure_pipeline
from segmentation import measure_segmentation
from tally import Tally

PARTS = {"grounding": measure_grounding, "segmentation": measure_segmentation, "pipeline": measure_pipeline}


def main() -> None:
    """Parse arguments, measure clip by clip, print the means."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", choices=list(PRESETS), default="ladder")
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--seed", type=int, default=800_000)
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--config", default="tiny")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()

    settings = load_config(options.config)
    tally = Tally()
    for number in range(options.clips):
        scene = make_scene(options.preset, options.seed + number)
        for part in options.parts:
            PARTS[part](scene, settings, options.device, tally)
        if sys.stderr.isatty():
            print(f"\r{number + 1}/{options.clips}", end="", file=sys.stderr, flush=True)
    head: dict[str, Any] = {"preset": options.preset, "clips": options.clips, "seed": options.seed}
    if options.json:
        print(json.dumps(head | {"figures": tally.means()}, indent=2))
        return
    print(" ".join(f"{key}={value}" for key, value in head.items()))
    print(tally.table())


if __name__ == "__main__":
    main()
