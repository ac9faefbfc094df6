"""Servers that die or hang with questions in flight."""

from __future__ import annotations

import os
import signal
import time
import urllib.request
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from alref_local.errors import AlrefError, BackendError, PrerequisiteError
from alref_local.reason.question import Answer
from tests.reason.chat_server import ask
from tests.vllm.asking import card_for, clip, frame_question
from vllm_server import KEY, VllmServer

pytestmark = pytest.mark.vllm
Replies = Future[list[Answer | AlrefError]]


@pytest.fixture
def pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2)


def in_flight(pool: ThreadPoolExecutor, server: VllmServer, **changes: Any) -> Replies:
    """Four questions that take half a minute each."""
    card = card_for(server, "A", think_tokens=3000, max_tokens=3100, **changes)
    return pool.submit(ask, card, *[frame_question(clip(810_000), "the dog")] * 4)


def wait_until_running(server: VllmServer, count: int) -> None:
    """Return when the server computes this many replies at once."""
    for _ in range(300):
        asked = urllib.request.Request(f"{server.root}/metrics", headers={"Authorization": f"Bearer {KEY}"})
        with urllib.request.urlopen(asked, timeout=30) as metrics:
            said = metrics.read().decode()
        numbers = [line.split()[-1] for line in said.splitlines() if "num_requests_running{" in line]
        if sum(map(float, numbers)) >= count:
            return
        time.sleep(0.1)
    raise AssertionError("the questions never reached the engine")


def check(replies: Replies, said: str) -> None:
    """Every question ends in one sentence with a hint."""
    for reply in replies.result(timeout=100):
        assert isinstance(reply, BackendError | PrerequisiteError), reply
        assert said in str(reply)
        assert "\n" not in str(reply)
        assert reply.hint


def test_a_worker_that_is_killed(doomed_server: VllmServer, pool: ThreadPoolExecutor) -> None:
    """A server that runs out of memory would take the run with it, or hold it for ever."""
    replies = in_flight(pool, doomed_server)
    wait_until_running(doomed_server, 4)
    os.kill(doomed_server.worker(), signal.SIGKILL)
    check(replies, doomed_server.url)


def test_a_server_that_hangs_and_is_then_killed(doomed_server: VllmServer, pool: ThreadPoolExecutor) -> None:
    """A run would wait for ever for an engine that hangs, or for a server that cannot stop because of it."""
    impatient = in_flight(pool, doomed_server, timeout=8, patience=0)
    patient = in_flight(pool, doomed_server, timeout=200)
    wait_until_running(doomed_server, 8)
    os.kill(doomed_server.worker(), signal.SIGSTOP)
    check(impatient, "did not reply within 8 s")
    assert not patient.done()
    doomed_server.stop()
    check(patient, doomed_server.url)
