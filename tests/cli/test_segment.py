"""`segment` from the outside: what people type, what they get, what they are told when it cannot be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from alref_local.errors import MediaError
from alref_local.media.encode import write_video
from alref_local.runs import open_run
from tests.cli.kit import FAKES, call
from tests.fakes import numbered_video


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    write_video(path, numbered_video(12).images, 10.0)
    return path


def test_run_folder(clip: Path, tmp_path: Path) -> None:
    """A run would leave something out that the README promises."""
    out = tmp_path / "out"
    assert call("segment", clip, "the dog", "the cat", "-o", out, *FAKES, "--cutouts") == 0
    for name in ("masks.json", "overlay.mp4", "result.json", "calls.jsonl", "config.yaml", "manifest.json"):
        assert (out / name).is_file(), name
    run = open_run(out)
    assert [result.query.text for result in run.results] == ["the dog", "the cat"]
    assert [result.status for result in run.results] == ["ok", "ok"]
    mask = np.asarray(Image.open(out / "masks" / "0" / "00011.png"))
    assert mask.shape == (48, 64)
    assert set(np.unique(mask)) == {0, 255}
    with Image.open(out / "cutouts" / "1" / "00000.png") as cutout:
        assert cutout.mode == "RGBA"
    assert run.masks_sha256() == run.manifest["masks_sha256"]
    assert not list(out.rglob("*.part"))


def test_json(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A script could not read what became of its sentence."""
    assert call("segment", clip, "the dog", "-o", tmp_path / "out", "--json", *FAKES) == 0
    told = capsys.readouterr()
    (video,) = json.loads(told.out)["videos"]
    assert video["frames"] == 12
    assert video["references"][0]["status"] == "ok"
    assert video["references"][0]["pivots"][0]["frame"] == 0
    assert told.err == ""


def test_same_command_again_computes_nothing(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A list of videos, stopped and started again, would begin from the first."""
    words: list[str | Path] = ["segment", clip, "the dog", "-o", tmp_path / "out", *FAKES]
    assert call(*words) == 0
    before = (tmp_path / "out" / "manifest.json").stat().st_mtime_ns
    assert call(*words) == 0
    assert "finished before" in capsys.readouterr().out
    assert (tmp_path / "out" / "manifest.json").stat().st_mtime_ns == before


def test_asking_for_cutouts_later(clip: Path, tmp_path: Path) -> None:
    """`--cutouts` on a finished run would write none and claim success."""
    assert call("segment", clip, "the dog", "-o", tmp_path / "out", *FAKES) == 0
    assert call("segment", clip, "the dog", "-o", tmp_path / "out", *FAKES, "--cutouts") == 2


def test_a_list_of_one_is_a_list(clip: Path, tmp_path: Path) -> None:
    """A row added to a list would compute the first video again, in another folder."""
    items = tmp_path / "items.csv"
    items.write_text("video,sentence\nclip.mp4,the dog\n")
    assert call("segment", items, "-o", tmp_path / "out", *FAKES) == 0
    assert (tmp_path / "out" / "clip" / "manifest.json").is_file()


def test_leftovers_of_another_attempt_go(clip: Path, tmp_path: Path) -> None:
    """Strips and cut-outs of an earlier sentence would pass for this one's."""
    out = tmp_path / "out"
    assert call("segment", clip, "the dog", "the cat", "-o", out, "--cutouts", *FAKES) == 0
    (out / "manifest.json").unlink()
    assert call("segment", clip, "the dog", "-o", out, *FAKES) == 0
    assert not (out / "cutouts").exists() or not any((out / "cutouts").rglob("*.png"))
    assert sorted(path.name for path in (out / "masks").iterdir()) == ["0"]


def test_another_command_does_not_overwrite(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A finished run would be lost to a forgotten -o."""
    assert call("segment", clip, "the dog", "-o", tmp_path / "out", *FAKES) == 0
    assert call("segment", clip, "the cat", "-o", tmp_path / "out", *FAKES) == 2
    assert "finished run of something else" in capsys.readouterr().err
    assert open_run(tmp_path / "out").results[0].query.text == "the dog"


def test_two_runs_are_equal(clip: Path, tmp_path: Path) -> None:
    """The same inputs would give other masks."""
    shas = []
    for name in ("a", "b"):
        assert call("segment", clip, "the dog", "-o", tmp_path / name, *FAKES) == 0
        shas.append(open_run(tmp_path / name).manifest["masks_sha256"])
    assert shas[0] == shas[1]


def test_no_target_is_ok_and_said(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing target would be an error, or pass without a word."""
    assert call("segment", clip, "what is nowhere", "-o", tmp_path / "out", *FAKES) == 0
    assert "no target found" in capsys.readouterr().out
    mask = np.asarray(Image.open(tmp_path / "out" / "masks" / "0" / "00000.png"))
    assert not mask.any()


def test_csv_goes_on_after_a_failure(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One broken file would cost a night's list."""
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    (tmp_path / "items.csv").write_text(
        "video,sentence\nbroken.mp4,the dog\nclip.mp4,the dog\nclip.mp4,the cat\n"
    )
    assert call("segment", tmp_path / "items.csv", "-o", tmp_path / "out", *FAKES) == 1
    assert "broken failed" in capsys.readouterr().err
    assert len(open_run(tmp_path / "out" / "clip").results) == 2


def test_dry_run(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A paid run could not be planned without paying."""
    words: list[str | Path] = [
        "segment",
        clip,
        "a",
        "b",
        "-b",
        "qwen",
        "-c",
        "paper/mevis",
        "-o",
        tmp_path / "out",
        "--dry-run",
        "--json",
    ]
    assert call(*words) == 0
    told = json.loads(capsys.readouterr().out)["videos"][0]
    assert {key: told[key] for key in ("name", "frames", "clips", "questions", "backend", "repeat")} == {
        "name": "clip",
        "frames": 12,
        "clips": 1,
        "questions": 4,
        "backend": "qwen",
        "repeat": 1,
    }
    assert 0 < told["about"]["prompt_tokens"] < told["at_most"]["prompt_tokens"]
    assert told["about"]["dollars"] is None
    assert not (tmp_path / "out").exists()


def test_own_pivot(clip: Path, tmp_path: Path) -> None:
    """A person's own box would not be what is tracked."""
    out = tmp_path / "out"
    assert call("segment", clip, "the dog", "--pivot", "3:10,20,30,40", "-o", out, *FAKES) == 0
    mask = np.asarray(Image.open(out / "masks" / "0" / "00000.png")) > 0
    assert np.array_equal(np.argwhere(mask)[[0, -1]], [[20, 10], [39, 29]])


def test_window(clip: Path, tmp_path: Path) -> None:
    """--start, --end and --every would segment other frames than they say."""
    out = tmp_path / "out"
    words: list[str | Path] = ["--start", "0.2", "--end", "1.0", "--every", "2"]
    assert call("segment", clip, "the dog", "-o", out, *words, *FAKES) == 0
    assert sorted(path.stem for path in (out / "masks" / "0").iterdir()) == [
        "00002",
        "00004",
        "00006",
        "00008",
    ]


BAD: list[tuple[str, list[str], int, str]] = [
    ("empty sentence", ["{clip}", ""], 2, "empty"),
    ("no sentence", ["{clip}"], 2, "no sentence"),
    ("endless sentence", ["{clip}", "x" * 10_000], 2, "10000 characters"),
    ("missing video", ["{tmp}/none.mp4", "a"], 2, "none.mp4"),
    ("not a video", ["{tmp}/text.mp4", "a"], 2, "text.mp4"),
    ("zero bytes", ["{tmp}/zero.mp4", "a"], 2, "zero.mp4"),
    ("truncated", ["{tmp}/cut.mp4", "a"], 2, "cut.mp4"),
    ("folder of text files", ["{tmp}/texts", "a"], 2, "texts"),
    ("empty folder", ["{tmp}/nothing", "a"], 2, "nothing"),
    ("huge image", ["{tmp}/huge", "a"], 2, "huge"),
    ("window past the end", ["{clip}", "a", "--start", "100"], 2, "."),
    ("unknown backend", ["{clip}", "a", "-b", "qwan"], 2, "qwan"),
    ("unknown config", ["{clip}", "a", "-c", "defualt"], 2, "defualt"),
    ("unknown setting", ["{clip}", "a", "--set", "pivots.fame=first"], 2, "pivots.fame"),
    ("unknown option", ["{clip}", "a", "--fast"], 2, "--fast"),
    ("unknown device", ["{clip}", "a", "--device", "abacus"], 2, "abacus"),
    ("pivot past the edge", ["{clip}", "a", "--pivot", "0:1,1,65,2", *FAKES], 2, "outside"),
    ("unknown prompts", ["{clip}", "a", "--set", "reasoning.prompts=papper"], 2, "papper"),
    ("unknown box prompt", ["{clip}", "a", "--set", "reasoning.box_prompt=pivot_bax"], 2, "pivot_bax"),
    ("pivot outside", ["{clip}", "a", "--pivot", "99:1,1,2,2", *FAKES], 2, "outside"),
    ("missing class", ["{clip}", "a", "--set", "grounding.engine=no.such:Thing"], 2, "no.such:Thing"),
    ("missing weights", ["{clip}", "a", "--offline"], 3, "sam2"),
    ("unreachable server", ["{clip}", "a", "-b", "{tmp}/dead.yaml", *FAKES], 3, "127.0.0.1"),
    ("missing key", ["{clip}", "a", "-b", "gpt-4", *FAKES], 3, "OPENAI_API_KEY"),
    ("unwritable output", ["{clip}", "a", "-o", "/proc/out", *FAKES], 2, "/proc/out"),
    ("output is a file", ["{clip}", "a", "-o", "{tmp}/text.mp4", *FAKES], 2, "text.mp4"),
    ("remote backend offline", ["{clip}", "a", "-b", "{tmp}/far.yaml", "--offline", *FAKES], 2, "--offline"),
]


@pytest.mark.parametrize(("words", "code", "says"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_input(
    words: list[str],
    code: int,
    says: str,
    clip: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A slip would end in a traceback, a wrong exit code or a riddle."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    _spoil(tmp_path, clip)
    filled = [word.format(clip=clip, tmp=tmp_path) for word in words]
    assert call("segment", *filled) == code
    told = capfd.readouterr()
    lines = told.err.strip().splitlines()
    assert says in told.err
    assert "Traceback" not in told.err
    assert len(lines) <= (2 if lines[0].startswith("Error") else 4), told.err
    assert told.out == ""


def _spoil(folder: Path, clip: Path) -> None:
    (folder / "text.mp4").write_text("no video")
    (folder / "zero.mp4").touch()
    (folder / "cut.mp4").write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    (folder / "texts").mkdir()
    (folder / "texts" / "a.txt").write_text("no frame")
    (folder / "nothing").mkdir()
    (folder / "huge").mkdir()
    Image.new("1", (20_000, 10_000)).save(folder / "huge" / "0.png")
    card = "kind: openai\nmodel: m\nendpoint: {}\npatience: 0\ntimeout: 2\nconcurrency: 2\n"
    (folder / "dead.yaml").write_text(card.format("http://127.0.0.1:9/v1"))
    (folder / "far.yaml").write_text(card.format("https://example.org/v1"))


def test_interrupted(clip: Path, tmp_path: Path) -> None:
    """Ctrl-C would leave a traceback, or a folder that passes for finished."""
    out = tmp_path / "out"
    slow = ["--set", "segmentation.engine=tests.cli.slow:SlowSegmentor", "--set", FAKES[1]]
    command = [
        sys.executable,
        "-c",
        "from alref_local.cli import main; main()",
        "segment",
        str(clip),
        "a",
        "-o",
        str(out),
    ]
    running = subprocess.Popen([*command, *slow], stderr=subprocess.PIPE, text=True, env=_environment())
    _wait_for(out / "config.yaml")
    time.sleep(1)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=60)
    assert running.returncode == 130, told
    assert "Traceback" not in told
    assert not (out / "manifest.json").exists()
    assert call("segment", clip, "a", "-o", out, *FAKES) == 0


def test_debug_shows_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody could report a fault."""
    assert call("--debug", "segment", tmp_path / "none.mp4", "a") == 2
    assert "Traceback" in capsys.readouterr().err


def test_the_unforeseen_comes_with_a_command_that_works(
    clip: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who does what the hint says is told that there is no such option."""

    def fails(*_: object, **__: object) -> None:
        raise LookupError("what nobody thought of")

    monkeypatch.setattr("alref_local.session.Session.check", fails)
    assert call("segment", clip, "a") == 1
    told = capsys.readouterr().err
    assert "what nobody thought of" in told
    hinted = told.partition("`alref-local ")[2].partition(" ...`")[0].split()
    assert call(*hinted, clip, "a") == 1
    assert "Traceback" in capsys.readouterr().err


def _environment() -> dict[str, Any]:
    return os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}


def _wait_for(path: Path) -> None:
    for _ in range(600):
        if path.exists():
            return
        time.sleep(0.05)
    raise AssertionError(f"{path} never came")


def test_words_of_others_on_a_terminal(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sentence out of a list could clear the screen, or write over what was said before."""
    listed = tmp_path / "list.csv"
    listed.write_text(f'video,sentence\n{clip.name},"the \x1b[2Jdog \u202egod"\n', encoding="utf-8")
    assert call("segment", listed, "-o", tmp_path / "out", *FAKES) == 0
    assert r'"the \x1b[2Jdog \u202egod" segmented' in capsys.readouterr().out


def test_a_codec_that_refuses_costs_the_overlay_alone(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole masks would never count, and every start would track them again only to fail at the picture."""

    def refused(*_: object, **__: object) -> None:
        raise MediaError("overlay.mp4 cannot be written.")

    monkeypatch.setattr("alref_local.runs.record.write_overlay", refused)
    assert call("segment", clip, "the dog", "-o", tmp_path / "out", *FAKES) == 0
    assert open_run(tmp_path / "out").results[0].status == "ok"
    assert call("segment", clip, "the dog", "-o", tmp_path / "cut", "--cutouts", *FAKES) == 2
