"""``alref-local segment SOURCE "sentence" ...``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from alref_local.cli.progress import Progress
from alref_local.errors import AlrefError, ConfigError
from alref_local.jobs import collect_jobs, parse_pivot

_EPILOG = """\b
SOURCE is a video file, a folder of frames, a folder of videos, or a CSV with the columns video,sentence.
The output folder holds masks/ID/*.png, masks.json (COCO RLE), overlay.mp4, result.json and calls.jsonl;
with several videos, one such folder for each."""


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
    "--pivot", "pivots", multiple=True, metavar="FRAME:x0,y0,x1,y1", help="Your own box instead of reasoning."
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
    from alref_local.configs import parse_changes
    from alref_local.session import Session, Window

    jobs = collect_jobs(source, sentences, [parse_pivot(text) for text in pivots])
    window = Window(rest["start"], rest["end"], rest["every"])
    failed: list[dict[str, str]] = []
    rows: list[dict[str, Any]] = []
    options = {key: rest[key] for key in ("device", "offline", "seed")}
    with Session(config, backend, changes=parse_changes(changes), **options) as session:
        for job in jobs:
            folder = out if len(jobs) == 1 else out / job.name
            try:
                if dry_run:
                    rows.append(session.plan(job, window))
                    continue
                with Progress(job.name) as progress:
                    done = session.segment(job, folder, window=window, cutouts=cutouts, tell=progress.tell)
                rows.append(_row(done))
            except AlrefError as error:
                if len(jobs) == 1 or isinstance(error, ConfigError) or error.exit_code == 3:
                    raise
                failed.append({"name": job.name, "error": str(error), "hint": error.hint})
    _print(rows, failed, as_json, dry_run)
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


def _print(rows: list[dict[str, Any]], failed: list[dict[str, str]], as_json: bool, dry_run: bool) -> None:
    if as_json:
        click.echo(json.dumps({"videos": rows, "failed": failed}, indent=2, ensure_ascii=False))
    for row in rows if not as_json else ():
        if dry_run:
            click.echo(
                "{name}: {frames} frames, {clips} clips, at most {questions} questions to {backend}".format(
                    **row
                )
            )
            continue
        for one in row["references"]:
            said = "segmented" if one["status"] == "ok" else "no target found"
            pivots = ", ".join(str(pivot["frame"]) for pivot in one["pivots"])
            click.echo(
                f'{row["name"]}: "{one["text"]}" {said}' + (f" (pivot frames {pivots})" if pivots else "")
            )
        click.echo(f"{row['folder']}/overlay.mp4" + (" (finished before)" if row["reused"] else ""))
    for one in failed:
        click.echo(f"{one['name']} failed: {one['error']}", err=True)
        if one["hint"]:
            click.echo(f"Hint: {one['hint']}", err=True)
