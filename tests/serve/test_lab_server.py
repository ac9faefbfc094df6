"""docs/lab-server.md: what it says can be typed. Its rehearsal is run in tests/vllm/test_serve.py."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

from alref_local.reason.card import load_card
from tests.cli.kit import call

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "lab-server.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def typed() -> Iterator[list[str]]:
    """The words of every command in the document, but for those of the job."""
    for block in (block for block in blocks("sh") if "#SBATCH" not in block):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("alref-local "):
                words = shlex.split(line.partition("alref-local ")[2], comments=True)
                end = next((n for n, word in enumerate(words) if word in ("&&", "||")), len(words))
                yield words[:end]


def parse(words: list[str]) -> None:
    """As the command line does, without running anything."""
    verb, *rest = words
    found: click.Command = import_module(f"alref_local.cli.{verb}").command
    context = found.make_context(verb, list(rest))
    if isinstance(found, click.Group):
        name, inner, rest = found.resolve_command(context, [*context._protected_args, *context.args])
        assert inner is not None
        inner.make_context(name, rest, parent=context)


@pytest.mark.parametrize("words", list(typed()), ids=" ".join)
def test_every_command_is_one(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An option in the document would not exist."""
    monkeypatch.chdir(tmp_path)
    Path("desk.yaml").touch()
    parse(words)


def test_commands_are_found() -> None:
    """The test above would pass on an empty document."""
    found = list(typed())
    assert {words[0] for words in found} == {"doctor", "plan", "serve", "evaluate", "segment"}
    with pytest.raises(click.UsageError):
        parse(["serve", "qwen", "--no-such-option"])


def test_the_plan_is_what_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Figures in the document would be those of an older plan."""
    (block,) = [block for block in blocks("sh") if "desk.yaml" in block]
    described, asked = block.splitlines()
    monkeypatch.chdir(tmp_path)
    subprocess.run(described, shell=True, check=True)
    assert call(*shlex.split(asked)[1:]) == 0
    (said,) = re.findall(r"```\n(GPU 0 .*?)```", TEXT, re.DOTALL)
    assert capsys.readouterr().out == said


def test_the_unit(tmp_path: Path) -> None:
    """The service would not start, or start again for ever what cannot."""
    (text,) = blocks("ini")
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment]
    unit.read_string(text)
    service = unit["Service"]
    program, *words = shlex.split(service["ExecStart"])
    assert Path(program).name == "alref-local"
    parse(words)
    assert load_card(words[1]).kind == "vllm"
    assert service["RestartPreventExitStatus"] == "2 3"
    state = dict(pair.split("=") for pair in service["Environment"].split())["XDG_STATE_HOME"]
    assert state == f"/var/lib/{service['StateDirectory']}"
    assert int(service["TimeoutStopSec"]) > 10


def test_the_job_ends_what_it_began(tmp_path: Path) -> None:
    """A job whose evaluation fails would leave its server on the GPUs, or be taken for a good one."""
    (script,) = [block for block in blocks("sh") if "#SBATCH" in block]
    program = tmp_path / "alref-local"
    program.write_text('#!/bin/sh\necho "$@" >> "$TYPED"\n[ "$1" != "$FAILS" ]\n')
    program.chmod(0o755)
    for fails, code in (("nothing", 0), ("evaluate", 1)):
        record = tmp_path / fails
        own = {"TYPED": str(record), "FAILS": fails, "SLURM_JOB_ID": "4711"}
        path = f"{tmp_path}:{os.environ['PATH']}"
        done = subprocess.run(["sh", "-c", script], env={**own, "PATH": path}, check=False)
        assert done.returncode == code
        serve, evaluate, stop = [line.split() for line in record.read_text().splitlines()]
        assert serve[:2] == ["serve", "qwen3-vl-8b"]
        assert evaluate[:4] == ["evaluate", "mevis", "--root", "/data/mevis"]
        assert "http://127.0.0.1:24711/v1" in evaluate
        assert stop == ["serve", "stop", "qwen3-vl-8b", "--port", "24711"]
        for words in (serve, evaluate, stop):
            parse(words)
