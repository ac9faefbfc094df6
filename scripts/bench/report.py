"""How a report grows: runs are multiplied (as hard links), reported, and memory is read on the way.

python scripts/bench/report.py runs/a runs/b --videos 5000 -o many/
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import alref_local.compare as compare
import alref_local.report as reporting
from alref_local.compare.scan import ComparedItem, Walk
from alref_local.files import write_bytes

__all__ = ["measure", "multiply"]


def multiply(run: Path, videos: int, out: Path) -> Path:
    """An evaluation of so many videos, all of them those of ``run`` over and over."""
    result = json.loads((run / "result.json").read_text())
    (opened,) = compare.open_runs([run])
    rows = {}
    for number in range(videos):
        id = f"video-{number:05d}"
        (name, source), published = list(opened.items.items())[number % len(opened.items)], opened.published
        for file in (one for one in source.rglob("*") if one.is_file() and "masks" not in one.parts):
            target = out / "items" / id / file.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(file, target)
        rows[id] = result["rows"].get(published.get(name, name), {})
    write_bytes(out / "result.json", json.dumps({**result, "dataset": "", "rows": rows}).encode())
    return out


def measure(runs: Sequence[Path], out: Path) -> dict[str, float]:
    """Seconds, and memory in MB after a tenth of the videos and at the end."""
    begun, held = time.perf_counter(), []

    def watched(walk: Walk) -> Iterator[ComparedItem]:
        for item in walk:
            yield item
            held.append(_resident())

    _, found = reporting.report(runs, out, through=watched)
    size = sum(path.stat().st_size for path in (out / "data").rglob("*.js"))
    return {
        "videos": found.videos,
        "seconds": round(time.perf_counter() - begun, 1),
        "MB after a tenth": round(held[len(held) // 10]),
        "MB after the last": round(held[-1]),
        "MB at the end": round(_resident()),
        "MB of data": round(size / 1e6, 1),
    }


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--videos", type=int, default=5000)
    parser.add_argument("-o", "--out", type=Path, required=True)
    asked = parser.parse_args()
    many = [multiply(run, asked.videos, asked.out / f"run{k}") for k, run in enumerate(asked.runs)]
    json.dump(measure(many, asked.out / "report"), sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
