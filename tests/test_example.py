"""The example notebook in docs/."""

from __future__ import annotations

import inspect
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alref_local.evaluate import evaluate
from tests.compare.run_kit import Made, chosen, write_evaluation

NOTEBOOK = Path(__file__).parents[1] / "docs" / "example.ipynb"


@pytest.mark.slow
def test_its_cells_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who tries the example first would see it fail. (`evaluate` is called as it can be, and its runs are made up.)"""
    pytest.importorskip("pandas", reason="pandas is not installed")
    evaluated: list[Path] = []

    def made_up(*arguments: Any, **options: Any) -> None:
        asked = inspect.signature(evaluate).bind(*arguments, **options).arguments
        result, calls = chosen(np.random.default_rng(len(evaluated)), "the dog")
        evaluated.append(
            write_evaluation(asked["folder"], {"v0": Made([result], calls, {"0": {"J&F": 0.5}})})
        )

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("alref_local.evaluate.evaluate", made_up)
    names: dict[str, object] = {}
    for source in code():
        # Kinds and pivots that are right are told where the truth is, which made-up runs have not.
        source = source.replace('"right_frames", "right_boxes", ', "")
        exec(compile(source, str(NOTEBOOK), "exec"), names)
    assert len(evaluated) == 2
    assert list(tmp_path.glob("*/report/index.html"))


def test_it_was_run() -> None:
    """A reader without Python would see no results; or far too many of them."""
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    shown = [output for cell in cells for output in cell["outputs"]]
    assert not [one for one in shown if one["output_type"] == "error"]
    html = ["".join(one["data"]["text/html"]) for one in shown if "text/html" in one.get("data", {})]
    assert any("sign-flip test" in one for one in html)
    assert any("data:image/jpeg;base64," in one for one in html)
    assert NOTEBOOK.stat().st_size < 300_000
    assert tempfile.gettempdir() not in NOTEBOOK.read_text()


def code() -> list[str]:
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
