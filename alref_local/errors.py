"""Every error a user can meet, as one tree.

AlrefError
├── ConfigError         a config, card, option or argument is wrong           exit 2
├── MediaError          a video, image or sound cannot be read or written     exit 2
├── PrerequisiteError   weights, packages or keys are missing                 exit 3
├── BackendError        the reasoning backend failed (retryable or not)       exit 1
└── AnswerError         a backend's reply is not a valid answer               exit 1

The message is one sentence; ``hint`` says what to do about it.
"""

from __future__ import annotations

__all__ = ["AlrefError", "AnswerError", "BackendError", "ConfigError", "MediaError", "PrerequisiteError"]


class AlrefError(Exception):
    """Base class: ``str(error)`` is one sentence for people, ``hint`` the way out (may be empty)."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(AlrefError):
    """A config file, backend card, command-line option or argument is wrong."""

    exit_code = 2


class MediaError(AlrefError):
    """A video, frame folder, image or audio file cannot be read or written."""

    exit_code = 2


class PrerequisiteError(AlrefError):
    """Something that must be there first is missing; the hint names the one command that supplies it."""

    exit_code = 3


class BackendError(AlrefError):
    """A reasoning backend did not reply; ``retryable`` says whether the same call may succeed later.

    ``retry_after`` is the server's own request to wait, in seconds, if it made one.
    """

    def __init__(
        self, message: str, *, hint: str = "", retryable: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.retryable = retryable
        self.retry_after = retry_after


class AnswerError(AlrefError):
    """A reply came, but it is not a valid answer to its question; ``raw`` is what the model said."""

    def __init__(self, message: str, *, raw: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.raw = raw
