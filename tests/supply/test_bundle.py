"""Bundles: packed on one machine, installed on another, whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import random
import resource
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alref_local.errors import AlrefError, ConfigError, PrerequisiteError
from alref_local.models.catalogue import Checkpoint
from alref_local.models.checking import verify
from alref_local.models.store import folder_of, installed, read_record, recorded
from alref_local.supply.arriving import waiting_room, writing_models
from alref_local.supply.bundle import pack
from alref_local.supply.copying import writable
from alref_local.supply.install import check_bundle, install_any, remove
from alref_local.supply.lock import LOCK, read_lock
from alref_local.supply.meter import Meter
from tests.models.store_kit import FILES, checkpoint, facts, put, write

LARGE = {**FILES, "model.safetensors": random.Random(0).randbytes(300_000), "LICENSE": b"MIT\n"}


class Machines:
    """One that has checkpoints, one that has none, and a drive between them."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.monkeypatch = root, monkeypatch
        self.drive = root / "drive"

    def use(self, name: str) -> None:
        self.monkeypatch.setenv("ALREF_MODELS", str(self.root / name))

    def pack(self, *checkpoints: Checkpoint) -> None:
        self.use("first")
        pack(checkpoints, self.drive, Meter())
        self.use("second")

    def install(self, *names: str) -> dict[str, Path]:
        return install_any(self.drive, names, None, Meter())


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machines:
    both = Machines(tmp_path, monkeypatch)
    both.use("first")
    return both


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def nothing_is_visible() -> bool:
    return installed("lab/small") is None and not folder_of("lab/small").exists()


def test_there_and_back(machines: Machines) -> None:
    """A lab would carry a drive through the gate, and find out inside that something is missing."""
    small = put(files=LARGE, revision="abc")
    other = put("lab/other", {"config.json": b"{}"})
    machines.pack(small, other)
    assert nothing_is_visible()
    assert set(machines.install()) == {"lab/small", "lab/other"}
    assert {name: (folder_of("lab/small") / name).read_bytes() for name in LARGE} == LARGE
    assert recorded() == {"lab/small": small, "lab/other": other}
    assert verify(small) == []


def test_what_a_bundle_holds(machines: Machines) -> None:
    """Nobody could see what is on a drive, under which licence, or check it without this program."""
    small = put(files=LARGE, revision="abc")
    machines.pack(small)
    lock = read_lock(machines.drive)
    assert lock.checkpoints == {"lab/small": small}
    assert lock.made_with.startswith("alref-local ")
    licence = (machines.drive / "licences/lab/small/licence.txt").read_text()
    assert "MIT" in licence
    assert "abc" in licence
    assert (machines.drive / "licences/lab/small/LICENSE").read_bytes() == b"MIT\n"
    assert set(files_of(machines.drive)) == {*lock.all_files(), LOCK, "SHA256SUMS"}
    assert check_bundle(machines.drive, lock, Meter()) == []
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=machines.drive, check=True)


def test_a_bundle_grows_and_a_choice_is_installed(machines: Machines) -> None:
    """A second model would cost the first, or everything have to be installed."""
    small, other = put(files=LARGE), put("lab/other", {"config.json": b"{}"})
    machines.pack(small)
    machines.pack(other)
    assert set(machines.install("lab/other")) == {"lab/other"}
    assert nothing_is_visible()
    with pytest.raises(ConfigError, match="no 'lab/none'") as caught:
        machines.install("lab/none")
    assert "lab/small" in caught.value.hint


def test_packing_again_copies_nothing(machines: Machines) -> None:
    """The same command would write hours of gigabytes again."""
    small = put(files=LARGE)
    machines.pack(small)
    before = {path: path.stat().st_mtime_ns for path in (machines.drive / "models").rglob("*")}
    machines.pack(small)
    assert {path: path.stat().st_mtime_ns for path in (machines.drive / "models").rglob("*")} == before


def test_a_new_revision_takes_the_place_of_the_old(machines: Machines) -> None:
    """An update would mix the files of two revisions."""
    machines.pack(put(files=LARGE, revision="one"))
    machines.install()
    machines.use("first")
    small = put(files={"config.json": b"{}", "model.safetensors": b"new"}, revision="two")
    machines.pack(small)
    machines.install()
    assert set(files_of(folder_of("lab/small"))) == {
        "config.json",
        "model.safetensors",
        "alref-checkpoint.json",
    }
    assert recorded() == {"lab/small": small}


def test_only_what_is_whole_is_packed(machines: Machines) -> None:
    """Damage would be carried to a place where nothing can be done about it."""
    small = put(files=LARGE)
    (folder_of("lab/small") / "model.safetensors").write_bytes(bytes(300_000))
    with pytest.raises(ConfigError, match=r"not whole: model\.safetensors is damaged"):
        machines.pack(small)
    with pytest.raises(PrerequisiteError, match="lab/none") as caught:
        machines.pack(checkpoint("lab/none"))
    assert "models pull lab/none" in caught.value.hint
    assert not machines.drive.exists()


def test_from_the_hubs_cache(machines: Machines, tmp_path: Path) -> None:
    """What people downloaded long ago would have to be downloaded again, and links would be packed."""
    snapshot = tmp_path / "hub" / "models--lab--small" / "snapshots" / ("1" * 40)
    blobs = write(tmp_path / "blobs")
    snapshot.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        (snapshot / name).symlink_to(blobs / name)
    (snapshot / "other.onnx").write_bytes(b"not ours")
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("1" * 40)
    machines.pack(checkpoint())
    shutil.rmtree(tmp_path / "hub")
    machines.install()
    record = read_record(folder_of("lab/small"))
    assert record is not None
    assert record.revision == "1" * 40
    assert set(record.files) == {"config.json", "model.safetensors"}
    assert not any(path.is_symlink() for path in machines.drive.rglob("*"))


def damage(path: Path, seed: random.Random) -> str:
    """Flip a bit, cut a piece off, or lose the whole file."""
    content = bytearray(path.read_bytes())
    harm = seed.choice(["flip", "cut", "lose"])
    if harm == "flip":
        content[seed.randrange(len(content))] ^= 1 << seed.randrange(8)
        path.write_bytes(content)
    elif harm == "cut":
        path.write_bytes(content[: seed.randrange(len(content))])
    else:
        path.unlink()
    return harm


def damaged_at(points: int, machines: Machines) -> None:
    small = put(files=LARGE)
    machines.pack(small)
    whole = files_of(machines.drive)
    for point in range(points):
        seed = random.Random(point)
        name = seed.choice(sorted(LARGE))
        damage(machines.drive / "models/lab/small" / name, seed)
        with pytest.raises(ConfigError, match=name.rpartition("/")[2]):
            machines.install()
        assert nothing_is_visible()
        (fault,) = check_bundle(machines.drive, read_lock(machines.drive), Meter())
        assert fault.file == f"models/lab/small/{name}"
        write(machines.drive, whole)
        shutil.rmtree(waiting_room("lab/small"))  # what arrived whole would be kept, and rightly
    machines.install()
    assert verify(small) == []


def test_damage_on_the_drive_is_named(machines: Machines) -> None:
    """A flipped bit would give masks that are wrong without a word, or nobody know which file to bring again."""
    damaged_at(6, machines)


@pytest.mark.soak
def test_damage_on_the_drive_is_named_always(machines: Machines) -> None:
    """The same at more points."""
    damaged_at(200, machines)


def test_a_damaged_installation_is_healed(machines: Machines) -> None:
    """`install` would say that all is here, and leave the damage."""
    small = put(files=LARGE)
    machines.pack(small)
    for point in range(4):
        machines.install()
        damage(folder_of("lab/small") / "model.safetensors", random.Random(point))
    machines.install()
    assert verify(small) == []
    assert not (waiting_room("lab/small")).exists()


def test_half_a_copy_is_completed_or_thrown_away(machines: Machines) -> None:
    """After a pulled plug everything would be copied again, or a torn piece be built upon."""
    small = put(files=LARGE)
    machines.pack(small)
    weights = LARGE["model.safetensors"]
    for rest in (weights[:100_000], weights[:99_999] + b"?", weights, weights + b"more", b""):
        room = waiting_room("lab/small")
        room.mkdir(parents=True)
        (room / "model.safetensors.part").write_bytes(rest)
        (room / "config.json").write_bytes(b"torn")
        (room / "left.json").write_bytes(b"of another revision")
        (room / "vocab.txt").symlink_to("/etc/passwd")
        machines.install()
        assert verify(small) == []
        assert set(files_of(folder_of("lab/small"))) == {*LARGE, "alref-checkpoint.json"}
        remove("lab/small")


def test_two_at_once(machines: Machines) -> None:
    """Two people on one server would write into each other's files."""
    machines.pack(put(files=LARGE))
    with writing_models(), pytest.raises(PrerequisiteError, match="Another command"):
        machines.install()
    machines.install()


def test_remove(machines: Machines, tmp_path: Path) -> None:
    """Removing would take what others put there, or leave gigabytes."""
    put(files=LARGE)
    mine = write(folder_of("lab/mine"))
    room = write(waiting_room("lab/small"))
    assert remove("lab/small") > 300_000
    assert nothing_is_visible()
    assert not list(room.rglob("*.json"))
    assert remove_fails("lab/small") == "'lab/small' was not installed here."
    assert remove_fails("lab/mine") == "'lab/mine' was not installed here."
    outside = write(tmp_path / "etc")
    assert remove_fails("../../etc") == "'../../etc' does not name a checkpoint."
    assert (mine / "config.json").exists()
    assert (outside / "config.json").exists()


def remove_fails(name: str) -> str:
    with pytest.raises(ConfigError) as caught:
        remove(name)
    return str(caught.value)


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


def test_an_unfinished_bundle_is_no_bundle(machines: Machines) -> None:
    """A copy that was interrupted on the other side of the gate would look whole."""
    machines.pack(put(files=LARGE))
    (machines.drive / LOCK).unlink()
    with pytest.raises(ConfigError, match="neither a bundle nor"):
        machines.install()
    with pytest.raises(ConfigError, match="no finished bundle"):
        read_lock(machines.drive)


def test_wheels_travel_along(machines: Machines, tmp_path: Path) -> None:
    """The program itself would be missing behind the gate."""
    small = put(files=LARGE)
    (tmp_path / "wheels").mkdir()
    with pytest.raises(ConfigError, match="no wheels"):
        pack([small], machines.drive, Meter(), wheels=tmp_path / "wheels")
    (tmp_path / "wheels" / "alref_local-1-py3-none-any.whl").write_bytes(b"PK")
    lock = pack([small], machines.drive, Meter(), wheels=tmp_path / "wheels")
    assert "wheels/alref_local-1-py3-none-any.whl" in lock.all_files()
    (machines.drive / "wheels/alref_local-1-py3-none-any.whl").write_bytes(b"PX")
    assert [fault.file for fault in check_bundle(machines.drive, lock, Meter())] == [
        "wheels/alref_local-1-py3-none-any.whl"
    ]


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
