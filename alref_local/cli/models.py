"""``alref-local models``: list, pull, verify, path, bundle, install, remove."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def command() -> None:
    """Checkpoints: which there are, which are here, and how they come to a machine without a network."""


@command.command("list")
@_as_json
def list_(as_json: bool) -> None:
    """Show every checkpoint of the catalogue: where it is, what it takes, which configs and backends need it."""
    from alref_local.cli.stock import stock, stock_lines

    rows = stock()
    _say(rows, "\n".join(stock_lines(rows)), as_json)


@command.command()
@click.argument("targets", nargs=-1, required=True)
@_as_json
def pull(targets: tuple[str, ...], as_json: bool) -> None:
    """Download TARGETS (checkpoints, configs, a folder of configs such as `paper`, backends) from the hub.

    HF_ENDPOINT names a mirror, HF_TOKEN a key. The same command goes on where it was interrupted.
    """
    from alref_local.cli.meters import BytesMeter
    from alref_local.models.catalogue import find_checkpoint
    from alref_local.supply.needs import expand
    from alref_local.supply.pull import pull_all

    with BytesMeter() as meter:
        done = pull_all([find_checkpoint(name) for name in expand(targets)], meter)
    _say({name: str(folder) for name, folder in done.items()}, _folders(done), as_json)


@command.command()
@click.argument("targets", nargs=-1)
@_as_json
def verify(targets: tuple[str, ...], as_json: bool) -> int:
    """Read every byte of TARGETS (checkpoints, or one bundle), or of all that is installed; exit 1 if any is wrong."""
    from alref_local.cli.meters import BytesMeter
    from alref_local.cli.stock import check_drive, check_names, verdict_lines

    drive = Path(targets[0]) if len(targets) == 1 and Path(targets[0]).is_dir() else None
    with BytesMeter() as meter:
        verdicts = check_drive(drive, meter) if drive else check_names(targets, meter)
    _say(verdicts, "\n".join(verdict_lines(verdicts)) or "Nothing is installed.", as_json)
    return int(any(verdict["faults"] for verdict in verdicts.values()))


@command.command()
@click.argument("name")
@_as_json
def path(name: str, as_json: bool) -> None:
    """Print the folder that checkpoint NAME loads from."""
    from alref_local.models.resolve import resolve

    folder = str(resolve(name))
    _say({name: folder}, folder, as_json)


@command.command()
@click.argument("targets", nargs=-1, required=True)
@click.option(
    "-o", "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="The drive."
)
@click.option(
    "--wheels",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of Python packages (`pip download -d`) to take along.",
)
@_as_json
def bundle(targets: tuple[str, ...], out: Path, wheels: Path | None, as_json: bool) -> None:
    """Pack TARGETS (as for pull), which are on this machine, onto a drive: weights, licences, a lock of every byte.

    A bundle that is there already grows. The same command goes on where it was interrupted.
    """
    from alref_local.cli.meters import BytesMeter
    from alref_local.models.catalogue import find_checkpoint
    from alref_local.supply.bundle import pack
    from alref_local.supply.needs import expand

    with BytesMeter() as meter:
        lock = pack([find_checkpoint(name) for name in expand(targets)], out, meter, wheels=wheels)
    files = lock.all_files()
    size = sum(facts.size or 0 for facts in files.values())
    told = {"bundle": str(out), "checkpoints": list(lock.checkpoints), "files": len(files), "bytes": size}
    text = (
        f"{out} holds {', '.join(lock.checkpoints)}: {len(files)} files, {size / 1e9:.2f} GB, all read back."
    )
    _say(told, text, as_json)


@command.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.argument("names", nargs=-1)
@click.option("--name", help="Which checkpoint SOURCE is, if it is no bundle.")
@_as_json
def install(source: Path, names: tuple[str, ...], name: str | None, as_json: bool) -> None:
    """Install from SOURCE: a bundle (all of it, or NAMES), a folder with a checkpoint's files, or its only file.

    A checkpoint becomes visible when every byte of it was read back and found right. The same command goes on where it
    was interrupted.
    """
    from alref_local.cli.meters import BytesMeter
    from alref_local.supply.install import install_any

    with BytesMeter() as meter:
        done = install_any(source, names, name, meter)
    _say({one: str(folder) for one, folder in done.items()}, _folders(done), as_json)


@command.command()
@click.argument("names", nargs=-1, required=True)
@_as_json
def remove(names: tuple[str, ...], as_json: bool) -> None:
    """Remove what was installed under NAMES; other caches and folders are left alone."""
    from alref_local.supply.install import remove

    freed = {name: remove(name) for name in names}
    _say(freed, "\n".join(f"{name}: {size / 1e9:.2f} GB removed" for name, size in freed.items()), as_json)


def _folders(done: dict[str, Path]) -> str:
    return "\n".join(f"{name}: {folder}" for name, folder in done.items())


def _say(told: Any, text: str, as_json: bool) -> None:
    click.echo(json.dumps(told, indent=2, ensure_ascii=False) if as_json else text)
