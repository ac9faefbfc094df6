"""`plan` from the outside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alref_local.serve import hosts
from tests.cli.kit import call


@pytest.fixture
def described(tmp_path: Path) -> Path:
    file = tmp_path / "host.yaml"
    file.write_text("gpus: [{name: L40S, gib: 48, free_gib: 47}, {name: RTX 4090, gib: 24, free_gib: 20}]")
    return file


def test_a_plan_says_where_and_why(described: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A person would have to trust it, or could not type what follows from it."""
    assert call("plan", "--host", described, "--backend", "qwen") == 0
    out = capsys.readouterr().out
    assert "GPU 0  L40S, 51.5 GB, 1.1 GB in use: language model" in out
    assert "GPU 1  RTX 4090, 25.8 GB, 4.3 GB in use: grounder 2.9 GB, segmentor 2.9 GB" in out
    assert "takes 20.0 GB (16.6 GB of weights, 2.5 GB to compute in, 0.9 GB for a full context)" in out
    assert "alref-local serve qwen --detach" in out
    assert call("plan", "--host", described, "--backend", "qwen", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["mode"] == "apart"
    assert told["server"] == {
        "model": "Qwen/Qwen2-VL-7B-Instruct",
        "gpus": [0],
        "tensor_parallel": 1,
        "copies": 1,
        "share": pytest.approx(0.899, abs=0.001),
    }
    assert told["devices"] == ["cuda:1"]
    assert told["gpus"][0]["placed"]["language model"] <= 0.92 * told["gpus"][0]["total"]


def test_what_does_not_fit_meets_what_does(described: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A person would be told no, and left alone with it."""
    assert call("plan", "--host", described, "--backend", "qwen3-vl-32b") == 3
    out = capsys.readouterr().out
    assert "takes 75.0 GB of one GPU or 39.5 GB of each of 2" in out
    fits = [line.split()[1] for line in out.splitlines() if line.strip().startswith("fits:")]
    assert fits[0] == "qwen3-vl-8b"
    assert call("plan", "--host", described, "--backend", "qwen3-vl-32b", "--json") == 3
    assert json.loads(capsys.readouterr().out)["instead"] == fits


def test_sound_and_alone_are_counted(described: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Memory would run out as soon as a sound is asked for."""
    assert call("plan", "--host", described, "--sound", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert {"tagger", "aligner"} <= told["gpus"][1]["placed"].keys()
    assert call("plan", "--host", described, "--alone", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["mode"], told["gpus"][1]["placed"]) == ("alone", {})


def test_this_machine(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A machine without GPUs would be a traceback."""
    monkeypatch.setattr(hosts, "_SIGNS", ())
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert call("plan", "--backend", "none", "--config", "tiny") == 0
    assert "on the processor" in capsys.readouterr().out
    assert call("plan", "--backend", "qwen") == 3
    assert "fits: qwen-local" in capsys.readouterr().out


def test_mistakes_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A typing mistake would be a plan for another machine."""
    file = tmp_path / "host.yaml"
    file.write_text("gpu: 3")
    assert call("plan", "--host", file) == 2
    assert "host.yaml" in capsys.readouterr().err
    assert call("plan", "--host", tmp_path / "no.yaml") == 2
    assert call("plan", "--backend", "nobody") == 2
