"""``alref-local segment SOURCE "sentence" ... [--sound]``."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alref_local.cli.options import (
    cache_option,
    card_option,
    device_option,
    offline_option,
    repeat_option,
    seed_option,
    set_option,
)
from alref_local.cli.progress import Progress
from alref_local.jobs import Job, collect_jobs, is_list, parse_pivot
from alref_local.visible import visible

if TYPE_CHECKING:
    from alref_local.batch import Failure
    from alref_local.session import Segmentation, Session

_EPILOG = """\b
SOURCE is a video file, a folder of frames, a folder of videos, or a CSV with the columns video,sentence.
With --sound, whatever makes a sound is segmented; with sentences too, what they refer to must make a sound.
The output folder holds masks/ID/*.png, masks.json (COCO RLE), overlay.mp4, result.json and calls.jsonl;
for a folder of videos and a CSV, one such folder for each video."""
_NOBODY = "Nothing reasoned: choose a backend with --backend (`alref-local backends` lists them)."


@click.command(epilog=_EPILOG)
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("sentences", nargs=-1)
@click.option(
    "--backend", "-b", default="none", show_default=True, help="Backend card (name or path), or replay:RUN."
)
@click.option("--config", "-c", default="default", show_default=True, help="Config (name or path).")
@set_option
@card_option
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
@click.option("--sound", is_flag=True, help="Segment what makes a sound.")
@click.option(
    "--audio", type=click.Path(path_type=Path), help="Listen to this file, not to the video's track."
)
@click.option("--start", type=float, help="Leave out what comes before this second.")
@click.option("--end", type=float, help="Leave out what comes from this second on.")
@click.option(
    "--every", type=click.IntRange(min=1), default=1, show_default=True, help="Take every N-th frame."
)
@click.option(
    "--fps", type=float, help="Frame rate of a folder of frames (24 if nobody says; needed with --sound)."
)
@click.option("--cutouts", is_flag=True, help="Also write every object as PNG with alpha.")
@device_option
@seed_option
@repeat_option
@cache_option
@offline_option
@click.option("--dry-run", is_flag=True, help="Say what would be asked and what it costs; load no model.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    source: Path,
    sentences: tuple[str, ...],
    backend: str,
    config: str,
    changes: tuple[str, ...],
    fields: tuple[str, ...],
    out: Path,
    pivots: tuple[str, ...],
    as_json: bool,
    dry_run: bool,
    cutouts: bool,
    sound: bool,
    audio: Path | None,
    **rest: Any,
) -> int:
    """Segment what SENTENCES refer to, or what sounds, in SOURCE, through the whole video."""
    from alref_local.batch import run_all
    from alref_local.cli.telling import dry_run_lines, result_lines, row, usage_line
    from alref_local.configs import parse_changes
    from alref_local.session import Session, Window

    given = [parse_pivot(text) for text in pivots]
    jobs = collect_jobs(source, sentences, given, sound=sound, audio=audio, fps=rest["fps"])
    window = Window(rest["start"], rest["end"], rest["every"])
    options = {key: rest[key] for key in ("device", "offline", "seed", "repeat", "cache")}
    card = parse_changes(fields)
    with Session(config, backend, changes=parse_changes(changes), card=card, **options) as session:
        if dry_run:
            plans, failed = run_all(jobs, lambda job: session.dry_run(job, window))
            rows, lines = [asdict(plan) for plan in plans], list(dry_run_lines(plans))
        else:
            session.check(sound=sound)
            asked: dict[str, Any] = {"window": window, "cutouts": cutouts}
            if is_list(source):
                done, failed = _segment_list(session, jobs, out, sound=sound, **asked)
            else:
                with Progress(jobs[0].name) as progress:
                    done, failed = [session.segment(jobs[0], out, tell=progress.tell, **asked)], []
            rows = [row(one) for one in done]
            lines = [*result_lines(rows), *([usage_line(done)] if done and session.card.asks else [])]
    if as_json:
        told = {"videos": rows, "failed": [asdict(one) for one in failed]}
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        for line in lines:
            click.echo(visible(line))
        if session.card.kind == "none" and not dry_run:
            click.echo(_NOBODY, err=True)
    for one in failed:
        said = f"{one.name} failed: {one.error}" + (f" Hint: {one.hint}" if one.hint else "")
        click.echo(visible(said), err=True)
    return 1 if failed else 0


def _segment_list(
    session: Session, jobs: Sequence[Job], out: Path, *, sound: bool, **asked: Any
) -> tuple[list[Segmentation], list[Failure]]:
    """Several videos are under way; a line, or a step of the bar, for each that is done."""
    from alref_local.batch import run_all
    from alref_local.cli.pace import PaceLine
    from alref_local.evaluate.run import Begun
    from alref_local.evaluate.worker import Done, Failed, Ready

    def work(job: Job) -> Segmentation:
        begun = time.perf_counter()
        try:
            with session.beside() as one:
                segmentation = one.segment(job, out / job.name, **asked)
        except Exception as error:
            line.tell(Failed(job.name, str(error), "", time.perf_counter() - begun))
            raise
        line.tell(Done(job.name, time.perf_counter() - begun))
        return segmentation

    with PaceLine(out.name) as line:
        line.tell(Begun(len(jobs), 0))
        session.engine.load(sound=sound)
        line.tell(Ready(0))
        return run_all(jobs, work, session.at_once)
