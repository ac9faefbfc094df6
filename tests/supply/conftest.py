"""A machine without checkpoints, for every test here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.models.store_kit import FILES
from tests.supply.drive_kit import Machines
from tests.supply.hub_server import HubServer


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's checkpoints are installed; no cache of the hub, no catalogue but the bundled one."""
    monkeypatch.setenv("ALREF_MODELS", str(tmp_path / "machine"))
    monkeypatch.delenv("ALREF_CATALOGUE", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY", True)
    return tmp_path / "machine"


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machines:
    both = Machines(tmp_path, monkeypatch)
    both.use("first")
    return both


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A hub that has ``lab/small``: what is loaded, and what is not."""
    top = {name: content for name, content in FILES.items() if "/" not in name}
    more = {
        "README.md": b"hello\n",
        "LICENSE": b"MIT\n",
        "pytorch_model.bin": b"old",
        "flax.msgpack": b"other",
    }
    with HubServer({"lab/small": {**top, **more}}) as server:
        # As HF_ENDPOINT would, were it read again.
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 100)  # the files are small
        yield server
