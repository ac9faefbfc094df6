"""Where vLLM is looked for, and which ones will do."""

from __future__ import annotations

from pathlib import Path

import pytest

from alref_local.reason.card import load_card
from alref_local.serve.program import find_vllm, vllm_version
from tests.serve.serve_kit import fake_environment


def test_a_command_on_the_path_may_be_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """vLLM of pipx or `uv tool` would be called damaged: no Python lies beside the link to it."""
    real = fake_environment(tmp_path / "share/uv/tools/vllm")
    interpreter = tmp_path / "python3"
    (real / "bin/python").rename(interpreter)
    (real / "bin/python").symlink_to(interpreter)  # as in every environment; only through it vLLM is found
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/vllm").symlink_to(real / "bin/vllm")
    monkeypatch.delenv("ALREF_VLLM", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr("sys.executable", str(tmp_path / "elsewhere/python"))
    found = find_vllm(load_card("qwen"))
    assert found == (real / "bin/vllm", real / "bin/python")
    assert vllm_version(found) == "0.32.0"
