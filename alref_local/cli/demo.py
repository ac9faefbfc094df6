"""``alref-local demo``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from alref_local.cli.options import device_option
from alref_local.cli.progress import Progress


@click.command()
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), default="demo", show_default=True, help="Output folder."
)
@click.option("--backend", "-b", default="tiny", show_default=True, help="Backend card (name or path).")
@click.option("--sound", is_flag=True, help="Ask for what sounds in the clip, not for what a sentence says.")
@click.option("--preset", default="", show_default="ladder; sound with --sound", help="Kind of clip to draw.")
@click.option("--seed", default=3, show_default=True, help="Which clip to draw.")
@device_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(out: Path, backend: str, sound: bool, preset: str, seed: int, device: str, as_json: bool) -> None:
    """Draw a clip, segment what its sentence says (or what sounds) with the bundled tiny models, and score it."""
    from alref_local.demo import run_demo

    with Progress("demo") as progress:
        demo = run_demo(
            out, preset=preset, seed=seed, backend=backend, sound=sound, device=device, tell=progress.tell
        )
    things = [result.query.text for result in demo.segmentation.results[1:]]
    overlay = out / "run" / "overlay.mp4"
    if as_json:
        facts = {
            "clip": str(demo.clip),
            **({"sounding": things} if sound else {"sentence": demo.sentence}),
            "overlay": str(overlay),
            "backend": backend,
        }
        click.echo(json.dumps(facts | {"scores": demo.scores}, indent=2))
        return
    meant = f"what sounds ({', '.join(things) or 'nothing found'})" if sound else f'"{demo.sentence}"'
    click.echo(f"Drew {demo.clip} and segmented {meant} in it with the bundled tiny models.")
    if backend == "none":
        click.echo(
            "Nothing reasoned: backend 'none' takes the best box on the first frame (the paper's baseline)."
        )
    click.echo(
        "Against the drawn truth, from the files on disk: J&F {J&F:.3f}, J {J:.3f}, F {F:.3f}".format(
            **demo.scores
        )
    )
    click.echo(f"Look at {overlay}")
