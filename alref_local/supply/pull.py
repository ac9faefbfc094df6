"""From the Hugging Face hub, or a mirror of it (``HF_ENDPOINT``), to this machine: resumed, checked, then visible."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from alref_local.errors import ConfigError, PrerequisiteError
from alref_local.models.catalogue import Checkpoint, FileFacts, safe_path
from alref_local.models.checking import Fault, faults, verify
from alref_local.models.store import folder_of, installed
from alref_local.offline import offline_asked
from alref_local.supply.arriving import clear, publish, waiting_room, writing_models
from alref_local.supply.convert import converted
from alref_local.supply.copying import facts_of, room_for, writable
from alref_local.supply.hub import Offered, ask, download
from alref_local.supply.meter import Meter

__all__ = ["chosen", "pull", "pull_all"]

_BESIDE: Final = ("*.json", "*.txt", "*.model", "*.jinja", "*.py", "LICEN[CS]E*", "NOTICE*", "README.md")


def pull_all(checkpoints: Iterable[Checkpoint], meter: Meter) -> dict[str, Path]:
    """``pull`` all of them, those by hand last, so that one of these keeps nobody from the others."""
    return {one.name: pull(one, meter) for one in sorted(checkpoints, key=lambda one: one.repo is None)}


def pull(checkpoint: Checkpoint, meter: Meter) -> Path:
    """Download a checkpoint, unless it is installed and whole; return its folder.

    An interrupted download goes on where it stopped. Every file is compared with the catalogue and with what the hub
    says of it before the checkpoint becomes visible.

    Raises:
        PrerequisiteError: it is not on the hub, the hub cannot be reached or refuses, or ``--offline`` is set.
        ConfigError: bytes are wrong, or cannot be written.
    """
    if (found := installed(checkpoint)) == folder_of(checkpoint.name) and found is not None:
        meter.begin(f"{checkpoint.name}: checking", checkpoint.weights_bytes)
        if not verify(checkpoint, found, tell=meter.add):
            return found
    if checkpoint.repo is None:
        raise PrerequisiteError(
            f"'{checkpoint.name}' is not on the hub.",
            hint=f"Fetch {', '.join(checkpoint.files)} from {checkpoint.url}, then `alref-local models install FILE`.",
        )
    if offline_asked():
        raise PrerequisiteError(
            f"'{checkpoint.name}' is not on this machine, and no network may be used.",
            hint="Unset HF_HUB_OFFLINE, or bring it in a bundle: `alref-local models install DRIVE`.",
        )
    with writing_models():
        return _fetch(checkpoint, meter)


def chosen(offered: Iterable[str], known: Iterable[str] = ()) -> list[str]:
    """The files of a repository that are loaded: safetensors, or else PyTorch's; what belongs to them; the licence.

    Other frameworks' weights and folders of a repository are left there.
    """
    top = [name for name in offered if "/" not in name and safe_path(name)]
    weights = [name for name in top if name.endswith(".safetensors")]
    weights = weights or [name for name in top if fnmatch(name, "pytorch_model*.bin")]
    beside = [name for name in top if any(fnmatch(name, pattern) for pattern in _BESIDE)]
    if not any(name.endswith(".safetensors") for name in weights):
        beside = [name for name in beside if name != "model.safetensors.index.json"]
    return sorted({*weights, *beside, *known})


def _fetch(checkpoint: Checkpoint, meter: Meter) -> Path:
    offered, room = ask(checkpoint), waiting_room(checkpoint.name)
    expected = _expected(checkpoint, offered)
    clear(room, set(expected))
    total = sum(facts.size or 0 for facts in expected.values())
    have = sum(file.stat().st_size for file in room.rglob("*") if file.is_file())
    room_for(room, max(0, total - have))
    meter.begin(f"{checkpoint.name}: downloading", 0)
    download(checkpoint, offered.commit, expected, room)
    meter.begin(f"{checkpoint.name}: checking", total)
    _check(checkpoint, room, expected, offered.blobs, meter)
    files = {name: facts if facts.sha256 else facts_of(room / name) for name, facts in expected.items()}
    whole = checkpoint.model_copy(update={"revision": offered.commit, "files": files})
    return publish(converted(whole, room, meter))


def _expected(checkpoint: Checkpoint, offered: Offered) -> dict[str, FileFacts]:
    """Size and hash of each file to fetch, from the catalogue and the hub, which must not contradict each other."""
    expected: dict[str, FileFacts] = {}
    for name in chosen(offered.files, checkpoint.files):
        said, known = offered.files[name], checkpoint.files.get(name, FileFacts())
        pairs = ((said.size, known.size), (said.sha256, known.sha256))
        if any(None not in pair and pair[0] != pair[1] for pair in pairs):
            raise ConfigError(
                f"The hub offers another {name} of '{checkpoint.name}' than the catalogue knows.",
                hint="Do not trust this mirror, or correct revision and files in your catalogue ($ALREF_CATALOGUE).",
            )
        expected[name] = FileFacts(size=said.size, sha256=known.sha256 or said.sha256)
    return expected


def _check(
    checkpoint: Checkpoint,
    room: Path,
    expected: Mapping[str, FileFacts],
    blobs: Mapping[str, str],
    meter: Meter,
) -> None:
    """Read every file; wrong ones are removed, to be fetched anew."""
    wrong = faults(room, expected, tell=meter.add)
    small = {name for name, facts in expected.items() if facts.sha256 is None} - {
        fault.file for fault in wrong
    }
    wrong += [
        Fault(name, f"is damaged: git's hash of it does not begin with {blobs[name][:12]}")
        for name in sorted(small)
        if _git_blob(room / name) != blobs[name]
    ]
    for fault in wrong:
        with writable(room):
            (room / fault.file).unlink(missing_ok=True)
    if wrong:
        raise ConfigError(
            f"What was downloaded for '{checkpoint.name}' is wrong: {wrong[0]}.",
            hint="Run the same command again: this file is then fetched anew, the others are kept.",
        )


def _git_blob(file: Path) -> str:
    """Git's name of a (small) file's content."""
    content = file.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
