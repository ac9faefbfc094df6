"""What every test can rely on: nothing of the caller's environment decides its outcome."""

from __future__ import annotations

from uuid import uuid4

import pytest


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No keys, no proxies, no offline switch and no remembered answers but a test's own."""
    monkeypatch.setenv(
        "ALREF_CACHE", str(tmp_path_factory.getbasetemp() / "caches" / f"{uuid4().hex}.sqlite")
    )
    for name in ("OPENAI_API_KEY", "HF_HUB_OFFLINE", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
