"""Why vLLM ended, in one sentence out of the thousands of words of its log."""

from __future__ import annotations

import re

__all__ = ["last_words"]

_MOST = 300
_PREFIX = re.compile(r"^\(\w[^)]*\)\s+|^[A-Z]+ \d\d-\d\d [\d:]+ \[[^\]]*\] ?")
_USAGE = re.compile(r"^[\w. -]+: error: (?P<said>.+)")
_RAISED = re.compile(
    r"^(?:[A-Za-z_][\w.]*\.)?(?P<kind>[A-Z]\w*(?:Error|Exception|Interrupt|Exit))(?:: (?P<said>.*))?$"
)
_BARE = re.compile(r"^Exception: (?P<said>.+)")
_FOLLOWS = re.compile(
    r"Engine core initialization failed|WorkerProc initialization failed|died unexpectedly|"
    r"EngineCore (?:encountered|failed)|EngineDeadError|cancelled|See root cause|stack trace above"
)
"""What one process says because another one failed."""


def last_words(log: str) -> str:
    """The error that ended a server, without the names of files and processes; empty if it wrote nothing.

    It is the last one that is not the consequence of another, or the last line.
    """
    lines = [_plain(line) for line in log.splitlines()]
    found = ""
    for number, line in enumerate(lines):
        if said := _error(line, lines[number + 1 : number + 3]):
            found = said
    if not found:
        found = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return _short(found)


def _error(line: str, after: list[str]) -> str:
    if usage := _USAGE.match(line):
        return usage["said"]
    raised = _RAISED.match(line) or _BARE.match(line)
    if raised is None or _FOLLOWS.search(line):
        return ""
    said = (raised["said"] or "").strip()
    if re.match(r"\d+ validation errors? for ", said) and after:  # pydantic says what in the next line
        said = re.sub(r"^\s*(Value error, )?", "", after[0])
    return said or raised.groupdict().get("kind") or line


def _plain(line: str) -> str:
    """Without the process's name, the level and the time."""
    for _ in range(2):
        line = _PREFIX.sub("", line, count=1)
    return line


def _short(text: str) -> str:
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    if len(text) <= _MOST:
        return text.rstrip(".")
    end = text.rfind(". ", 0, _MOST)
    return text[: end if end > _MOST // 3 else _MOST - 3].rstrip(".") + ("" if end > _MOST // 3 else "...")
