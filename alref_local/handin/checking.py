"""Whether an archive is what its benchmark takes: by the archive alone, and the sentences and frames of the data set.

Nothing is extracted, and no name in an archive becomes a path: names are only compared with those that belong there.
"""

from __future__ import annotations

import stat
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path, PurePosixPath

from alref_local.datasets import Checked, Drawn, Item, find_dataset, load_items
from alref_local.errors import ConfigError, MediaError
from alref_local.handin.forms import Entry, Form, find_form
from alref_local.handin.pictures import pixel_values
from alref_local.media import FrameFolder

__all__ = ["check_archive"]


def check_archive(path: Path, name: str, root: Path, split: str = "") -> Checked:
    """Look at every picture of an archive.

    Args:
        path: the zip file.
        name: of the data set.
        root: its folder.
        split: by default the one that the benchmark scores.

    Returns:
        What is there, what is wrong with it in sentences, and what is worth knowing.

    Raises:
        ConfigError: nobody takes archives of this data set, its annotations cannot be used, or there is no such file.
        MediaError: frames of the data set cannot be read.
    """
    form = find_form(name)
    split = split or form.split
    items = load_items(name, root, split)
    more: list[str] = []
    try:
        with zipfile.ZipFile(path) as archive:
            problems = tuple(f"{said}." for said in _problems(archive, form, items, more))
    except FileNotFoundError:
        raise ConfigError(f"There is no file {path}.", hint="Check the name.") from None
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        problems = (f"{_no_zip(path)}.",)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}.", hint="Check its permissions."
        ) from None
    counts = {
        "videos": len(items),
        "sentences": sum(len(item.references) for item in items),
        "masks": sum(1 for item in items for _ in form.entries(item)),
    }
    return Checked(counts, problems, tuple(_remarks(form, split, len(items), more)))


def _problems(archive: zipfile.ZipFile, form: Form, items: Sequence[Item], more: list[str]) -> Iterator[str]:
    """All of them; only the first one where everything lies in the wrong place.

    Names of pictures that hold more than the objects, but nothing wrong, are added to ``more``.
    """
    infos = {info.orig_filename: info for info in archive.infolist()}
    expected = {entry.name for item in items for entry in form.entries(item)}
    if infos and (misplaced := _misplaced(infos, expected, form)):
        yield misplaced
        return
    yield from _names(archive.infolist(), expected)
    for item in items:
        size = _size(item)
        for folder, group in groupby(form.entries(item), key=attrgetter("folder")):
            entries = list(group)
            yield from _missing(folder, entries, infos)
            faults: dict[str, str] = {}
            for entry in (one for one in entries if one.name in infos):
                values = pixel_values(archive, infos[entry.name], form.mode, size)
                if said := _fault(values, entry, form):
                    faults[entry.file] = said
                elif not set(values) <= set(entry.values):
                    more.append(entry.name)
            for said, count in Counter(faults.values()).items():
                first = next(file for file, reason in faults.items() if reason == said)
                yield f"{folder}/{first} {said}" + (f" (and {count - 1} more there)" if count > 1 else "")


def _fault(values: tuple[int, ...] | str, entry: Entry, form: Form) -> str:
    """What is wrong with a picture, as the end of a sentence; empty if nothing is."""
    if isinstance(values, str):
        return values
    strange = [value for value in values if value not in entry.values and value > form.most]
    if not strange:
        return ""
    if form.mode == "L":
        return f"holds the value {strange[-1]}, where masks hold 0 and 255"
    return f"holds the number {strange[-1]}, and no more than {form.most} proposals are read"


def _names(infos: Sequence[zipfile.ZipInfo], expected: set[str]) -> Iterator[str]:
    """What cannot stay in an archive, whatever is in it."""
    folders = {str(parent) for name in expected for parent in PurePosixPath(name).parents}
    strangers: Counter[str] = Counter()
    for name, times in Counter(info.orig_filename for info in infos).items():
        if times > 1:
            yield f"'{_plain(name)}' is there {times} times"
        if unsafe := _unsafe(name):
            yield f"'{_plain(name)}' {unsafe}"
        elif name not in expected and name.rstrip("/") not in folders:
            strangers[_stranger(name, folders)] += not name.endswith("/")
    for name, files in strangers.items():
        yield f"'{_plain(name)}' does not belong there" + (f" ({files} files)" if files > 1 else "")
    for info in infos:
        if stat.S_ISLNK(info.external_attr >> 16):
            yield f"'{_plain(info.orig_filename)}' is a link"
        elif info.flag_bits & 1:
            yield f"'{_plain(info.orig_filename)}' is encrypted"


def _stranger(name: str, folders: set[str]) -> str:
    """The first part of a path that is not expected, with all before it."""
    parts = name.rstrip("/").split("/")
    known = next(n for n in range(len(parts)) if "/".join(parts[: n + 1]) not in folders)
    return "/".join(parts[: known + 1]) + ("/" if known + 1 < len(parts) or name.endswith("/") else "")


def _missing(folder: str, entries: Sequence[Entry], infos: Mapping[str, zipfile.ZipInfo]) -> Iterator[str]:
    missing = [entry for entry in entries if entry.name not in infos]
    if len(missing) == len(entries):
        yield f"{folder} is missing"
    elif missing:
        yield f"{folder} lacks {len(missing)} of {len(entries)} masks, first {missing[0].file}"


def _misplaced(names: Mapping[str, object], expected: set[str], form: Form) -> str:
    """Where everything lies a folder too deep or too high, which is the commonest mistake."""
    if not expected.isdisjoint(names):
        return ""
    for top in sorted({name.partition("/")[0] for name in names}):
        if any(f"{top}/{name}" in names for name in expected):
            return f"Everything lies in a folder '{_plain(top)}', but the form is {form.layout}"
    if form.top and any(name.removeprefix(f"{form.top}/") in names for name in expected):
        return f"There is no folder {form.top}: the form is {form.layout}"
    return ""


def _size(item: Item) -> tuple[int, int]:
    """``(height, width)`` of the frames, read from all of them."""
    if isinstance(item.video, Drawn) or not item.video.is_dir():
        raise MediaError(
            f"The frames of {item.id} are not there, and with them the size of its masks.",
            hint="`alref-local datasets check ROOT --dataset NAME` says what is missing.",
        )
    return FrameFolder(item.video).size


def _no_zip(path: Path) -> str:
    with path.open("rb") as file:
        begins = file.read(4) == b"PK\x03\x04"
    return f"{path.name} is " + ("a zip file that is damaged or cut off" if begins else "no zip file")


def _unsafe(name: str) -> str:
    if name.startswith("/") or ".." in name.split("/"):
        return "leads out of the archive"
    return "is not a plain name" if any(c in "\\:" or not c.isprintable() for c in name) else ""


def _remarks(form: Form, split: str, videos: int, more: Sequence[str]) -> Iterator[str]:
    published = find_dataset(form.dataset).splits.get(split, 0)
    if published and published != videos:
        yield f"The published split has {published} videos, this one {videos}."
    if split != form.split:
        yield f"The benchmark scores the split {form.split}; this is {split}."
    if more:
        yield (
            f"{len(more)} picture(s) hold numbers above those of the objects, first {more[0]}: the unsupervised task,"
            f" the default of eval_davis.py, reads up to {form.most} proposals; the semi-supervised one ends there."
        )


def _plain(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name[:100])
