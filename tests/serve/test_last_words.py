"""Why vLLM ended: logs of vLLM 0.32 that was started wrongly, shortened (``logs/``), and what is made of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alref_local.serve.last_words import last_words

LOGS = Path(__file__).with_name("logs")
SAID = {
    "flag": "unrecognized arguments: --no-such-flag 3",
    "model": "Repo id must be in the form 'repo_name' or 'namespace/repo_name': '/models/nothing'. "
    "Use `repo_type` argument if needed",
    "weights": "Can't load image processor for '/models/empty'.",
    "len": "User-specified max_model_len (9999999) is greater than the derived max_model_len",
    "mem": "Available memory on node 0 (11.09/17.46 GiB) on kv cache allocation is less than requested",
    "tp": "4 is not divisible by 5",
    "port": "[Errno 98] Address already in use",
    "cut": "Error while deserializing header: incomplete metadata, file not fully covered",
}


def test_every_log_has_its_sentence() -> None:
    """A log would be kept that no test reads."""
    assert {file.stem for file in LOGS.iterdir()} == SAID.keys()


@pytest.mark.parametrize("name", SAID)
def test_the_cause_is_found(name: str) -> None:
    """A person would be told that an engine failed, and to look for the cause in hundreds of lines."""
    said = last_words((LOGS / f"{name}.txt").read_text(encoding="utf-8"))
    assert said.startswith(SAID[name])


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("", ""),
        ("\n\n", ""),
        ("Killed\n", "Killed"),
        (
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB",
            "CUDA out of memory. Tried to allocate 2 GiB",
        ),
        ("KeyboardInterrupt\n", "KeyboardInterrupt"),
        ("ValueError: a\n(Worker pid=3) ERROR 11-28 08:48:10 [x.py:953] OSError: b\nbye", "b"),
        ("  ValueError: inside of a text\nlast line", "last line"),
        ("WARNING: OSError: a thing that may happen\nready", "ready"),
    ],
)
def test_odd_logs(log: str, said: str) -> None:
    """A short log would end in a traceback of ours."""
    assert last_words(log) == said


@given(st.text(max_size=2000))
def test_it_is_always_one_short_line(log: str) -> None:
    """A log could write what looks like another message of ours, or fill the screen."""
    said = last_words(log)
    assert len(said) <= 300
    assert said.isprintable()
