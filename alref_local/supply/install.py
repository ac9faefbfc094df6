"""From a drive, or from a file fetched by hand, to this machine; and away again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from alref_local.errors import ConfigError
from alref_local.models.catalogue import Checkpoint, find_checkpoint, load_catalogue
from alref_local.models.checking import Fault, faults
from alref_local.models.store import cached, folder_of, read_record
from alref_local.supply.arriving import clear, publish, waiting_room, withdraw, writing_models
from alref_local.supply.bundle import whole_entry
from alref_local.supply.convert import converted
from alref_local.supply.copying import bring, facts_of, room_for
from alref_local.supply.lock import LOCK, BundleLock, read_lock
from alref_local.supply.meter import Meter

__all__ = ["check_bundle", "install_any", "install_bundle", "install_files", "remove"]


def install_any(source: Path, names: Sequence[str], name: str | None, meter: Meter) -> dict[str, Path]:
    """Install ``names`` from a bundle, or what ``source`` is; return the folder of each.

    Raises:
        ConfigError: as ``install_bundle`` and ``install_files``.
        PrerequisiteError: another command installs at the same time.
    """
    if name is None and (source / LOCK).exists():
        return install_bundle(source, read_lock(source), names, meter)
    if names:
        raise ConfigError(
            f"{source} is no bundle, so no checkpoints can be chosen from it.",
            hint="Say which checkpoint it is with --name OWNER/NAME.",
        )
    return dict([install_files(source, name, meter)])


def install_bundle(drive: Path, lock: BundleLock, names: Sequence[str], meter: Meter) -> dict[str, Path]:
    """Install checkpoints of a bundle (all of them if no ``names``); return the folder of each.

    A checkpoint becomes visible when every byte of it was read back and found right. What is here already and whole is
    left alone; what is damaged is replaced.

    Raises:
        ConfigError: the bundle has none of a name, holds links or is damaged; or nothing can be written.
        PrerequisiteError: another command installs at the same time.
    """
    wanted = names or list(lock.checkpoints)
    if unknown := [name for name in wanted if name not in lock.checkpoints]:
        raise ConfigError(
            f"The bundle has no '{unknown[0]}'.", hint=f"It holds {', '.join(lock.checkpoints) or 'nothing'}."
        )
    with writing_models():
        return {name: _from_drive(lock.checkpoints[name], drive, meter) for name in wanted}


def install_files(source: Path, name: str | None, meter: Meter) -> tuple[str, Path]:
    """Install one checkpoint of the catalogue from a folder, or from its only file; return its name and folder.

    Args:
        source: a folder with the published files, or a file such as Microsoft's BEATs.
        name: of the checkpoint; a file is also known by its own name.
        meter: is told of progress.

    Raises:
        ConfigError: it is not in the catalogue, or the files are not those that the catalogue knows.
        PrerequisiteError: another command installs at the same time.
    """
    checkpoint = find_checkpoint(name) if name else _known_by_file(source)
    if source.is_dir():
        with writing_models():
            entry = whole_entry(checkpoint, source, meter)
            return entry.name, _arrive(entry, {file: source / file for file in entry.files}, meter)
    published = [file for file in checkpoint.files if _is_weights(file)]
    if len(checkpoint.files) != 1 or len(published) != 1:
        raise ConfigError(
            f"'{checkpoint.name}' does not consist of one file.",
            hint="Name the folder that holds all of its files.",
        )
    meter.begin(f"{checkpoint.name}: reading", source.stat().st_size)
    here, known = facts_of(source, meter.add), checkpoint.files[published[0]]
    if here != known and None not in (known.size, known.sha256):
        raise ConfigError(
            f"{source} is not the {published[0]} that is known: {here.size} bytes, SHA-256 {here.sha256}.",
            hint=f"{known.size} bytes and {known.sha256} are right; get the file again from {checkpoint.url}.",
        )
    with writing_models():
        entry = checkpoint.model_copy(update={"files": {published[0]: here}})
        return entry.name, _arrive(entry, {published[0]: source}, meter)


def check_bundle(drive: Path, lock: BundleLock, meter: Meter) -> list[Fault]:
    """Read every file of a bundle; what is wrong with any of them."""
    files = lock.all_files()
    meter.begin(f"checking {drive}", sum(facts.size or 0 for facts in files.values()))
    links = [Fault(path, "is a link") for path in files if _linked(drive, drive / path)]
    return links or faults(drive, files, tell=meter.add)


def remove(name: str) -> int:
    """Remove what was installed under ``name``, and what an interrupted command left of it; return its bytes.

    Raises:
        ConfigError: nothing was installed.
        PrerequisiteError: another command installs at the same time.
    """
    with writing_models():
        folder, room = folder_of(name), waiting_room(name)
        ours = [room] if read_record(folder) is None else [folder, room]
        files = [file for place in ours for file in place.rglob("*") if file.is_file()]
        if not files:
            elsewhere = cached(name)
            raise ConfigError(
                f"'{name[:80]}' was not installed here.",
                hint=f"It lies in the hub's cache ({elsewhere}): `hf cache rm` removes it from there."
                if elsewhere
                else "`alref-local models list` shows what is here.",
            )
        size = sum(file.stat().st_size for file in files)
        clear(room, set())
        if folder in ours:
            withdraw(name)
        return size


def _from_drive(entry: Checkpoint, drive: Path, meter: Meter) -> Path:
    sources = {file: drive / "models" / entry.name / file for file in entry.files}
    if links := [file for file in sources.values() if _linked(drive, file)]:
        raise ConfigError(
            f"{links[0]} is a link, and a bundle holds files.", hint="Do not trust this bundle."
        )
    return _arrive(entry, sources, meter)


def _arrive(entry: Checkpoint, sources: Mapping[str, Path], meter: Meter) -> Path:
    """Install ``entry``, whose files lie at ``sources``, unless the catalogue knows better."""
    if wrong := _contradiction(entry):
        raise ConfigError(
            f"This is not the '{entry.name}' that the catalogue knows: {wrong}.",
            hint="Do not trust where it comes from, or correct the entry in your catalogue ($ALREF_CATALOGUE).",
        )
    record, total = read_record(folder_of(entry.name)), sum(facts.size or 0 for facts in entry.files.values())
    if (
        record is not None
        and record.revision == entry.revision
        and (entry.convert or record.files == entry.files)
    ):
        meter.begin(f"{entry.name}: is here, checking", total)
        if not faults(folder_of(entry.name), record.files, tell=meter.add):
            return folder_of(entry.name)
    room = waiting_room(entry.name)
    clear(room, set(entry.files))
    have = sum(file.stat().st_size for file in room.rglob("*") if file.is_file())
    room_for(room, max(0, total - have))
    meter.begin(f"{entry.name}: copying", total)
    for file, facts in entry.files.items():
        bring(sources[file], room / file, facts, meter.add)
    return publish(converted(entry, room, meter))


def _contradiction(entry: Checkpoint) -> str:
    """How an entry differs from that of the catalogue, if both are of one revision; nothing if it does not.

    An entry may come from a stranger's lock or record. Weights that were converted have other names than the published.
    """
    known = load_catalogue().get(entry.name)
    if known is None or (entry.revision and known.revision not in (None, entry.revision)):
        return ""
    for file, facts in known.files.items():
        here = entry.files.get(file)
        if here is None and not (known.convert and _is_weights(file)):
            return f"it lacks {file}"
        if here and any(
            right is not None and right != said
            for right, said in ((facts.size, here.size), (facts.sha256, here.sha256))
        ):
            return f"its {file} is another one ({here.size} bytes, SHA-256 {str(here.sha256)[:12]}...)"
    return ""


def _linked(root: Path, file: Path) -> bool:
    """Whether a step of the way from ``root`` to ``file`` is a symbolic link."""
    steps = [file, *file.parents]
    return any(step.is_symlink() for step in steps[: steps.index(root)])


def _known_by_file(source: Path) -> Checkpoint:
    for checkpoint in load_catalogue().values():
        if source.name in checkpoint.files and _is_weights(source.name) and len(checkpoint.files) == 1:
            return checkpoint
    raise ConfigError(
        f"{source} is neither a bundle nor a file that the catalogue knows.",
        hint="Say which checkpoint it is with --name OWNER/NAME.",
    )


def _is_weights(file: str) -> bool:
    return file.endswith((".pt", ".bin", ".safetensors"))
