"""``alref-local tables [NUMBER]``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alref_local.cli.options import (
    cache_option,
    card_option,
    device_option,
    endpoint_option,
    offline_option,
    set_option,
    workers_option,
)

if TYPE_CHECKING:
    from alref_local.reproduce.measure import Measured
    from alref_local.reproduce.tables import Table

_EPILOG = """\b
alref-local tables                     what tables there are
alref-local tables 3                   what the paper says, and the commands behind the rows that are ours
alref-local tables 3 --root data/ref-davis17 --data ref-davis17 -b gpt-4 --run runs/table3
alref-local tables 3 --data world --split ladder:800000:20 -c tiny -b tiny --run runs/drawn
alref-local tables 3 ... -b replay:runs/drawn --run runs/again      the same without the model"""


@click.command(epilog=_EPILOG)
@click.argument("number", type=int, required=False)
@click.option("--run", "folder", type=click.Path(path_type=Path), help="Measure; folder of the runs.")
@click.option("--data", help="Data set; by default the first of the table.")
@click.option("--root", type=click.Path(path_type=Path), default=".", help="Folder of the data set.")
@click.option("--split", default="", help="A split; by default the one that is evaluated.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first videos.")
@click.option("--backend", "-b", default="none", show_default=True, help="Backend card, or replay:FOLDER.")
@click.option("--config", "-c", default="", help="Instead of the paper's protocol for the data set.")
@set_option
@card_option
@endpoint_option
@workers_option
@device_option
@cache_option
@offline_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    number: int | None,
    folder: Path | None,
    data: str | None,
    changes: tuple[str, ...],
    fields: tuple[str, ...],
    as_json: bool,
    **rest: Any,
) -> int:
    """Show the paper's tables, or measure the rows of table NUMBER that are ours."""
    from alref_local.reproduce.tables import find_table, load_tables

    if number is None:
        _list(list(load_tables().values()), as_json)
        return 0
    table = find_table(number)
    data = data or table.data[0]
    if folder is None:
        _show(table, data, as_json)
        return 0
    found = list(_measured(table, data, folder, changes, fields, **rest))
    if as_json:
        click.echo(json.dumps([_plain(one) for one in found], indent=2))
    else:
        for line in _lines(table, data, found):
            click.echo(line)
    return 1 if any(one.failed for one in found) else 0


def _measured(
    table: Table, data: str, folder: Path, changes: Sequence[str], fields: Sequence[str], **rest: Any
) -> Iterator[Measured]:
    from alref_local.cli.pace import PaceLine
    from alref_local.configs import parse_changes
    from alref_local.reproduce.measure import measure

    told: dict[str, Any] = {"changes": parse_changes(changes), "card": parse_changes(fields)}
    with PaceLine(f"table {table.table}") as line:
        yield from measure(table, data, rest.pop("root"), folder, tell=line.tell, **told, **rest)


def _list(tables: Sequence[Table], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([one.model_dump(mode="json") for one in tables], indent=2))
        return
    for table in tables:
        click.echo(f"{table.table}  {table.about} ({', '.join(table.data)})")


def _show(table: Table, data: str, as_json: bool) -> None:
    """The paper's figures, and how to measure the rows that are ours."""
    if as_json:
        commands = {row.name: text for row, text in table.commands(data)}
        click.echo(json.dumps(table.model_dump(mode="json") | {"commands": commands}, indent=2))
        return
    width = max(len(row.name) for row in table.rows)
    columns = [f"{metric:>5}" for metric in table.metrics]
    block = len(" ".join(columns))
    click.echo(f"Table {table.table}: {table.about}")
    click.echo(f"{'':<{width}}  " + "   ".join(f"{name[:block]:<{block}}" for name in table.data))
    click.echo(f"{'':<{width}}  " + "   ".join([" ".join(columns)] * len(table.data)))
    group = ""
    for row in table.rows:
        if row.group != group:
            group = row.group
            click.echo(f"{group}:")
        blocks = (" ".join("    -" if one is None else f"{one:5.1f}" for one in some) for some in row.figures)
        click.echo(f"{row.name:<{width}}  " + "   ".join(blocks))
    click.echo("\nOurs:")
    for row, text in table.commands(data):
        click.echo(f"# {row.name}\n{text}")


def _lines(table: Table, data: str, found: Sequence[Measured]) -> Iterator[str]:
    """Ours beside the paper's, in per cent."""
    width = max(len(one.row.name) for one in found)
    names = " ".join(f"{metric:>5}" for metric in table.metrics)
    yield f"Table {table.table} on {data}, per cent; gains of {table.metrics[0]} over the row {table.gain_over}"
    yield f"{'':<{width}}  {'ours':<{len(names)}}   {'paper':<{len(names)}}"
    yield f"{'':<{width}}  {names}   {names}"
    for one in found:
        ours = " ".join(_cell(one.ours.get(metric), 100) for metric in table.metrics)
        paper = " ".join(_cell(one.paper.get(metric)) for metric in table.metrics)
        gain = (
            "" if one.gain is None else "   {:+.1f} [{:+.1f}, {:+.1f}]".format(*(100 * v for v in one.gain))
        )
        failed = f"   {one.failed} videos failed" if one.failed else ""
        yield f"{one.row.name:<{width}}  {ours}   {paper}{gain}{failed}" + (
            f"   {one.note}" if one.note else ""
        )


def _cell(value: float | None, times: float = 1) -> str:
    return "    -" if value is None else f"{times * value:5.1f}"


def _plain(one: Measured) -> dict[str, Any]:
    told = asdict(one) | {"row": one.row.name, "set": one.row.changes}
    return told | {"gain": None if one.gain is None else one.gain._asdict()}
