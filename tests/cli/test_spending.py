"""Money and doubt on the command line: what a run cost, what it will cost, what is not asked again, how sure it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alref_local.media.encode import write_video
from alref_local.reason.calls import read_calls
from alref_local.runs import open_run
from alref_local.types import Totals
from tests.cli.kit import FAKES, call
from tests.fakes import numbered_video
from tests.reason.chat_server import ChatServer, Handler, completion, says, status

SAMPLING = ["--set", "sampling.interval=4", "--set", "sampling.frames=3", "--set", "sampling.balance=false"]
PROTOCOL = ["-c", "paper/mevis", *FAKES, *SAMPLING]
CARD = "kind: openai\nmodel: m\nendpoint: {url}\npatience: 5\nbackoff: 0.01\n"
PRICED = CARD + "prices: {{input: 1000, output: 10000}}\n"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    write_video(path, numbered_video(24).images, 10.0)
    return path


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(then=says("ANSWER: [2]")) as running:
        yield running


def card(folder: Path, server: ChatServer, text: str = CARD) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text.format(url=server.url))
    return path


def test_a_run_says_what_it_took(
    clip: Path, tmp_path: Path, server: ChatServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """A paid run is known by its bill at the end of the month."""
    words: list[str | Path] = ["segment", clip, "the dog", *PROTOCOL, "-b", card(tmp_path, server, PRICED)]
    assert call(*words, "-o", tmp_path / "out") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "4 questions, 28 + 20 tokens, $0.23"
    assert open_run(tmp_path / "out").usage == Totals(4, 4, 0, 0, 28, 20, 0, 0.228)
    assert call(*words, "-o", tmp_path / "out", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)["videos"]
    assert (row["usage"]["questions"], row["usage"]["dollars"]) == (4, 0.228)


def test_the_same_questions_in_another_folder_are_not_asked(
    clip: Path, tmp_path: Path, server: ChatServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second run of the same video is paid for, or cannot be replayed; or --no-cache does not mean it."""
    words: list[str | Path] = ["segment", clip, "the dog", *PROTOCOL, "-b", card(tmp_path, server, PRICED)]
    assert call(*words, "-o", tmp_path / "one") == 0
    assert call(*words, "-o", tmp_path / "two") == 0
    assert len(server.requests) == 4
    assert "4 questions, 0 + 0 tokens, 4 answers from the cache" in capsys.readouterr().out
    assert [line["cached"] for line in read_calls(tmp_path / "two")] == [True] * 4
    assert call(*words, "-o", tmp_path / "three", "--no-cache") == 0
    assert len(server.requests) == 8
    replayed: list[str | Path] = ["segment", clip, "the dog", *PROTOCOL, "-b", f"replay:{tmp_path / 'two'}"]
    assert call(*replayed, "-o", tmp_path / "again") == 0
    shas = {open_run(tmp_path / name).manifest["masks_sha256"] for name in ("one", "two", "three", "again")}
    assert len(shas) == 1


def test_an_answer_cache_that_is_broken_is_said_and_no_more(
    clip: Path,
    tmp_path: Path,
    server: ChatServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A run fails for a file that it can do without."""
    monkeypatch.setenv("ALREF_CACHE", str(tmp_path))
    words: list[str | Path] = ["segment", clip, "the dog", *PROTOCOL, "-b", card(tmp_path, server)]
    assert call(*words, "-o", tmp_path / "out") == 0
    assert len([record for record in caplog.records if "cache" in record.getMessage()]) == 1


def by_seed(handler: Handler) -> None:
    """Two of three samples say [2]; all give log-probabilities."""
    reply = completion("[1]" if handler.asked["seed"] == 1 else "[2]")
    token = {"token": "2", "logprob": -0.1, "bytes": None, "top_logprobs": []}
    opening = {"token": "[", "logprob": 0.0, "bytes": None, "top_logprobs": []}
    reply["choices"][0]["logprobs"] = {"content": [opening, token]}
    handler.answer(200, json.dumps(reply).encode())


def test_repeat_votes_and_says_how_far_the_answers_agree(clip: Path, tmp_path: Path) -> None:
    """Nobody can tell a sure choice from a lucky one, or a vote cannot be repeated without the model."""
    words: list[str | Path] = ["segment", clip, "the dog", *PROTOCOL]
    with ChatServer(then=by_seed) as server:
        mine = card(tmp_path, server, CARD + "logprobs: true\n")
        assert call(*words, "-b", mine, "--repeat", "3", "-o", tmp_path / "out") == 0
        assert len(server.requests) == 12
    run = open_run(tmp_path / "out")
    for settled in run.results[0].clips:
        assert settled.agreement == {"pivot_frame": pytest.approx(2 / 3), "pivot_box": pytest.approx(2 / 3)}
        assert settled.confidence == {"pivot_frame": 1.0, "pivot_box": 1.0}
    assert [pivot.box.y0 for pivot in run.results[0].pivots] == [20, 20]
    assert run.usage is not None
    assert (run.usage.questions, run.usage.exchanges) == (4, 12)
    assert {line["sampling"]["temperature"] for line in read_calls(tmp_path / "out")} == {0.7}
    replay = [*words, "-b", f"replay:{tmp_path / 'out'}", "-o", tmp_path / "again"]
    assert call(*replay, "--repeat", "3") == 0
    assert open_run(tmp_path / "again").manifest["masks_sha256"] == run.manifest["masks_sha256"]


def test_the_price_of_a_list_is_said_before_and_after(
    clip: Path, tmp_path: Path, server: ChatServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bill of a night's list is a sum to be done by hand."""
    videos = tmp_path / "videos"
    videos.mkdir()
    for name in ("a", "b"):
        (videos / f"{name}.mp4").write_bytes(clip.read_bytes())
    mine = card(tmp_path, server, PRICED + "image_tokens: {{side: 28}}\nreply_tokens: 100\n")
    words: list[str | Path] = ["segment", videos, "the dog", *PROTOCOL, "-b", mine]
    assert call(*words, "--dry-run") == 0
    first, second, total = capsys.readouterr().out.splitlines()
    assert first.startswith("a: 24 frames, 2 clips, 4 questions to mine; about ")
    assert first.partition(": ")[2] == second.partition(": ")[2]
    assert total.startswith("2 videos: 48 frames, 4 clips, 8 questions to mine; about ")
    assert " + 800 tokens, $" in total
    assert not server.requests
    assert call(*words, "-o", tmp_path / "out") == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("2 videos: 8 questions, ")


@pytest.mark.parametrize(
    ("more", "says_so"),
    [
        (["-b", "none"], "0 questions to none"),
        (["-b", "qwen"], "(the card has no prices)"),
        (["-b", "qwen", "--repeat", "5"], "4 questions to qwen, each 5 times; about"),
        (["-b", "gpt-4.1"], "tokens, $"),
        (["-b", "azure"], "(the card has no prices)"),
    ],
)
def test_a_dry_run_speaks_plainly(
    more: list[str], says_so: str, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown price looks like none, or a dry run wants a key, or a server."""
    assert call("segment", clip, "the dog", *SAMPLING, "-c", "paper/mevis", "--dry-run", *more) == 0
    assert says_so in capsys.readouterr().out


def test_a_field_of_the_card_changes_for_one_run(
    clip: Path, tmp_path: Path, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server on another host, or another temperature, needs another card."""
    monkeypatch.setenv("PLACE", server.url)
    mine = tmp_path / "mine.yaml"
    mine.write_text("kind: openai\nmodel: m\nendpoint: http://127.0.0.1:9/v1\n")
    fields = ["--card", "endpoint=${PLACE}", "--card", "temperature=0.6", "--card", "model=other"]
    words: list[str | Path] = ["segment", clip, "the dog", *PROTOCOL, "-b", mine, "-o", tmp_path / "out"]
    assert call(*words, *fields) == 0
    assert {(one["model"], one["temperature"]) for one in server.requests} == {("other", 0.6)}
    backend = open_run(tmp_path / "out").backend
    assert (backend["endpoint"], backend["model"]) == ("${PLACE}", "other")
    assert call(*words[:-1], tmp_path / "again", "-b", tmp_path / "out" / "backend.yaml") == 0


def test_another_model_does_not_go_on_with_the_answers_of_the_first(clip: Path, tmp_path: Path) -> None:
    """A run that was stopped goes on with another model, and is a mixture that no one asked for."""
    words: list[str | Path] = ["segment", clip, "the dog", *PROTOCOL, "-o", tmp_path / "out"]
    with ChatServer(*[says("ANSWER: [1]")] * 3, then=status(400)) as server:
        mine = card(tmp_path, server)
        assert call(*words, "-b", mine) == 1
        assert sum(line["answer"] == ["1"] for line in read_calls(tmp_path / "out")) == 3
        server.then, asked = says("ANSWER: [2]"), len(server.requests)
        assert call(*words, "-b", mine, "--card", "model=other") == 0
        assert len(server.requests) == asked + 4


WRONG: list[tuple[str, list[str], int, str]] = [
    ("unknown field", ["--card", "tempreature=0.7"], 2, "tempreature"),
    ("wrong value", ["--card", "temperature=hot"], 2, "temperature"),
    ("no value", ["--card", "temperature"], 2, "temperature"),
    ("no URL", ["--card", "endpoint=gpu1:8000"], 2, "begins with http"),
    ("unset variable", ["--card", "endpoint=https://${NO_SUCH_PLACE}/v1"], 3, "NO_SUCH_PLACE"),
    ("key in the endpoint", ["--card", "endpoint=https://h/${K}", "--card", "key_env=K"], 2, "the key"),
    ("repeat 0", ["--repeat", "0"], 2, "--repeat"),
    ("repeat without reasoning", ["--repeat", "3", "-b", "none"], 2, "never asked"),
]


@pytest.mark.parametrize(("words", "code", "told"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_wrong_fields_are_one_sentence(
    words: list[str],
    code: int,
    told: str,
    clip: Path,
    tmp_path: Path,
    server: ChatServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A slip ends in a traceback, or is ignored."""
    mine: list[Any] = ["-b", card(tmp_path, server)]
    assert call("segment", clip, "the dog", *PROTOCOL, *mine, "-o", tmp_path / "out", *words) == code
    said = capsys.readouterr().err
    assert told in said
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) <= 4
    assert not server.requests
