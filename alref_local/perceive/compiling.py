"""Compiles the large parts of SAM 2 where that is asked for, before the first video comes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

__all__ = ["compile_parts"]

_log = logging.getLogger(__name__)


def compile_parts(model: Any, warm: Callable[[], None]) -> bool:
    """Compile encoder and memory attention of a ``Sam2VideoModel``; where that fails, it runs as it is.

    Args:
        warm: runs the model in the shapes to come.

    Returns:
        Whether it is compiled.
    """
    warm()  # so that what is computed once is known, and constant, to the compiler
    model.vision_encoder.compile()
    model.memory_attention.compile(dynamic=True)  # memories grow in number until there are enough
    try:
        warm()
    except Exception as error:  # a compiler that is missing or broken fails in all sorts of ways
        for part in (model.vision_encoder, model.memory_attention):
            part._compiled_call_impl = None
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        _log.warning("SAM 2 cannot be compiled here and runs uncompiled: %s", reason)
        return False
    return True
