"""``alref-local segment SOURCE "sentence" ...``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from alref_local.cli.progress import Progress
from alref_local.jobs import Job, collect_jobs, is_list, parse_pivot

_EPILOG = """\b
SOURCE is a video file, a folder of frames, a folder of videos, or a CSV with the columns video,sentence.
The output folder holds masks/ID/*.png, masks.json (COCO RLE), overlay.mp4, result.json and calls.jsonl;
for a folder of videos and a CSV, one such folder for each video."""


@click.command(epilog=_EPILOG)
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("sentences", nargs=-1)
@click.option(
    "--backend", "-b", default="none", show_default=True, help="Backend card (name or path), or replay:RUN."
)
@click.option("--config", "-c", default="default", show_default=True, help="Config (name or path).")
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change one setting, e.g. pivots.frame=first.",
)
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), default="out", show_default=True, help="Output folder."
)
@click.option(
    "--pivot",
    "pivots",
    multiple=True,
    metavar="FRAME:x0,y0,x1,y1",
    help="Your own box instead of reasoning; FRAME counts the segmented frames from 0.",
)
@click.option("--start", type=float, help="Leave out what comes before this second.")
@click.option("--end", type=float, help="Leave out what comes from this second on.")
@click.option(
    "--every", type=click.IntRange(min=1), default=1, show_default=True, help="Take every N-th frame."
)
@click.option("--cutouts", is_flag=True, help="Also write every object as PNG with alpha.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--seed", type=int, help="Seed of the backend's sampling, instead of the card's.")
@click.option("--offline", is_flag=True, help="Use no network but this machine's own (as HF_HUB_OFFLINE=1).")
@click.option("--dry-run", is_flag=True, help="Say what would be asked, and load no model.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    source: Path,
    sentences: tuple[str, ...],
    backend: str,
    config: str,
    changes: tuple[str, ...],
    out: Path,
    pivots: tuple[str, ...],
    as_json: bool,
    dry_run: bool,
    cutouts: bool,
    **rest: Any,
) -> int:
    """Segment what SENTENCES refer to in SOURCE, through the whole video."""
    from alref_local.batch import run_all
    from alref_local.configs import parse_changes
    from alref_local.session import Session, Window

    jobs = collect_jobs(source, sentences, [parse_pivot(text) for text in pivots])
    window = Window(rest["start"], rest["end"], rest["every"])
    options = {key: rest[key] for key in ("device", "offline", "seed")}
    with Session(config, backend, changes=parse_changes(changes), **options) as session:

        def work(job: Job) -> dict[str, Any]:
            if dry_run:
                return session.plan(job, window)
            folder = out / job.name if is_list(source) else out
            with Progress(job.name) as progress:
                return _row(session.segment(job, folder, window=window, cutouts=cutouts, tell=progress.tell))

        session.check()
        rows, failed = run_all(jobs, work)
    if as_json:
        told = {"videos": rows, "failed": [asdict(one) for one in failed]}
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        _tell(rows, dry_run, reasoned=session.card.kind != "none")
    for one in failed:
        click.echo(f"{one.name} failed: {one.error}" + (f" Hint: {one.hint}" if one.hint else ""), err=True)
    return 1 if failed else 0


def _row(done: Any) -> dict[str, Any]:
    return {
        "name": done.name,
        "folder": str(done.folder),
        "frames": done.length,
        "reused": done.reused,
        "references": [
            {
                "id": result.query.id,
                "text": result.query.text,
                "status": result.status,
                "pivots": [{"frame": pivot.frame, "box": list(pivot.box)} for pivot in result.pivots],
            }
            for result in done.results
        ],
        "seconds": {stage: round(seconds, 2) for stage, seconds in done.timings.items()},
    }


def _tell(rows: list[dict[str, Any]], dry_run: bool, reasoned: bool) -> None:
    for row in rows:
        if dry_run:
            say = "{name}: {frames} frames, {clips} clips, {questions} questions to {backend}, before any retries"
            click.echo(say.format(**row))
            continue
        for one in row["references"]:
            said = "segmented" if one["status"] == "ok" else "no target found"
            frames = ", ".join(str(pivot["frame"]) for pivot in one["pivots"])
            click.echo(
                f'{row["name"]}: "{one["text"]}" {said}' + (f" (pivot frames {frames})" if frames else "")
            )
        click.echo(f"{row['folder']}/overlay.mp4" + (" (finished before)" if row["reused"] else ""))
    if not reasoned and not dry_run:
        click.echo(
            "Nothing reasoned: choose a backend with --backend (`alref-local backends` lists them).", err=True
        )
