"""Where vLLM is: in an environment of its own, since its torch differs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from alref_local.errors import ConfigError, PrerequisiteError
from alref_local.reason.card import Card
from alref_local.serve.line import ServeLine

__all__ = ["Vllm", "find_vllm", "vllm_version"]

_VARIABLE = "ALREF_VLLM"
_OLDEST = (0, 12)
_OLDEST_ONE_CALL = (0, 31)
"""Of pattern A: older ones rewrite its grammar for xgrammar, and refuse it then."""
_INSTALL = f"python3 -m venv vllm && vllm/bin/pip install vllm && export {_VARIABLE}=$PWD/vllm"


class Vllm(NamedTuple):
    """The command ``vllm``, and the interpreter beside it."""

    command: Path
    python: Path


def find_vllm(card: Card) -> Vllm:
    """vLLM in the environment that the card names, or ``$ALREF_VLLM`` does, or that this program is in, or on the PATH.

    Raises:
        PrerequisiteError: it is not there.
        ConfigError: the card names an environment that does not exist.
    """
    named = os.path.expandvars(card.environment or os.environ.get(_VARIABLE, ""))
    if named:
        folder = Path(named).expanduser().absolute()
        if not folder.is_dir():
            raise ConfigError(
                f"The environment '{named}' of vLLM does not exist.",
                hint=f"`environment` in the card '{card.name}', or {_VARIABLE}, is the folder of a Python environment.",
            )
        if (command := folder / "bin" / "vllm").is_file():
            return Vllm(command, folder / "bin" / "python")
        raise PrerequisiteError(
            f"There is no vLLM in {folder}.", hint=f"{folder / 'bin' / 'pip'} install vllm"
        )
    beside = Path(sys.executable).with_name("vllm")
    found = str(beside) if beside.is_file() else shutil.which("vllm")
    if found is None:
        raise PrerequisiteError("There is no vLLM on this machine, as far as I can see.", hint=_INSTALL)
    command = Path(found).resolve()  # pipx and `uv tool` leave a link, far from the environment
    return Vllm(command, command.with_name("python"))


def vllm_version(vllm: Vllm, card: Card) -> str:
    """What is installed there, without importing it (which takes seconds).

    Raises:
        PrerequisiteError: it is too old to constrain answers as the card wants it, or damaged.
    """
    ask = "from importlib.metadata import version; print(version('vllm'))"
    try:
        done = subprocess.run(
            [vllm.python, "-I", "-c", ask], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _damaged(vllm) from error
    number = done.stdout.strip()
    release = re.match(r"(\d+)\.(\d+)", number)
    if done.returncode or release is None:
        raise _damaged(vllm)
    here, upgrade = (
        (int(release[1]), int(release[2])),
        f"{vllm.python.with_name('pip')} install --upgrade vllm",
    )
    if here < _OLDEST:
        raise PrerequisiteError(f"vLLM {number} is older than 0.12 and would ignore grammars.", hint=upgrade)
    if here < _OLDEST_ONE_CALL and card.pattern == "A" and _by_xgrammar(card):
        raise PrerequisiteError(
            f"vLLM {number} is older than 0.31 and would refuse the grammar of pattern A.",
            hint=f"{upgrade}, or `--card pattern=B`, which asks twice for each answer.",
        )
    return number


def _by_xgrammar(card: Card) -> bool:
    """Whether the server will use this grammar engine, as it does unless the card's line names another."""
    return "xgrammar" in (ServeLine.of(card).value("--structured-outputs-config") or "xgrammar")


def _damaged(vllm: Vllm) -> PrerequisiteError:
    return PrerequisiteError(
        f"{vllm.command} does not belong to an environment with vLLM in it.",
        hint=f"{vllm.python.with_name('pip')} install --force-reinstall vllm",
    )
