"""``alref-local export RUN -o FOLDER --format FORM``."""

from __future__ import annotations

import json
from pathlib import Path

import click

_EPILOG = """\b
RUN is a run folder of `segment`, a folder of several, or an evaluation.
coco, youtube-vis       annotations.json, a category for each sentence
cvat                    VIDEO.xml (CVAT for images 1.1) and VIDEO.labels.json for its task
label-studio            tasks.json with a brush mask for every frame, labels.xml for its project
label-studio-video      tasks.json with boxes through the video, labels.xml"""


@click.command(epilog=_EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", "-o", type=click.Path(path_type=Path), required=True, help="Output folder.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["coco", "youtube-vis", "cvat", "label-studio", "label-studio-video"]),
    required=True,
    help="Whose form.",
)
@click.option("--prefix", default="", help="What stands before the file names of frames in the annotations.")
@click.option("--frames", is_flag=True, help="Write the frames, too, as images/VIDEO/FRAME.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(run: Path, out: Path, form: str, prefix: str, frames: bool, as_json: bool) -> None:
    """Write the masks of RUN in the form of another tool."""
    from alref_local.export import export

    done = export(run, out, form, prefix=prefix, frames=frames)
    if as_json:
        files = [str(file) for file in done.files]
        click.echo(json.dumps({"files": files, "videos": done.videos, "frames": done.frames}, indent=2))
        return
    for file in done.files:
        click.echo(file)
    if done.frames:
        click.echo(f"{out / 'images'}: {done.frames:,} frames")
