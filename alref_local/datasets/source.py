"""Reads annotation files below one folder; what they say is data, and no name in them leads out of the folder."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from alref_local.errors import ConfigError
from alref_local.jobs import MAX_SENTENCE

__all__ = ["AnnotationsError", "Entry", "Name", "RelativePath", "Sentence", "Source", "file_name"]

_M = TypeVar("_M")

_SAID: Final = {
    "missing": "is missing",
    "string_too_short": "is empty",
    "string_too_long": f"is longer than {MAX_SENTENCE} characters",
    "string_type": "is not text",
    "list_type": "is not a list",
    "dict_type": "is not an object",
    "model_type": "is not an object",
}


class AnnotationsError(ConfigError):
    """Annotations cannot be used; ``problems`` are sentences."""

    def __init__(self, problems: list[str]) -> None:
        more = f" And {len(problems) - 1} more." if len(problems) > 1 else ""
        super().__init__(
            problems[0] + more, hint="`alref-local datasets check ROOT --dataset NAME` lists them all."
        )
        self.problems = problems


def file_name(text: str) -> str:
    """``text``, if it is one file or folder on any system; ``ValueError`` if not."""
    if (
        text in ("", ".", "..")
        or any(c in '/\\:*?"<>|' or not c.isprintable() for c in text)
        or len(text.encode()) > 240  # file systems take 255 bytes, and an ending may follow
    ):
        raise ValueError(f"'{_plain(text, 40)}' cannot be the name of a file")
    return text


def _relative(text: str) -> str:
    for part in text.split("/"):
        file_name(part)
    return text


Name = Annotated[str, AfterValidator(file_name)]
"""One file or folder: no separators, no ``..``."""

RelativePath = Annotated[str, AfterValidator(_relative)]
"""Names divided by ``/``."""

Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_SENTENCE)]
"""Something is said, and not too much for a model."""


class Entry(BaseModel):
    """An entry of an annotation file; fields that nobody asked about are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


class Source:
    """The folder of a data set. Links that its owner put into it are followed."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, *names: str) -> Path:
        """A path below the folder.

        Raises:
            AnnotationsError: a name that would lead out of it.
        """
        try:
            return self.root.joinpath(*(file_name(part) for name in names for part in name.split("/")))
        except ValueError as error:
            raise AnnotationsError([f"{error}."]) from None

    def json(self, kind: type[_M], *names: str) -> _M:
        """A JSON file that holds a ``kind``.

        Raises:
            AnnotationsError: it is missing, no JSON, or not of that form.
        """
        content: _M = self._checked(kind, json.loads, "/".join(names))
        return content

    def csv(self, row: type[_M], name: str, *, first: str = "") -> list[_M]:
        """The rows of a CSV file whose first line names the columns; ``AnnotationsError`` as `json`.

        Args:
            row: of what form.
            name: of the file.
            first: what the first column holds, where that counts and not its name.
        """
        rows: list[_M] = self._checked(list[row], partial(_rows, first=first), name)  # type: ignore[valid-type]
        return rows

    def _checked(self, kind: Any, parse: Callable[[str], Any], name: str) -> Any:
        try:
            content = parse(self.path(name).read_text("utf-8-sig"))
        except FileNotFoundError:
            raise AnnotationsError([f"{name} is missing."]) from None
        except OSError as error:
            raise AnnotationsError([f"{name} cannot be read: {error.strerror}."]) from None
        except (ValueError, RecursionError, csv.Error) as error:
            raise AnnotationsError([f"{name} is damaged: {_plain(str(error))}."]) from None
        try:
            return TypeAdapter(kind).validate_python(content)
        except ValidationError as error:
            raise AnnotationsError(
                [_sentence(name, one) for one in error.errors(include_url=False)]
            ) from None


def _rows(text: str, *, first: str) -> list[dict[str, str]]:
    lines = [line for line in csv.reader(io.StringIO(text, newline=""), skipinitialspace=True) if line]
    columns = [first or lines[0][0], *lines[0][1:]] if lines else []
    for number, line in enumerate(lines, start=1):
        if len(line) > len(columns):
            raise ValueError(f"line {number} has more values than there are columns")
    return [dict(zip(columns, line, strict=False)) for line in lines[1:]]


def _sentence(file: str, error: ErrorDetails) -> str:
    place = [_plain(str(part)) for part in error["loc"]]
    if file.endswith(".csv") and place:
        place[0] = f"line {int(place[0]) + 2}"  # after the line that names the columns
    said = _SAID.get(error["type"]) or error["msg"].removeprefix("Value error, ")
    return f"{file}: {', '.join(place) or 'the whole'}: {said}."


def _plain(text: str, longest: int = 100) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:longest])
