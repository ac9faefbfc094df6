"""``alref-local models convert FILE FOLDER``."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def command() -> None:
    """Checkpoints on this machine."""


@command.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def convert(file: Path, folder: Path) -> None:
    """Write Microsoft's BEATs FILE (.pt) as a safetensors FOLDER, which loads faster and can hold no code."""
    from alref_local.perceive.beats_files import convert

    checkpoint = convert(file, folder)
    numbers = sum(tensor.numel() for tensor in checkpoint.tensors.values())
    click.echo(f"Wrote {folder}: {numbers / 1e6:.1f}M parameters, {len(checkpoint.labels)} labels.")
