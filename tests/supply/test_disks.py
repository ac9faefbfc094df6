"""Disks that are full, or cannot be written."""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path
from types import SimpleNamespace

import pytest

from alref_local.errors import ConfigError
from alref_local.models.checking import verify
from alref_local.supply.arriving import waiting_room
from alref_local.supply.copying import writable
from alref_local.supply.lock import LOCK
from tests.models.store_kit import put
from tests.supply.drive_kit import LARGE, Machines


def test_no_room(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours of copying would end in an error that could have been told at once."""
    small = put(files=LARGE)
    machines.pack(small)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(ConfigError, match=r"are needed in .* are free"):
        machines.install()
    assert not waiting_room("lab/small").exists()


def test_a_disk_that_takes_no_more(machines: Machines) -> None:
    """A full disk or an old file system would end in a traceback, or cost what was copied."""
    small = put(files=LARGE)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        with pytest.raises(ConfigError, match="File too large") as caught:
            machines.pack(small)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "exFAT" in caught.value.hint
    assert (machines.drive / "models/lab/small/config.json").exists()
    assert (machines.drive / "models/lab/small/model.safetensors.part").stat().st_size == 200_000
    assert not (machines.drive / LOCK).exists()
    machines.pack(small)
    machines.install()
    assert verify(small) == []


@pytest.mark.parametrize(
    ("code", "hint"), [(errno.ENOSPC, "goes on"), (errno.EROFS, "Mount"), (errno.EACCES, "permission")]
)
def test_refusals_of_the_system(code: int, hint: str, tmp_path: Path) -> None:
    """The way out would be missing."""
    with pytest.raises(ConfigError, match="cannot be written") as caught, writable(tmp_path):
        raise OSError(code, os.strerror(code))
    assert hint in caught.value.hint


def test_a_drive_that_cannot_be_written(machines: Machines) -> None:
    """A read-only or mistyped drive would end in a traceback."""
    machines.drive.write_text("a file")
    with pytest.raises(ConfigError, match="cannot be written"):
        machines.pack(put(files=LARGE))
