"""Prompt sets: folders of text files with ``{fields}``, filled strictly.

A set holds ``pivot_frame.txt``, ``pivot_box.txt``, ``lbru.txt`` and ``second_look.txt`` as far as they are used,
variants of them such as ``pivot_box_NAME.txt``, and may hold ``none.txt``, said when "none of the boxes" is allowed,
and ``vocabulary.txt``, said when sounding things are to be named in given words.
Fields:

- in all steps: ``{frames}`` "5 frames"; ``{count}`` "5"; ``{quoted}`` the reference, or the labels, as JSON
  strings on one line
- in pivot_frame and second_look: ``{reference}`` as it is
- in pivot_box: ``{reference}``; ``{frame}`` "3"; ``{ordinal}`` "3rd"; ``{marked}`` "three objects are marked
  with colored boxes"; ``{boxes}`` "a green box (label 1) and a pink box (label 2)"; ``{none}`` the text of
  ``none.txt`` after a blank, or nothing
- in lbru: ``{tags}`` "dog, bark"; ``{vocabulary}`` the text of ``vocabulary.txt`` after a blank, or nothing
- in vocabulary: ``{names}`` "accordion, airplane, axe"
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

from alref_local.errors import ConfigError
from alref_local.reason.defuse import defuse

__all__ = ["PromptSet", "box_list", "list_prompts", "load_prompts"]

_BUNDLED = Path(__file__).parent / "prompts"
_COMMON = frozenset({"frames", "count", "quoted"})
_FIELDS = {
    "pivot_frame": _COMMON | {"reference"},
    "pivot_box": _COMMON | {"reference", "frame", "ordinal", "marked", "boxes", "none"},
    "lbru": _COMMON | {"tags", "vocabulary"},
    "vocabulary": frozenset({"names"}),
    "second_look": _COMMON | {"reference"},
    "none": frozenset[str](),
}
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True, slots=True)
class PromptSet:
    """The templates of one folder by file name; ``name`` is the bundled name or the folder's."""

    name: str
    templates: Mapping[str, str]

    def render(
        self,
        template: str,
        *,
        count: int,
        reference: str = "",
        tags: Sequence[str] = (),
        names: Sequence[str] = (),
        frame: int = 0,
        boxes: Sequence[str] = (),
        none_allowed: bool = False,
    ) -> str:
        """The text of one question.

        Args:
            template: ``pivot_frame``, ``pivot_box``, ``lbru``, ``second_look`` or a variant (``pivot_box_select``).
            count: number of sampled frames shown.
            reference: what to look for, in words (all steps but lbru).
            tags: labels of the audio classifier, likeliest first (lbru).
            names: the words in which to name what sounds; none: any words (lbru).
            frame: id of the pivot frame in the strip, counted from 1 (pivot_box).
            boxes: colour names of the painted boxes in the order of their labels (pivot_box).
            none_allowed: whether "none of the boxes" is an answer (pivot_box).

        Raises:
            ConfigError: the set has no such template.
        """
        if template not in self.templates:
            raise ConfigError(
                f"The prompt set '{self.name}' has no {template}.txt.",
                hint=f"It has {', '.join(sorted(self.templates))}; "
                "reasoning.prompts and reasoning.box_prompt choose.",
            )
        none = self.templates.get("none", "") if none_allowed else ""
        words = self.templates.get("vocabulary", "").format(names=", ".join(names)) if names else ""
        reference, tags = _plain(reference), [_plain(tag) for tag in tags]
        text = self.templates[template].format_map(
            {
                "count": str(count),
                "frames": f"{count} frame" if count == 1 else f"{count} frames",
                "reference": reference,
                "tags": ", ".join(tags),
                "quoted": ", ".join(json.dumps(said, ensure_ascii=False) for said in (tags or [reference])),
                "frame": str(frame),
                "ordinal": _ordinal(frame),
                "marked": _marked(len(boxes)),
                "boxes": box_list(boxes),
                "none": f" {none}" if none else "",
                "vocabulary": f" {words}" if words else "",
            }
        )
        return text.encode("utf-8", "replace").decode()  # a shell's arguments may hold bytes that are no text


def list_prompts() -> list[str]:
    """Names of the bundled sets."""
    return sorted(folder.name for folder in _BUNDLED.iterdir() if folder.is_dir())


def load_prompts(name_or_folder: str | Path) -> PromptSet:
    """A bundled set by name, or a person's own folder.

    Raises:
        ConfigError: there is neither, or a template is misnamed, unreadable or uses a field that it has not.
    """
    wanted = str(name_or_folder)
    folder = _BUNDLED / wanted if wanted in list_prompts() else Path(wanted)
    files: list[Path] = []
    with suppress(OSError):  # a name may be longer than any path
        files = sorted(folder.glob("*.txt")) if wanted else []
    if not files:
        raise ConfigError(
            f"There is no prompt set {wanted[:80]!r}.",
            hint=f"Bundled: {', '.join(list_prompts())}; a folder of .txt files works too.",
        )
    return PromptSet(folder.name, {path.stem: _template(path) for path in files})


def box_list(colours: Sequence[str]) -> str:
    """``a green box (label 1), a pink box (label 2) and an orange box (label 3)``."""
    named = [
        f"{'an' if colour[0] in 'aeiou' else 'a'} {colour} box (label {label})"
        for label, colour in enumerate(colours, start=1)
    ]
    return " and ".join([", ".join(named[:-1]), named[-1]]) if len(named) > 1 else "".join(named)


def _plain(text: str) -> str:
    """One line of a person's words, in which no tokenizer finds markup."""
    return defuse(" ".join(text.split()))


def _template(path: Path) -> str:
    step = next((step for step in _FIELDS if path.stem == step or path.stem.startswith(f"{step}_")), None)
    if step is None:
        raise ConfigError(
            f"The prompt file {path.name} belongs to no step.", hint=f"Steps: {', '.join(_FIELDS)}."
        )
    try:
        text = path.read_text(encoding="utf-8").strip("\n")
        parts = list(Formatter().parse(text))
    except (OSError, ValueError) as error:  # not UTF-8 is a ValueError too
        raise ConfigError(
            f"The prompt file {path.name} cannot be read: {error}.",
            hint="Write a literal brace twice: {{ }}.",
        ) from error
    for _, name, spec, conversion in parts:
        if name is not None and (name not in _FIELDS[step] or spec or conversion):
            raise ConfigError(
                f"The prompt file {path.name} uses '{{{name}}}', which is no field of {step}.",
                hint=f"Fields: {', '.join(sorted(_FIELDS[step])) or 'none'}; write a literal brace twice.",
            )
    return text


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _marked(boxes: int) -> str:
    if boxes == 1:
        return "one object is marked with a colored box"
    word = _NUMBERS[boxes] if boxes < len(_NUMBERS) else str(boxes)
    return f"{word} objects are marked with colored boxes"
