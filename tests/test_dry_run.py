"""What a run would take, against what runs do take."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from alref_local.changes import merge
from alref_local.dry_run import Cost, Plan, whole
from alref_local.jobs import Job, queries
from alref_local.media.encode import write_video
from alref_local.reason.card import Card
from alref_local.session import Session
from alref_local.types import Box, Pivot
from tests.fakes import numbered_video
from tests.reason.chat_server import ChatServer, says

FAKES = {
    "grounding": {"engine": "tests.fakes:BoxesByFrame", "max_candidates": 2},
    "segmentation": {"engine": "tests.fakes:BoxSegmentor"},
    "sampling": {"frames": 3, "interval": 4, "balance": False},
}
WORDS = 100
REPLY = "x" * (4 * WORDS - len("\nANSWER: [1]")) + "\nANSWER: [1]"


@pytest.fixture
def job(tmp_path: Path) -> Job:
    path = tmp_path / "clip.mp4"
    write_video(path, numbered_video(25, (100, 160)).images, 10.0)  # clips of 3, 3 and 1 sampled frames
    return Job("clip", path, queries(["the dog that jumps over the ball", "狗"]))


def mine(folder: Path, endpoint: str = "http://127.0.0.1:9/v1", **more: Any) -> Path:
    fields: dict[str, Any] = {
        "kind": "openai",
        "model": "m",
        "endpoint": endpoint,
        "reply_tokens": WORDS,
        **more,
    }
    path = folder / "mine.yaml"
    path.write_text("\n".join(f"{name}: {value}" for name, value in fields.items()))
    return path


def session(folder: Path, changes: dict[str, Any] | None = None, **card: Any) -> Session:
    return Session("paper/mevis", mine(folder, **card), changes=merge(FAKES, changes or {}))


def read(requests: list[dict[str, Any]], card: Card) -> int:
    """Tokens of the prompts that were sent, by the same rule of thumb."""
    assert card.image_tokens is not None
    tokens = 0.0
    for part in (part for one in requests for turn in one["messages"] for part in parts(turn["content"])):
        if part["type"] == "text":
            tokens += sum(1 if ord(character) > 127 else 0.25 for character in part["text"])
        else:
            data = base64.b64decode(part["image_url"]["url"].partition(",")[2])
            with Image.open(io.BytesIO(data)) as image:
                tokens += card.image_tokens.count(image.size[::-1])
    return round(tokens)


def parts(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


SETTINGS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "grid": {"strip": {"layout": "grid", "panel": 90}},
    "vertical": {"strip": {"layout": "vertical"}},
    "separate": {"strip": {"layout": "separate"}},
    "no history": {"reasoning": {"history": False}},
    "three times": {"reasoning": {"repeat": 3}},
    "pivot frame only": {"pivots": {"box": "best"}},
    "fixed frame": {"pivots": {"frame": "middle"}},
    "none allowed, other prompts": {"reasoning": {"none_allowed": True, "prompts": "alref"}},
    "second look": {"reasoning": {"prompts": "alref"}, "second_look": {"looks": 3}},
}


@pytest.mark.parametrize("changes", SETTINGS.values(), ids=SETTINGS)
def test_a_plan_says_what_the_run_then_takes(changes: dict[str, Any], job: Job, tmp_path: Path) -> None:
    """A paid run costs another sum than was said before it."""
    look = says('yes\nANSWER: ["yes"]')

    def act(handler: Any) -> None:
        asks = handler.server.requests[-1]
        (look if "pink" in str(asks["messages"]) and '"yes"' in str(asks["messages"]) else says(REPLY))(
            handler
        )

    card: dict[str, Any] = {
        "image_tokens": "{side: 28}",
        "prices": "{input: 10, output: 40}",
        "concurrency": 1,
    }
    with ChatServer(then=act) as server:
        with session(tmp_path, changes, endpoint=server.url, **card) as running:
            plan = running.dry_run(job)
            assert not server.requests
            done = running.segment(job, tmp_path / "out")
        requests, tokens = len(server.requests), read(server.requests, running.card)
    assert done.usage is not None
    assert done.usage.questions == plan.questions
    assert requests == plan.questions * plan.repeat
    assert plan.about.completion_tokens == requests * WORDS
    assert plan.about.prompt_tokens == pytest.approx(tokens, rel=0.06)
    dollars = (10 * plan.about.prompt_tokens + 40 * plan.about.completion_tokens) / 1e6
    assert plan.about.dollars == pytest.approx(dollars)


def test_at_most_is_a_bound_also_where_only_the_last_attempt_is_valid(job: Job, tmp_path: Path) -> None:
    """The bill is larger than the largest that was announced."""
    long = "x" * 1988 + "\nANSWER: [1]"

    def act(handler: Any) -> None:
        third = str(handler.asked).count("This is not a valid answer") == 2
        says(long if third else "x" * 2000)(handler)

    prices = {"image_tokens": "{side: 28}", "prices": "{input: 1, output: 1}"}
    card: dict[str, Any] = {**prices, "retries": 2, "max_tokens": 500, "concurrency": 1}
    with ChatServer(then=act) as server:
        with session(tmp_path, endpoint=server.url, **card) as running:
            plan = running.dry_run(job)
            running.segment(job, tmp_path / "out")
        tokens = read(server.requests, running.card)
        assert len(server.requests) == 3 * plan.questions
    assert tokens < plan.at_most.prompt_tokens < 1.5 * tokens
    assert plan.at_most.completion_tokens == 3 * 500 * plan.questions
    assert plan.at_most.dollars == pytest.approx(
        (plan.at_most.prompt_tokens + plan.at_most.completion_tokens) / 1e6
    )


@pytest.mark.parametrize(("pattern", "about", "at_most"), [("A", 1, 1), ("B", 2, 2), ("C", 1, 2)])
def test_patterns_of_two_calls_read_their_prompt_twice(
    pattern: str, about: int, at_most: int, job: Job, tmp_path: Path
) -> None:
    """Half of the bill is left out."""
    with session(tmp_path, kind="vllm", pattern="free") as one:
        plain = one.dry_run(job)
    with session(tmp_path, kind="vllm", pattern=pattern) as one:
        plan = one.dry_run(job)
    assert plan.about.prompt_tokens == about * plain.about.prompt_tokens
    assert plan.at_most.prompt_tokens == at_most * plain.at_most.prompt_tokens
    assert plan.about.completion_tokens == plain.about.completion_tokens


@pytest.mark.parametrize("backend", ["none", "replay:."])
def test_what_sends_nothing_costs_nothing(backend: str, job: Job) -> None:
    """A replay is announced with the price of the run that it replays."""
    with Session("paper/mevis", backend) as one:
        plan = one.dry_run(job)
    assert plan.about == plan.at_most == Cost()
    assert plan.questions == (0 if backend == "none" else 4)


def test_a_persons_own_pivots_are_not_asked_about(job: Job, tmp_path: Path) -> None:
    """Questions are announced that nobody asks."""
    own = Job("clip", job.source, queries(["the dog"], [Pivot(0, 3, Box(1, 1, 5, 5))]))
    with session(tmp_path) as one:
        assert one.dry_run(own).questions == 0


def test_a_card_without_prices_has_no_dollars(job: Job, tmp_path: Path) -> None:
    """An unknown price is announced as $0.00."""
    with session(tmp_path) as one:
        plan = one.dry_run(job)
    assert plan.about.dollars is plan.at_most.dollars is None
    assert plan.about.prompt_tokens > 0


def test_a_list_is_the_sum_of_its_videos() -> None:
    """The total is that of one video."""
    one = Plan("a", 10, 2, 4, "b", 3, Cost(100, 10, 0.5), Cost(200, 20, 1.0))
    other = Plan("c", 5, 1, 2, "b", 3, Cost(50, 5, 0.25), Cost(60, 6, 0.5))
    assert whole([one, other]) == Plan("2 videos", 15, 3, 6, "b", 3, Cost(150, 15, 0.75), Cost(260, 26, 1.5))


def test_a_plan_loads_no_model(job: Job) -> None:
    """A look at the price takes as long as the run's start, and needs its weights."""
    program = f"""
import sys
from alref_local.cli import cli
words = ["segment", {str(job.source)!r}, "the dog", "-b", "gpt-4", "--dry-run"]
cli.main(words, standalone_mode=False)
sys.exit(bool({{"torch", "transformers", "openai"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "questions to gpt-4" in done.stdout
