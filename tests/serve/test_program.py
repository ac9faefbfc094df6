"""Where vLLM is looked for, and which ones will do."""

from __future__ import annotations

from pathlib import Path

import pytest

from alref_local.errors import PrerequisiteError
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
    assert vllm_version(found, load_card("qwen")) == "0.32.0"


@pytest.mark.parametrize(
    ("number", "changes", "said"),
    [
        ("0.11.2", {"pattern": "B"}, "older than 0.12"),
        ("0.30.1", {}, "older than 0.31"),
        ("0.12.0", {"pattern": "B"}, ""),
        ("0.12.0", {"pattern": "C"}, ""),
        ("0.30.0", {"serve": "vllm serve x"}, "older than 0.31"),
        ("0.30.0", {"serve": 'vllm serve x --structured-outputs-config \'{"backend": "guidance"}\''}, ""),
        ("0.31.0", {}, ""),
        ("1.0", {}, ""),
    ],
)
def test_a_version_must_do_what_the_card_wants(
    number: str, changes: dict[str, str], said: str, tmp_path: Path
) -> None:
    """It would load for minutes, and then refuse every question with status 400."""
    folder = fake_environment(tmp_path / "vllm")
    (folder / "bin/python").write_text(f"#!/bin/sh\necho {number}\n")
    card = load_card("qwen").overridden({"environment": str(folder), **changes})
    if not said:
        assert vllm_version(find_vllm(card), card) == number
        return
    with pytest.raises(PrerequisiteError, match=f"vLLM {number} is {said}") as caught:
        vllm_version(find_vllm(card), card)
    assert "install --upgrade vllm" in caught.value.hint
    assert ("pattern=B" in caught.value.hint) == ("0.31" in said)
