"""What every test can rely on: nothing of the caller's environment decides its outcome."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings

from tests.loopback import guard

settings.register_profile("busy", deadline=None)  # no test measures time: machines are busy
settings.load_profile("busy")


@pytest.fixture(autouse=True)
def clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """No keys, no proxies, no offline switch, no checkpoints and no remembered answers but a test's own."""
    caches = tmp_path_factory.getbasetemp() / "caches"
    monkeypatch.setenv("ALREF_CACHE", str(caches / f"{uuid4().hex}.sqlite"))
    monkeypatch.setenv("ALREF_MODELS", str(caches / "no-models"))
    for name in ("OPENAI_API_KEY", "ALREF_CATALOGUE", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    _online()
    yield
    _online()


def _online() -> None:
    """Undo what `--offline` in a test's own process has done."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        os.environ.pop(name, None)
    if hub := sys.modules.get("huggingface_hub.constants"):
        vars(hub)["HF_HUB_OFFLINE"] = False


@pytest.fixture
def loopback_only() -> Iterator[list[str]]:
    """Whatever this process would do outside the machine is refused, and fails the test; holds what was tried."""
    tried: list[str] = []
    guard.watchers.append(tried.append)
    yield tried
    guard.watchers.remove(tried.append)
    assert tried == []


@pytest.fixture
def loopback_children(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment for child processes, and for theirs, with the same rule."""
    report = tmp_path / "tried-to-leave.txt"
    root = Path(__file__).parent.parent
    yield {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(root / "tests" / "loopback"), str(root))),
        "ALREF_SOCKET_REPORT": str(report),
    }
    assert not report.exists(), report.read_text(encoding="utf-8")
