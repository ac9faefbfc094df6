"""``alref-local models``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from alref_local.cli.meters import BytesMeter
from alref_local.errors import ConfigError
from alref_local.models.catalogue import load_catalogue
from alref_local.perceive.audioset import audioset_names
from alref_local.perceive.tagging import Beats
from alref_local.supply.needs import expand, users
from tests.cli.kit import call
from tests.models.store_kit import put
from tests.perceive.beats_kit import CONFIGS, save_pt, sound


@pytest.fixture
def pt(tmp_path: Path) -> Path:
    return save_pt(tmp_path / "small.pt", CONFIGS["small"], audioset_names())


@pytest.fixture
def beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose catalogue knows a BEATs in a file, but not its bytes."""
    fields = "kind: tagger, repo: null, url: x, licence: MIT, parameters: 9, dtype: float32, working: 0, convert: beats"
    (tmp_path / "mine.yaml").write_text(f"lab/beats: {{{fields}, files: {{small.pt: {{}}}}}}\n")
    monkeypatch.setenv("ALREF_CATALOGUE", str(tmp_path / "mine.yaml"))
    monkeypatch.setenv("ALREF_MODELS", str(tmp_path / "models"))
    return tmp_path / "models/lab/beats"


def test_a_file_becomes_a_folder(pt: Path, beats: Path) -> None:
    """The folder would not load, or tag otherwise than the file."""
    assert call("models", "install", pt) == 0
    assert Beats(model=str(beats)).tags(sound(1.0), 5) == Beats(model=str(pt)).tags(sound(1.0), 5)
    assert not list(beats.glob("*.part"))


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
    held: dict[str, object], said: str, beats: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong file would end in a traceback, or leave a folder that looks whole."""
    file = save_pt(tmp_path / "small.pt", CONFIGS["small"], audioset_names(), **held)
    assert call("models", "install", file) == 2
    text = capsys.readouterr().err
    assert said in text
    assert "Hint: " in text
    assert len(text.splitlines()) == 2
    assert not beats.exists()


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of its own, and ``lab/small`` in its catalogue."""
    entry = "{kind: vlm, licence: MIT, parameters: 512, dtype: float32, working: 7, per_token: 1}"
    (tmp_path / "mine.yaml").write_text(f"lab/small: {entry}\n")
    monkeypatch.setenv("ALREF_CATALOGUE", str(tmp_path / "mine.yaml"))
    monkeypatch.setenv("ALREF_MODELS", str(tmp_path / "machine"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path


def told(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_list(catalogue: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody would see what is missing for the config at hand, or whether it fits the card."""
    put("lab/small", revision="abc")
    put("lab/extra")
    assert call("models", "list", "--json") == 0
    rows = {row["name"]: row for row in told(capsys)}
    assert rows["lab/small"]["here"] == "installed"
    assert rows["lab/small"]["folder"] == str(catalogue / "machine/lab/small")
    assert rows["lab/small"]["gpu_memory"] == {
        "weights": 2048,
        "working": 7,
        "context": 16384,
        "total": 18439,
    }
    assert rows["lab/extra"]["here"] == "installed"  # of a bundle whose maker had another catalogue
    assert rows["Qwen/Qwen2-VL-7B-Instruct"]["used_by"] == ["qwen"]
    assert rows["facebook/sam2-hiera-large"]["here"] is None
    assert "paper/mevis" in rows["facebook/sam2-hiera-large"]["used_by"]
    assert call("models", "list") == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "installed" in lines["lab/small"]
    (catalogue / "machine/lab/small/config.json").unlink()
    assert call("models", "list", "--json") == 0
    assert {row["name"]: row["here"] for row in told(capsys)}["lab/small"] == "damaged"
    assert "paper/*" in lines["facebook/sam2-hiera-large"]


def test_every_checkpoint_that_is_named_is_known() -> None:
    """A new config or card would name what `models` knows nothing of."""
    assert set(users()) == set(load_catalogue())


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("qwen", ["Qwen/Qwen2-VL-7B-Instruct"]),
        ("paper/mevis", ["IDEA-Research/grounding-dino-base", "facebook/sam2-hiera-large"]),
        ("facebook/sam2-hiera-tiny", ["facebook/sam2-hiera-tiny"]),
        ("tiny", []),
        ("gpt-4", []),
    ],
)
def test_targets(target: str, names: list[str]) -> None:
    """A config's name would bring the wrong gigabytes."""
    assert expand([target, target]) == names


def test_a_folder_of_configs_and_files(tmp_path: Path) -> None:
    """`paper` would not mean the paper's configs, or a config of one's own not be understood."""
    assert "LanguageBind/LanguageBind_Audio_FT" in expand(["paper"])
    (tmp_path / "config.yaml").write_text("grounding: {model: lab/small}\n")
    (tmp_path / "card.yaml").write_text("kind: local\nmodel: lab/small\n")
    assert expand([str(tmp_path / "config.yaml")]) == ["lab/small", "facebook/sam2-hiera-large"]
    assert expand([str(tmp_path / "card.yaml")]) == ["lab/small"]
    with pytest.raises(ConfigError, match="no checkpoint, config or card"):
        expand(["papers"])


def test_path_verify_and_remove(catalogue: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A script could not give the folder to vLLM, or would go on with a damaged checkpoint."""
    put("lab/small")
    assert call("models", "path", "lab/small") == 0
    folder = Path(capsys.readouterr().out.strip())
    assert folder == catalogue / "machine/lab/small"
    assert call("models", "verify", "--json") == 0
    assert told(capsys)["lab/small"] == {"folder": str(folder), "files": 3, "faults": []}
    (folder / "model.safetensors").write_bytes(bytes(2048))
    assert call("models", "verify") == 1
    assert "lab/small: model.safetensors is damaged" in capsys.readouterr().out
    assert call("models", "remove", "lab/small", "--json") == 0
    assert told(capsys)["lab/small"] > 2048
    assert call("models", "path", "lab/small") == 3
    assert "models pull lab/small" in capsys.readouterr().err
    assert call("models", "verify", "lab/small") == 1
    assert "is not on this machine" in capsys.readouterr().out


def test_bundle_and_install(catalogue: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A script could not follow what was carried where."""
    put("lab/small")
    drive = catalogue / "drive"
    assert call("models", "bundle", "lab/small", "-o", drive, "--json") == 0
    size = sum(file.stat().st_size for part in ("models", "licences") for file in (drive / part).rglob("*.*"))
    assert told(capsys) == {"bundle": str(drive), "checkpoints": ["lab/small"], "files": 4, "bytes": size}
    assert call("models", "verify", drive, "--json") == 0
    assert told(capsys)[str(drive)]["faults"] == []
    assert call("models", "remove", "lab/small") == 0
    capsys.readouterr()
    assert call("models", "install", drive, "--json") == 0
    assert told(capsys) == {"lab/small": str(catalogue / "machine/lab/small")}
    assert call("models", "install", drive, "lab/none") == 2
    assert "It holds lab/small." in capsys.readouterr().err


@pytest.mark.usefixtures("catalogue")
def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody would know for how long to wait, or a log would fill with bars."""
    put("lab/small")
    assert call("models", "verify") == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with BytesMeter() as meter:
        meter.begin("lab/small: [copying]", 2048)
        meter.add(1024)
        meter._bars.refresh()
    shown = capsys.readouterr().err
    assert "lab/small: [copying]" in shown
    assert "1.0/2.0 kB" in shown or "1.0/2.0 KB" in shown


def test_help_needs_no_torch() -> None:
    """Asking for help would take seconds."""
    code = (
        "import sys\nfrom alref_local.cli import main\ntry: main(['models', 'install', '-h'])\n"
        "except SystemExit: pass\nassert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
