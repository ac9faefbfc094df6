"""The paper's tables: what they say, and the settings of the rows that are ours (``tables.yaml``)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator

from alref_local.datasets import find_dataset
from alref_local.errors import ConfigError

__all__ = ["Row", "Table", "find_table", "load_tables"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Row(_Part):
    """One method.

    Attributes:
        name: as the paper has it.
        group: what it is trained with, where the table says so.
        figures: the paper's, by data set and metric; ``None`` where it has none.
        changes: settings that make it (key ``set``); ``None``: another method, whose figures are only quoted.
        config: what they are laid over; by default the paper's protocol for the data set.
    """

    name: str
    group: str = ""
    figures: tuple[tuple[float | None, ...], ...]
    changes: dict[str, Any] | None = Field(None, alias="set")
    config: str = ""

    @field_validator("figures", mode="before")
    @classmethod
    def _numbers(cls, text: str) -> list[list[float | None]]:
        return [[None if one == "-" else float(one) for one in block.split()] for block in text.split("|")]

    @property
    def slug(self) -> str:
        """A folder's name."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower().replace("w/o", "without")).strip("-")

    def protocol(self, data: str) -> str:
        """The config that the changes are laid over."""
        return self.config or f"paper/{data}"


class Table(_Part):
    """A table of the paper.

    Attributes:
        table: its number.
        about: what it shows.
        data: names of the data sets.
        split: of each of them, that the paper's figures are of.
        metrics: names of the columns of each data set.
        rows: in its order.
        gain_over: which row a row is compared with.
    """

    table: int
    about: str
    data: tuple[str, ...]
    split: str
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]
    gain_over: Literal["before", "first"] = "before"

    def commands(self, data: str) -> Iterator[tuple[Row, str]]:
        """For each row that is ours, the command that measures it alone."""
        known = data in self.data and next(iter(find_dataset(data).splits)) != self.split
        split = f" --split {self.split}" if known else ""
        for row in self.rows:
            if row.changes is not None:
                changes = " ".join(f"--set {shlex.quote(one)}" for one in _pairs(row.changes))
                run = f"runs/table{self.table}/{data}/{row.slug}"
                command = f"alref-local evaluate {data} --root DATA{split} -b BACKEND"
                command += f" -c {row.protocol(data)} --run {run}"
                yield row, f"{command} {changes}".rstrip()


@cache
def load_tables() -> Mapping[int, Table]:
    """All tables by number."""
    text = (Path(__file__).parent / "tables.yaml").read_text(encoding="utf-8")
    found = TypeAdapter(list[Table]).validate_python(yaml.safe_load(text))
    return {table.table: table for table in found}


def find_table(number: int) -> Table:
    """A table by its number.

    Raises:
        ConfigError: the paper has no such table.
    """
    tables = load_tables()
    if number not in tables:
        raise ConfigError(f"The paper has no table {number}.", hint=f"It has {', '.join(map(str, tables))}.")
    return tables[number]


def _pairs(changes: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for key, value in changes.items():
        if isinstance(value, Mapping):
            yield from _pairs(value, f"{before}{key}.")
        else:
            yield f"{before}{key}={value}"
