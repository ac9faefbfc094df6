"""docs/air-gap.md, from beginning to end: its rehearsal is run as it stands, with the network refused.

Whoever adds to the way of a model (a check of the machine, a server that starts and stops) adds the commands to the
rehearsal in the document, before the last one, and what they leave behind to ``test_rehearsal``.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from alref_local.demo import draw
from alref_local.models.checking import weights_sha256
from alref_local.models.resolve import BUNDLED
from alref_local.runs import open_run
from alref_local.world import make_scene

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "air-gap.md"


def rehearsal() -> str:
    (script,) = re.findall(
        r"## Rehearsal\n.*?```sh\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL
    )
    return str(script)


def command_on_path(folder: Path) -> Path:
    """``alref-local`` as this checkout has it."""
    folder.mkdir()
    code = "from alref_local.cli import main; main()"
    (folder / "alref-local").write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{code}" "$@"\n')
    (folder / "alref-local").chmod(0o755)
    return folder


@pytest.mark.slow
def test_rehearsal(tmp_path: Path, loopback_children: dict[str, str]) -> None:
    """Whoever types what the document says would be stopped somewhere between the laptop and the first mask."""
    path = f"{command_on_path(tmp_path / 'bin')}:{loopback_children['PATH']}"
    yard = tmp_path / "yard"
    scene = make_scene("ladder", 3)
    draw(scene, scene.target, yard / "demo")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", rehearsal()],
        env=loopback_children | {"PATH": path},
        cwd=yard,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "model.safetensors is damaged: its SHA-256 begins with" in done.stderr
    assert "refused, as it should be" in done.stdout
    assert "lab/sam2: whole" in done.stdout
    run = open_run(yard / "out")
    assert [result.status for result in run.results] == ["ok"]
    assert run.manifest["weights"] == {
        "lab/grounding-dino": weights_sha256(BUNDLED / "grounding_dino"),
        "lab/sam2": weights_sha256(BUNDLED / "sam2"),
    }
    assert not (yard / "server" / "lab" / "qwen2-vl").exists()
    assert (yard / "server" / "lab" / "sam2").is_dir()


def test_the_container_takes_what_the_bundle_has() -> None:
    """The recipe would look for wheels and checkpoints where no bundle has them."""
    recipe = (ROOT / "scripts" / "air-gap" / "Containerfile").read_text(encoding="utf-8")
    assert "COPY wheels " in recipe
    assert "--no-index" in recipe
    assert "ALREF_MODELS=/models" in recipe
    text = DOCUMENT.read_text(encoding="utf-8")
    assert "-v /srv/alref-models:/models:ro" in text
    assert "scripts/air-gap/Containerfile" in text
