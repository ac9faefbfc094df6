"""``calls.jsonl``: one line for every exchange with a backend, valid or not. Keys never get here."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from types import TracebackType
from typing import Any

from alref_local.errors import AlrefError, ConfigError, MediaError
from alref_local.reason.card import Card
from alref_local.reason.question import Address, Answer, Question, Usage
from alref_local.reason.reply import Reply

__all__ = ["CallLog", "read_calls"]

_NEEDED = {"address", "attempt", "prompt_sha256", "image_sha256s", "raw", "answer", "error", "error_type"}


class CallLog:
    """Appends lines to a file; a line is one write, so a kill loses at most the line being written.

    Raises:
        MediaError: the file cannot be opened for writing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab", buffering=0)
            if self._file.tell() and not path.read_bytes().endswith(b"\n"):
                self._file.write(b"\n")  # a line cut by a kill stays alone
        except OSError as error:
            raise self._unwritable(error) from error

    def write(
        self,
        question: Question,
        card: Card,
        attempt: int,
        *,
        reply: Reply | None = None,
        answer: Answer | None = None,
        error: AlrefError | None = None,
        cached: bool = False,
    ) -> None:
        """Append one exchange: an answer, an invalid reply (``reply``, ``error``) or a failure (``error``).

        ``cached`` answers came from the cache, not from the model; their ``reply`` is left out.

        Raises:
            MediaError: the disk is full, or gone.
        """
        said = reply.raw if reply else answer.raw if answer else None
        usage = reply.usage if reply else answer.usage if answer else Usage()
        line = {
            "address": asdict(question.address),
            "attempt": attempt,
            "backend": card.name,
            "model": reply.model if reply else answer.model if answer else card.model,
            "server": reply.server if reply else "",
            "prompt_set": question.prompt_set,
            "prompt_sha256": question.prompt_sha256,
            "image_sha256s": question.image_sha256s,
            "sampling": card.sampling(),
            "raw": said,
            "answer": None if answer is None else list(answer.items),
            "confidences": None if answer is None or answer.confidences is None else dict(answer.confidences),
            "error": None if error is None else str(error),
            "error_type": None if error is None else type(error).__name__,
            "cached": cached,
            **asdict(usage),
        }
        try:
            self._file.write(json.dumps(line).encode() + b"\n")
        except OSError as failure:
            raise self._unwritable(failure) from failure

    def _unwritable(self, error: OSError) -> MediaError:
        return MediaError(f"The call log {self.path} cannot be written: {error.strerror}.")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> CallLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_calls(run: Path) -> list[dict[str, Any]]:
    """The lines of a run's call log, oldest first; lines cut by a kill are passed over.

    Args:
        run: a run folder, or the file itself.

    Raises:
        ConfigError: there is no call log.
    """
    path = run / "calls.jsonl" if run.is_dir() else run
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ConfigError(
            f"There is no call log in {run}.", hint="Name a run folder that holds calls.jsonl."
        ) from error
    calls = []
    for line in text.splitlines():
        try:
            call = json.loads(line)
        except ValueError:
            continue
        if isinstance(call, dict) and call.keys() >= _NEEDED and _is_address(call["address"]):
            calls.append(call)
    return calls


def _is_address(value: object) -> bool:
    return isinstance(value, dict) and value.keys() == {field.name for field in fields(Address)}
