"""Real vLLM servers with an untrained model; each is started once, by the first test that asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.vllm.asking import KEY_ENV
from untrained_vlm import CHAT, THINKING, qwen2_vl
from vllm_server import KEY, VllmServer, why_not

_GRAMMARS = '{"backend": "xgrammar"}'


@pytest.fixture(autouse=True)
def key(clean_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers ask for a key."""
    monkeypatch.setenv(KEY_ENV, KEY)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    """A model that answers at once, as Qwen2-VL does (patterns A and B)."""
    with _started(tmp_path_factory.mktemp("plain"), CHAT) as started:
        yield started


@pytest.fixture(scope="session")
def thinking_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    """A model whose reply begins within its reasoning (pattern C)."""
    with _started(tmp_path_factory.mktemp("thinking"), THINKING, "--reasoning-parser", "qwen3") as started:
        yield started


@pytest.fixture
def twin_server(tmp_path: Path) -> Iterator[VllmServer]:
    """A server that computes as the local backend does.

    The grammar engine is the same: xgrammar also lets an untrained model write control tokens while it reasons. The
    seed is one that gives many different answers.
    """
    grammars = ("--structured-outputs-config", '{"backend": "guidance"}')
    with _started(tmp_path, CHAT, "--dtype", "float32", *grammars, seed=3) as started:
        yield started


@pytest.fixture
def doomed_server(tmp_path: Path) -> Iterator[VllmServer]:
    """A server of the test's own, to be ended by it."""
    with _started(tmp_path, CHAT) as started:
        yield started


@contextmanager
def _started(folder: Path, chat_template: str, *options: str, seed: int = 0) -> Iterator[VllmServer]:
    if reason := why_not():
        pytest.skip(reason)
    qwen2_vl(folder, seed, chat_template)
    with VllmServer(folder, "--structured-outputs-config", _GRAMMARS, *options) as started:
        yield started
