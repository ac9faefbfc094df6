"""Bundles: packed on one machine, installed on another, whole or not at all."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from alref_local.errors import ConfigError, PrerequisiteError
from alref_local.models.checking import verify
from alref_local.models.store import folder_of, read_record, recorded
from alref_local.supply.arriving import waiting_room, writing_models
from alref_local.supply.bundle import pack
from alref_local.supply.install import check_bundle, install_any, remove
from alref_local.supply.lock import LOCK, read_lock
from alref_local.supply.meter import Meter
from tests.models.store_kit import checkpoint, facts, put, write
from tests.supply.drive_kit import LARGE, Machines, files_of, nothing_is_visible


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


def test_half_a_checkpoint_is_not_certified(machines: Machines, tmp_path: Path) -> None:
    """A folder that lacks a part of its weights would become a checkpoint with hashes for everything."""
    index = b'{"weight_map": {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"}}'
    half = {"config.json": b"{}", "model.safetensors.index.json": index, "model-1-of-2.safetensors": b"1"}
    (tmp_path / "mine.yaml").write_text(
        "lab/small: {kind: vlm, licence: MIT, parameters: 9, dtype: float32, working: 0}"
    )
    machines.monkeypatch.setenv("ALREF_CATALOGUE", str(tmp_path / "mine.yaml"))
    folder = write(tmp_path / "copied", half)
    with pytest.raises(ConfigError, match=r"not whole: model-2-of-2\.safetensors is missing"):
        install_any(folder, (), "lab/small", Meter())
    assert nothing_is_visible()
    snapshot = write(tmp_path / "hub/models--lab--small/snapshots" / ("1" * 40), half)
    with pytest.raises(PrerequisiteError, match="Not on this machine"):
        machines.pack(checkpoint(revision="1" * 40))
    for place in (folder, snapshot):
        (place / "model-2-of-2.safetensors").write_bytes(b"2")
    machines.pack(checkpoint(revision="1" * 40))
    assert set(install_any(folder, (), "lab/small", Meter())) == {"lab/small"}


def test_a_lock_does_not_overrule_the_catalogue(machines: Machines, tmp_path: Path) -> None:
    """Whoever writes on a drive could replace weights whose hash everybody knows."""
    bad = {**LARGE, "model.safetensors": b"evil" * 9}
    for revision, known, files, said in (
        ("abc", "abc", bad, "its model.safetensors is another one"),
        ("abc", None, bad, "its model.safetensors is another one"),
        (
            "abc",
            "abc",
            {"config.json": LARGE["config.json"], "other.safetensors": b"evil"},
            "it lacks LICENSE",
        ),
        ("abc", "abc", LARGE, None),
        ("later", "abc", bad, None),
    ):
        machines.use("first")
        shutil.rmtree(folder_of("lab/small"), ignore_errors=True)
        machines.pack(put(files=files, revision=revision))
        facts_known = {name: facts(LARGE[name]).model_dump() for name in ("LICENSE", "model.safetensors")}
        fields = {"kind": "vlm", "licence": "MIT", "parameters": 512, "dtype": "float32", "working": 0}
        entry = {**fields, "revision": known, "files": facts_known}
        (tmp_path / "mine.yaml").write_text(json.dumps({"lab/small": entry}))
        machines.monkeypatch.setenv("ALREF_CATALOGUE", str(tmp_path / "mine.yaml"))
        if said is None:
            assert set(machines.install()) == {"lab/small"}
            remove("lab/small")
        else:
            with pytest.raises(ConfigError, match=f"not the 'lab/small' that the catalogue knows: {said}"):
                machines.install()
            assert nothing_is_visible()
        machines.monkeypatch.delenv("ALREF_CATALOGUE")


def test_a_converted_checkpoint_travels(machines: Machines, tmp_path: Path) -> None:
    """The published .bin, whose hash is known, is not in the bundle: what was made of it would be refused."""
    record = put(files=LARGE, revision="abc")
    machines.pack(record)
    fields = record.model_dump(include={"kind", "licence", "parameters", "dtype", "working", "revision"})
    files = {"pytorch_model.bin": facts(b"old").model_dump(), "LICENSE": facts(b"MIT\n").model_dump()}
    (tmp_path / "mine.yaml").write_text(
        json.dumps({"lab/small": {**fields, "convert": "tensors", "files": files}})
    )
    machines.monkeypatch.setenv("ALREF_CATALOGUE", str(tmp_path / "mine.yaml"))
    assert set(machines.install()) == {"lab/small"}


def test_a_record_of_another_name_is_refused(machines: Machines) -> None:
    """A folder would be installed as something else than was said, and take its place."""
    put("facebook/sam2.1-hiera-large", LARGE)
    folder = folder_of("facebook/sam2.1-hiera-large")
    machines.use("second")
    with pytest.raises(ConfigError, match=r"holds 'facebook/sam2\.1-hiera-large', not"):
        install_any(folder, (), "facebook/sam2.1-hiera-tiny", Meter())
    with pytest.raises(ConfigError, match="the catalogue knows"):
        install_any(folder, (), "facebook/sam2.1-hiera-large", Meter())
    assert recorded() == {}


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
