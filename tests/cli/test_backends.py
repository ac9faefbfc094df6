"""The whole command against a chat server over real HTTP, and again from its recorded replies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from alref_local.media.encode import write_video
from alref_local.reason.local.model import LocalModel
from alref_local.runs import open_run
from tests.cli.kit import FAKES, call
from tests.fakes import numbered_video
from tests.reason.chat_server import ChatServer, Handler, says, status

CARD = "kind: {kind}\nmodel: m\nendpoint: {url}\npattern: {pattern}\npatience: 5\nbackoff: 0.01\nretries: 1\n"
SAMPLING = ["--set", "sampling.interval=4", "--set", "sampling.frames=3", "--set", "sampling.balance=false"]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    write_video(path, numbered_video(24).images, 10.0)
    return path


def card(folder: Path, server: ChatServer, kind: str = "openai", pattern: str = "json") -> Path:
    path = folder / "card.yaml"
    path.write_text(CARD.format(kind=kind, url=server.url, pattern=pattern))
    return path


@pytest.mark.parametrize(
    ("kind", "pattern", "reply"),
    [
        ("openai", "json", '{"reasoning": "it jumps", "answer": [2]}'),
        ("openai", "free", "The second one. ANSWER: [2]"),
        ("vllm", "A", "The second one.\nANSWER: [2]"),
    ],
)
@pytest.mark.parametrize("prompts", ["alref", "paper", "released"])
def test_segment_then_replay(
    kind: str, pattern: str, reply: str, prompts: str, clip: Path, tmp_path: Path
) -> None:
    """A run could not be repeated without the model that reasoned in it."""
    words: list[str | Path] = [
        "segment",
        clip,
        "the dog",
        *FAKES,
        *SAMPLING,
        "--set",
        f"reasoning.prompts={prompts}",
        "--set",
        "reasoning.box_prompt=pivot_box",
    ]
    with ChatServer(status(500), status(429, retry_after="0"), says(None), then=says(reply)) as server:
        assert call(*words, "-b", card(tmp_path, server, kind, pattern), "-o", tmp_path / "out") == 0
        images = [
            part for m in server.requests[-1]["messages"] for part in m["content"] if isinstance(part, dict)
        ]
    assert any(part["type"] == "image_url" for part in images)
    run = open_run(tmp_path / "out")
    assert [pivot.box.y0 for pivot in run.results[0].pivots] == [20, 20]
    calls = [json.loads(line) for line in run.calls_path.read_text().splitlines()]
    assert sum(call["answer"] == ["2"] for call in calls) == 4
    assert sum(call["error"] is not None for call in calls) == 3
    assert call(*words, "-b", f"replay:{tmp_path / 'out'}", "-o", tmp_path / "again") == 0
    assert open_run(tmp_path / "again").manifest["masks_sha256"] == run.manifest["masks_sha256"]


def test_replay_of_another_question(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A changed sentence would be answered with the old one's replies."""
    with ChatServer(then=says('{"reasoning": "", "answer": [1]}')) as server:
        words: list[str | Path] = [*FAKES, *SAMPLING, "-o", tmp_path / "out"]
        assert call("segment", clip, "the dog", "-b", card(tmp_path, server), *words) == 0
    words[-1] = tmp_path / "again"
    assert call("segment", clip, "the cat", "-b", f"replay:{tmp_path / 'out'}", *words) == 2
    told = capsys.readouterr().err
    assert "Traceback" not in told
    assert len(told.strip().splitlines()) <= 2


def test_a_server_that_never_answers_well(clip: Path, tmp_path: Path) -> None:
    """Garbage from a model would end in a mask, or in a failed run."""
    with ChatServer(then=says("I cannot say.")) as server:
        words: list[str | Path] = [*FAKES, *SAMPLING, "-o", tmp_path / "out"]
        assert call("segment", clip, "the dog", "-b", card(tmp_path, server), *words) == 0
    result = open_run(tmp_path / "out").results[0]
    assert result.status == "no_target"
    assert all(clip.note for clip in result.clips)


def test_a_server_that_dies(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A dead server would pass for a video without a target."""
    with ChatServer(then=status(503)) as server:
        path = card(tmp_path, server)
        path.write_text(path.read_text().replace("patience: 5", "patience: 0.1"))
        assert call("segment", clip, "the dog", "-b", path, *FAKES, "-o", tmp_path / "out") == 1
    assert "503" in capsys.readouterr().err
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_answers_are_not_paid_for_twice(clip: Path, tmp_path: Path) -> None:
    """A server that dies late would cost every answer that came before."""
    good = says('{"reasoning": "it jumps", "answer": [2]}')
    words: list[str | Path] = ["segment", clip, "the dog", *FAKES, *SAMPLING, "-o", tmp_path / "out"]
    with ChatServer(good, good, good, then=status(400)) as server:
        assert call(*words, "-b", card(tmp_path, server)) == 1
        assert len(server.requests) == 4
    with ChatServer(then=good) as server:
        assert call(*words, "-b", card(tmp_path, server)) == 0
        assert len(server.requests) == 1


def test_videos_of_a_list_share_the_places_of_the_card(clip: Path, tmp_path: Path) -> None:
    """A server is overrun by the videos that are under way together, or idles because each has its fixed share."""

    def held(handler: Handler) -> None:
        """Answer once four are here, and a little later for one too many."""
        for _ in range(500):
            if handler.server.most_at_once >= 4:
                break
            handler.server.closing.wait(0.01)
        handler.server.closing.wait(0.02)
        says("ANSWER: [2]")(handler)

    listed = tmp_path / "list.csv"
    for n in range(3):
        (tmp_path / f"{n}.mp4").write_bytes(clip.read_bytes())
    listed.write_text("video,sentence\n" + "".join(f"{n}.mp4,the dog\n" for n in range(3)))
    with ChatServer(then=held) as server:
        words: list[str | Path] = [*FAKES, *SAMPLING, "--card", "concurrency=4", "-o", tmp_path / "out"]
        assert call("segment", listed, "-b", card(tmp_path, server, pattern="free"), *words) == 0
        assert server.most_at_once == 4


def test_a_model_in_process_is_loaded_once_for_a_list(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seventeen gigabytes are read again for every video."""
    loaded: list[LocalModel] = []
    real = LocalModel.__init__

    def noted(model: LocalModel, *how: Any) -> None:
        loaded.append(model)
        real(model, *how)

    monkeypatch.setattr(LocalModel, "__init__", noted)
    videos = tmp_path / "videos"
    videos.mkdir()
    for name in ("a", "b"):
        (videos / f"{name}.mp4").write_bytes(clip.read_bytes())
    words: list[str | Path] = [*FAKES, *SAMPLING, "--no-cache", "-o", tmp_path / "out"]
    assert call("segment", videos, "the dog", "-c", "tiny", "-b", "tiny", *words) == 0
    assert len(loaded) == 1


def test_replay_of_a_list(clip: Path, tmp_path: Path) -> None:
    """A run over a folder of videos could not be replayed."""
    videos = tmp_path / "videos"
    videos.mkdir()
    for name in ("a", "b"):
        (videos / f"{name}.mp4").write_bytes(clip.read_bytes())
    words: list[str | Path] = ["segment", videos, "the dog", *FAKES, *SAMPLING]
    with ChatServer(then=says('{"reasoning": "", "answer": [2]}')) as server:
        assert call(*words, "-b", card(tmp_path, server), "-o", tmp_path / "out") == 0
    assert call(*words, "-b", f"replay:{tmp_path / 'out'}", "-o", tmp_path / "again") == 0
    for name in ("a", "b"):
        shas = [open_run(tmp_path / out / name).manifest["masks_sha256"] for out in ("out", "again")]
        assert shas[0] == shas[1]
