"""The lock file of a bundle, from strangers and from torn copies."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alref_local.errors import AlrefError, ConfigError
from alref_local.supply.install import check_bundle, remove
from alref_local.supply.lock import LOCK, read_lock
from alref_local.supply.meter import Meter
from tests.models.store_kit import facts, put
from tests.supply.drive_kit import LARGE, Machines, files_of, nothing_is_visible


def edited(machines: Machines, change: Callable[[dict[str, object]], None]) -> None:
    machines.pack(put(files=LARGE))
    lock = json.loads((machines.drive / LOCK).read_text())
    change(lock)
    (machines.drive / LOCK).write_text(json.dumps(lock))


@pytest.mark.parametrize(
    "path", ["../evil", "a/../../evil", "/etc/evil", "a//b", ".ssh/x", "a\\..\\b", "", "x" * 300, "a/./b"]
)
def test_a_lock_that_leads_elsewhere_is_refused(path: str, machines: Machines, tmp_path: Path) -> None:
    """A stranger's drive would write wherever it likes."""

    def change(lock: dict[str, object]) -> None:
        lock["checkpoints"]["lab/small"]["files"] = {path: facts(b"evil").model_dump()}  # type: ignore[index]

    edited(machines, change)
    with pytest.raises(ConfigError, match="not to be trusted"):
        machines.install()
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize(
    "change",
    [
        lambda lock: lock["checkpoints"].update({"../up": lock["checkpoints"].pop("lab/small")}),
        lambda lock: lock["checkpoints"]["lab/small"].update(name="../../up"),
        lambda lock: lock["checkpoints"]["lab/small"]["files"]["config.json"].update(sha256=None),
        lambda lock: lock["checkpoints"]["lab/small"]["files"]["config.json"].update(size=-1),
        lambda lock: lock["checkpoints"]["lab/small"].update(files={}),
        lambda lock: lock["files"].update(
            {"licences/../../evil": lock["files"]["licences/lab/small/LICENSE"]}
        ),
        lambda lock: lock["files"].update({"/etc/evil": lock["files"]["licences/lab/small/LICENSE"]}),
        lambda lock: lock["files"].update({"models/evil": lock["files"]["licences/lab/small/LICENSE"]}),
        lambda lock: lock.update(format=2),
        lambda lock: lock.update(run="evil"),
        lambda lock: lock.clear() or lock.update(checkpoints=[]),
    ],
)
def test_a_strange_lock_is_refused(change: Callable[[dict[str, object]], None], machines: Machines) -> None:
    """The same by other ways, and files that nobody could check would be installed."""
    edited(machines, change)
    with pytest.raises(ConfigError, match="not to be trusted"):
        machines.install()
    assert nothing_is_visible()


@given(data=st.data())
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_damage_of_the_lock_is_survived(data: st.DataObject, machines: Machines) -> None:
    """A torn lock file would end in a traceback, or in an installation that it does not describe."""
    if not machines.drive.exists():
        machines.pack(put(files={"config.json": b"{}"}))
        machines.lock = (machines.drive / LOCK).read_bytes()  # type: ignore[attr-defined]
    content = bytearray(machines.lock)  # type: ignore[attr-defined]
    where = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[where] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del content[where:]
    (machines.drive / LOCK).write_bytes(content)
    done: dict[str, Path] = {}
    with suppress(AlrefError):
        done = machines.install()
    for name, folder in done.items():
        assert files_of(folder)["config.json"] == b"{}"
        remove(name)


@pytest.mark.parametrize("where", ["models/lab/small/config.json", "models/lab", LOCK])
def test_links_on_a_drive_are_not_followed(where: str, machines: Machines, tmp_path: Path) -> None:
    """A stranger's drive would have files of this machine read, and passed on by the next bundle."""
    machines.pack(put(files=LARGE))
    (machines.drive / where).rename(tmp_path / "elsewhere")
    (machines.drive / where).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError):
        machines.install()
    assert nothing_is_visible()
    if where != LOCK:
        assert check_bundle(machines.drive, read_lock(machines.drive), Meter())[0].what == "is a link"
