"""``alref-local models``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from alref_local.perceive.audioset import audioset_names
from alref_local.perceive.tagging import Beats
from tests.cli.test_segment import call
from tests.perceive.beats_kit import CONFIGS, save_pt, sound


@pytest.fixture
def pt(tmp_path: Path) -> Path:
    return save_pt(tmp_path / "small.pt", CONFIGS["small"], audioset_names())


def test_convert(pt: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder would not load, or tag otherwise than the file."""
    folder = tmp_path / "models" / "beats"
    assert call("models", "convert", pt, folder) == 0
    assert "0.1M parameters, 527 labels" in capsys.readouterr().out
    assert Beats(model=str(folder)).tags(sound(1.0), 5) == Beats(model=str(pt)).tags(sound(1.0), 5)
    assert not list(folder.glob("*.part"))


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ({"model": None}, "not a BEATs checkpoint"),
        ({"extra": Path}, "holds more than weights"),
        ({"label_dict": None}, "has no classifier"),
        ({"label_dict": {0: "x"}}, "do not fit their config"),
    ],
    ids=["not BEATs", "code", "self-supervised", "unfit"],
)
def test_refused(
    held: dict[str, object], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong file would end in a traceback, or leave a folder that looks whole."""
    file = save_pt(tmp_path / "x.pt", CONFIGS["small"], audioset_names(), **held)
    assert call("models", "convert", file, tmp_path / "out") == 2
    told = capsys.readouterr().err
    assert said in told
    assert "Hint: " in told
    assert len(told.splitlines()) == 2
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_over(pt: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another checkpoint would be lost."""
    (tmp_path / "config.json").write_text("{}")
    assert call("models", "convert", pt, tmp_path) == 2
    assert "already" in capsys.readouterr().err
    assert (tmp_path / "config.json").read_text() == "{}"


def test_help_needs_no_torch() -> None:
    """Asking for help would take seconds."""
    code = (
        "import sys\nfrom alref_local.cli import main\ntry: main(['models', 'convert', '-h'])\n"
        "except SystemExit: pass\nassert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
