"""The command line from the outside, in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from alref_local.cli import main

__all__ = ["FAKES", "call"]

FAKES = [
    *("--set", "grounding.engine=tests.fakes:BoxesByFrame"),
    *("--set", "segmentation.engine=tests.fakes:BoxSegmentor"),
]
"""Options that put quick stand-ins in the place of GroundingDINO and SAM 2."""


def call(*words: str | Path) -> int:
    """The exit code of ``alref-local WORDS``."""
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in words])
    code = stopped.value.code
    assert isinstance(code, int)
    return code
