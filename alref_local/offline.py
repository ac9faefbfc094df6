"""No network but this machine's own, and nobody is told what is done here: decided in one place, for children too.

Models are always loaded from local files, and a backend elsewhere is refused where ``--offline`` is set. The variables
here keep the libraries from asking on their own: for newer versions, for tokens, or to count their users.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Final

__all__ = ["QUIET", "child_environment", "go_offline", "keep_quiet", "offline_asked"]

QUIET: Final[Mapping[str, str]] = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "VLLM_DO_NOT_TRACK": "1",
    "VLLM_NO_USAGE_STATS": "1",
}
"""What keeps Hugging Face's libraries, Ray and vLLM from reporting their use."""

_OFFLINE: Final[Mapping[str, str]] = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


def offline_asked() -> bool:
    """Whether the environment asks for no network (``HF_HUB_OFFLINE``)."""
    return os.environ.get("HF_HUB_OFFLINE", "").strip().lower() in {"1", "true", "yes", "on"}


def keep_quiet() -> None:
    """No library of this process, or of its children, reports its use, whatever the environment says."""
    os.environ.update(QUIET)


def go_offline() -> None:
    """From now on this process and its children use no network but the machine's own."""
    os.environ.update(_OFFLINE)
    if hub := sys.modules.get("huggingface_hub.constants"):  # it has read the variables already
        vars(hub)["HF_HUB_OFFLINE"] = True


def child_environment(*, offline: bool) -> dict[str, str]:
    """The environment for a server or worker that this process starts."""
    return {**os.environ, **QUIET, **(_OFFLINE if offline else {})}
