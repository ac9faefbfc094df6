"""The figures of what surrounds the models."""

from __future__ import annotations

import pytest

from edges import measured


@pytest.mark.slow
def test_it_runs() -> None:
    """The figures of the documentation could not be had again."""
    told = measured(12, 1)
    assert told["start"]["bare python"]["ratio"] == told["decode"]["PyAV alone"]["ratio"] == 1
    assert told["start"]["import torch, transformers' SAM 2"]["ratio"] > 1
    assert all(way["ms"] > 0 for ways in told.values() for way in ways.values())
