"""A supervisor in the background: a process of its own, in a session of its own, with a log of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from alref_local.errors import AlrefError
from alref_local.serve.state import Slot, State
from alref_local.serve.supervisor import Launch, Supervisor, stopping_at_signals

__all__ = ["detach", "main", "supervise"]


def supervise(launch: Launch, tell: Callable[[State], None] = lambda _: None) -> None:
    """Serve in this process until a signal ends it.

    Raises:
        ConfigError: the backend is being served already.
        AlrefError: the server cannot start, or crashed too often.
    """
    slot = Slot(Path(launch.slot))
    with slot.lock():
        supervisor = Supervisor(launch, slot, tell=tell)
        with stopping_at_signals(supervisor):
            supervisor.run()


def detach(launch: Launch) -> State:
    """Start a supervisor that outlives this process; returns when its server is ready.

    Raises:
        AlrefError: it did not get ready; interrupting takes it back.
    """
    slot = Slot(Path(launch.slot))
    with slot.own_log.open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(_packages())},
        )
    try:
        assert child.stdin is not None
        with child.stdin as pipe:
            pipe.write(json.dumps(asdict(launch)).encode())
        while child.poll() is None:
            state = slot.read()
            if state is not None and state.supervisor == child.pid and state.phase == "serving":
                child.returncode = 0  # it goes on without us
                return state
            time.sleep(0.1)
    except BaseException:
        child.terminate()
        child.wait()
        raise
    raise _failure(slot, child.pid)


def _packages() -> list[str]:
    """Where this package is found, and what the caller's Python looks through besides."""
    own = str(Path(__file__).parents[2])
    return [own, *filter(None, [os.environ.get("PYTHONPATH")])]


def _failure(slot: Slot, supervisor: int) -> AlrefError:
    state = slot.read()
    if state is not None and state.supervisor == supervisor and state.said:
        return AlrefError(state.said, hint=state.hint)
    said = slot.own_log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return AlrefError(
        f"The supervisor ended at once: {said[-1] if said else 'it said nothing'}.",
        hint=f"Its log is {slot.own_log}.",
    )


def main() -> int:
    """Of the process in the background; its exit code."""
    raw = json.load(sys.stdin)
    launch = Launch(**{**raw, "command": tuple(raw["command"]), "gpus": tuple(raw["gpus"])})
    try:
        supervise(launch, lambda state: print(state.phase, state.said, flush=True))
    except AlrefError as error:
        print(error, flush=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
