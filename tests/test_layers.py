"""The order of the house, as docs/architecture.md draws it: imports point downward, or stay within a layer.

Where one fails, two parts of the package need each other: neither can be read, changed or loaded without the
other, and what was light at the bottom brings along what is heavy at the top.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import alref_local

LAYERS = """
cli
api batch demo selftest handin export report
compare reproduce
evaluate
session
dry_run identity
datasets
runs
strategies engine events
select
doctor
serve
supply
jobs
configs
reason
perceive
models offline
fingerprint
media
masks metrics
plugins boxes data_files files waiting places
world
types seams settings changes errors visible
"""
DEPTH = {module: depth for depth, layer in enumerate(LAYERS.split("\n")) for module in layer.split()}
PACKAGE = Path(alref_local.__file__).parent
FILES = {path: path.relative_to(PACKAGE).with_suffix("").parts[0] for path in sorted(PACKAGE.rglob("*.py"))}


def test_imports_point_downward() -> None:
    """A reader who goes down the table would have to know what stands above."""
    upward = [
        f"{path.relative_to(PACKAGE.parent)}: {module} must not import {other}"
        for path, module in FILES.items()
        if module in DEPTH
        for other in _imported(ast.parse(path.read_text(encoding="utf-8")))
        if DEPTH.get(other, 0) < DEPTH[module]  # what the package itself offers comes from the top
    ]
    assert not upward, "\n".join(upward)


def test_everything_has_its_layer() -> None:
    """A new module would stand outside the order, and the table would show a house that is not this one."""
    assert set(DEPTH) == set(FILES.values()) - {"__init__", "__main__"}
    page = (Path(__file__).parents[1] / "docs/architecture.md").read_text(encoding="utf-8")
    table = page.partition("| layer |")[2].partition("\n\n")[0]
    drawn = [
        name for row in table.splitlines() for name in re.findall(r"`(\w+)(?:\.py|/)`", row.split("|")[2])
    ]
    assert sorted(drawn) == sorted(DEPTH)
    assert drawn == sorted(drawn, key=DEPTH.__getitem__)


def _imported(node: ast.AST) -> Iterator[str]:
    """The parts of this package that are imported anywhere in ``node``, but for types alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        names: list[str] = []
        if isinstance(child, ast.Import):
            names = [alias.name for alias in child.names]
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute in this house"
            names = [f"{child.module}.{alias.name}" for alias in child.names]
        yield from (name.split(".")[1] for name in names if name.startswith("alref_local."))
        yield from _imported(child)
