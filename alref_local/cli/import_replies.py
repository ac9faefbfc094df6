"""``alref-local import-replies AVS -o FOLDER``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

_EPILOG = """\b
AVS is the folder `avs` of the authors' repository (github.com/appletea233/AL-Ref-SAM2). Then, for each subset:
alref-local evaluate avs-ms3 --root DATA -c released-like/avs-ms3 -b replay:FOLDER/released-like/avs-ms3 --run RUN \\
    --set sound.events.known=FOLDER/released-like/avs-ms3/events.json"""


@click.command(epilog=_EPILOG)
@click.argument("avs", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-o", "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(avs: Path, out: Path, as_json: bool) -> None:
    """Make recorded replies of the authors' GPT-4 answers, so that AVSBench's tables need no API."""
    from alref_local.reproduce import import_replies

    found = import_replies(avs, out)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=2))
        return
    for one in found:
        click.echo(
            f"{one.dataset}: {one.videos} answers on what sounds ({one.empty} empty), {one.things} things "
            f"({one.off_list} off the list), {one.boxes} answers on boxes, events of {one.events} videos"
        )
    click.echo(f"{out}/PROTOCOL/DATASET is a run for --backend replay:")
