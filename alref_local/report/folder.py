"""The folder of a report: data as scripts, because a page opened from disk may not fetch; pictures and videos beside.

Nothing that a person or a model said becomes part of a path: videos and runs are numbered.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from alref_local.errors import ConfigError
from alref_local.files import part, write_bytes, writing
from alref_local.visible import visible

__all__ = ["ReportFolder", "shown"]

_MARK = "report.json"
_PARTS = ("assets", "data", "media")


class ReportFolder:
    """Begun with the constructor, finished with `finish`; a report that was there before is replaced.

    Args:
        path: created if need be.

    Raises:
        ConfigError: it cannot be written, or holds something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with writing(path):
            path.mkdir(parents=True, exist_ok=True)
            if not (path / _MARK).is_file() and any(path.iterdir()):
                raise ConfigError(
                    f"{path} holds something that is no report.", hint="Choose another folder with -o."
                )
            write_bytes(path / _MARK, b'{"format": 1}\n')
            (path / "index.html").unlink(missing_ok=True)  # until the new one is whole
            for name in _PARTS:
                shutil.rmtree(path / name, ignore_errors=True)
            assets = path / "assets"
            assets.mkdir()
            for one in files("alref_local.report").joinpath("assets").iterdir():
                if one.name.endswith((".js", ".css")):
                    (assets / one.name).write_bytes(one.read_bytes())

    def write_data(self, name: str, value: object) -> None:
        """Write ``data/NAME.js``, which hands ``value`` to the page.

        The value is a JSON text inside a JavaScript string, both in ASCII: no name in it is special to either.
        """
        text = json.dumps(json.dumps(shown(value), separators=(",", ":"), allow_nan=False))
        write_bytes(self.path / "data" / f"{name}.js", f'take("{name}", {text});\n'.encode("ascii"))

    def write_media(self, name: str, data: bytes) -> str:
        """Write ``media/NAME`` and return its address."""
        write_bytes(self.path / "media" / name, data)
        return f"media/{name}"

    def take_media(self, name: str, source: Path) -> str | None:
        """Put a file of a run into the report: a hard link, or a copy on another disk; ``None`` if there is none."""
        target = self.path / "media" / name
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(source, target)
            except FileNotFoundError:
                return None
            except OSError:
                with contextlib.suppress(FileNotFoundError):
                    shutil.copyfile(source, part(target))
                    part(target).replace(target)
        return f"media/{name}" if target.is_file() else None

    def finish(self, page: str) -> Path:
        """Write the page, which makes the report complete."""
        target = self.path / "index.html"
        write_bytes(target, page.encode("utf-8", "backslashreplace"))
        return target


def shown(value: Any) -> Any:
    """``value`` with every text in it made visible; line ends stay."""
    if isinstance(value, str):
        return visible(value, lines=True)
    if isinstance(value, Mapping):
        return {visible(str(key)): shown(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [shown(one) for one in value]
    return value
