"""`segment --sound` from the outside: what is heard, what is segmented, what people are told."""

from __future__ import annotations

import hashlib
import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import alref_local
from alref_local.configs import load_config, parse_changes
from alref_local.engine import Engine
from alref_local.events import Event, ReferencesFound
from alref_local.identity import identity
from alref_local.media.audio import has_audio
from alref_local.media.encode import write_video
from alref_local.reason.card import load_card
from alref_local.runs import open_run
from tests.cli.kit import FAKES, call
from tests.fakes import LevelTagger, levels, numbered_video
from tests.reason.chat_server import ChatServer, says

HEARING = [
    *FAKES,
    *("--set", "sound.engine=tests.fakes:LevelTagger"),
    *("--set", "sound.aligner=null"),
]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "street.mp4"
    write_video(path, numbered_video(20).images, 10.0)
    return path


def sound(path: Path, *seconds: float) -> Path:
    """A wave file with one level a second."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((levels(*seconds).samples * 32767).round().astype("<i2").tobytes())
    return path


def test_run_folder(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What sounds would not be in the run folder, or not said."""
    out = tmp_path / "out"
    bark = sound(tmp_path / "bark.wav", 0.1, 0.1)
    words: list[str | Path] = [
        "segment",
        clip,
        "--sound",
        "--audio",
        bark,
        "-o",
        out,
        *HEARING,
        "--set",
        "sound.tags=2",
    ]
    assert call(*words) == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[0] == "street: sounding: bark, music"
    assert 'street: "the bark that is making sound" segmented (pivot frames 0)' in told.out
    run = open_run(out)
    assert [result.query.id for result in run.results] == ["sound", "sound-bark", "sound-music"]
    assert run.results[0].query.sound
    assert run.results[0].heard[0].tags[0].name == "Bark"
    mask = np.asarray(Image.open(out / "masks" / "sound" / "00011.png"))
    assert set(np.unique(mask)) == {0, 255}
    assert run.masks_sha256() == run.manifest["masks_sha256"]
    assert call(*words) == 0
    assert "finished before" in capsys.readouterr().out
    sound(bark, 0.1, 0.1, 0.2)
    assert call(*words) == 2
    assert "something else" in capsys.readouterr().err


def test_what_sounds_when_is_told_and_in_the_run_folder(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Silent frames are painted, the overlay is mute, or AVSS has no label maps."""
    out, bark = tmp_path / "out", sound(tmp_path / "bark.wav", 0.1, 0.5)
    words: list[str | Path] = ["segment", clip, "--sound", "--audio", bark, "-o", out, *HEARING]
    changes = ("sound.tags=2", "sound.labels=avsbench", "sound.aligner=0.1 bark")
    engine = "sound.aligner_engine=tests.fakes:LevelAligner"
    assert call(*words, *(word for change in (*changes, engine) for word in ("--set", change))) == 0
    told = capsys.readouterr().out
    assert "segmented (pivot frames 0), sounds at 0.0-1.0 s\n" in told
    assert '"the music that is making sound" no target found, silent throughout\n' in told
    everything, bark_result, music = open_run(out).results
    assert list(bark_result.sounding or ()) == [(0, 1)]
    assert (music.status, music.sounding) == ("no_target", ())
    assert everything.sounding == bark_result.sounding
    shown = [np.asarray(Image.open(out / "masks" / "sound" / f"000{t}.png")).any() for t in ("05", "15")]
    assert shown == [True, False]
    labels = np.asarray(Image.open(out / "labels" / "00005.png"))
    assert set(np.unique(labels)) == {0, 1}  # no name is like "bark" to the fake: the first
    assert not np.asarray(Image.open(out / "labels" / "00015.png")).any()
    assert has_audio(out / "overlay.mp4")


def test_silence_is_said_and_is_no_failure(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A silent video looks like a failure, or like a success."""
    hush = sound(tmp_path / "hush.wav", 0, 0)
    assert call("segment", clip, "--sound", "--audio", hush, "-o", tmp_path / "out", *HEARING) == 0
    assert "nothing found that sounds (nothing is heard)" in capsys.readouterr().out
    assert open_run(tmp_path / "out").results[0].status == "no_target"


@pytest.mark.parametrize("kind", ["video", "frames"])
def test_a_video_without_a_track_is_told_in_one_sentence(
    kind: str, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing track ends in a traceback, or a run of no use begins."""
    source = clip
    if kind == "frames":
        source = tmp_path / "frames"
        source.mkdir()
        Image.fromarray(numbered_video(1).images[0]).save(source / "0.png")
    assert call("segment", source, "--sound", "-o", tmp_path / "out", *HEARING) == 2
    told = capsys.readouterr().err
    assert "--audio" in told
    assert "Traceback" not in told
    assert call("segment", source, "--sound", "--dry-run", *HEARING) == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--audio", "bark.wav"], "without --sound"),
        (["--sound", "--pivot", "0:1,1,5,5"], "pivot says already"),
        (["--sound", "--audio", "nowhere.wav"], "nowhere.wav"),
        (["--sound", "--set", "sound.vocabulary=nonesuch"], "vocabulary"),
        (["--sound", "--set", "sound.wording=dog"], "sound.wording"),
        (["--sound", "--set", "sound.engine=tests.fakes:None"], "tests.fakes:None"),
    ],
)
def test_what_cannot_be_is_told_in_one_sentence(
    words: list[str], says: str, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A slip on the command line ends in a traceback or in a wrong run."""
    given = [] if "--audio" in words else ["--audio", str(sound(tmp_path / "bark.wav", 0.1))]
    given = given if "--sound" in words else []
    assert call("segment", clip, *HEARING, *words, *given, "-o", tmp_path / "out") == 2
    told = capsys.readouterr().err
    assert says in told
    assert "Traceback" not in told


def test_answers_are_asked_for_as_planned_and_replayed(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run of sound cannot be planned, resumed or replayed."""
    card = tmp_path / "mine.yaml"
    bark = sound(tmp_path / "bark.wav", 0.1, 0.1)

    def act(handler: Any) -> None:
        heard = "Labels:" in str(handler.asked)
        says('ANSWER: ["dog"]' if heard else "ANSWER: [1]")(handler)

    with ChatServer(then=act) as server:
        card.write_text(f"kind: openai\nmodel: m\nendpoint: {server.url}\n")
        words: list[str | Path] = ["segment", clip, "--sound", "--audio", bark, *HEARING, "--no-cache", "-o"]
        assert call(*words, tmp_path / "run", "-b", card, "--dry-run", "--json") == 0
        (plan,) = json.loads(capsys.readouterr().out)["videos"]
        assert not server.requests
        assert call(*words, tmp_path / "run", "-b", card) == 0
        assert len(server.requests) == plan["questions"]
    log = (tmp_path / "run" / "calls.jsonl").read_text()
    steps = [json.loads(line)["address"] for line in log.splitlines()]
    assert steps[0] == {"item": "street", "reference": "sound", "step": "lbru", "clip": 0, "sample": 0}
    assert (tmp_path / "run" / "strips" / "sound-stretch000-lbru.jpg").is_file()
    assert call(*words, tmp_path / "again", "-b", f"replay:{tmp_path / 'run'}") == 0
    first, second = open_run(tmp_path / "run"), open_run(tmp_path / "again")
    assert [result.query.id for result in first.results] == ["sound", "sound-dog"]
    assert first.masks_sha256() == second.masks_sha256()


def test_the_largest_bill_is_for_as_many_things_as_may_sound(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A street full of sounds costs more than was said at most."""
    card = tmp_path / "mine.yaml"
    card.write_text("kind: openai\nmodel: m\nendpoint: http://127.0.0.1:9/v1\nmax_tokens: 100\nretries: 1\n")
    words: list[str | Path] = ["segment", clip, "--sound", "--dry-run", "--json", "-b", card, *HEARING]
    words += ["--audio", sound(tmp_path / "bark.wav", 0.1, 0.1)]
    most = []
    for things in (1, 3):
        assert call(*words, "--set", f"sound.most={things}") == 0
        (plan,) = json.loads(capsys.readouterr().out)["videos"]
        assert plan["questions"] == 3
        most.append(plan["at_most"]["completion_tokens"])
    assert most == [3 * 200, 7 * 200]


def test_classifiers_in_files_are_told_apart(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run with Microsoft's files fails at its end, or is taken for one with other weights."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "one.pt").write_bytes(b"1")
    settings = load_config("default", parse_changes([word for word in HEARING if "=" in word]))
    files = {"sound": {"engine": "alref_local.perceive.tagging:Beats", "model": ["~/one.pt"]}}
    engine = Engine(settings.overridden(files))
    engine.tagger = LevelTagger()
    assert engine.weights() == {"~/one.pt": {"one.pt": hashlib.sha256(b"1").hexdigest()}}
    engine.close()
    card = load_card("none")
    first = identity(clip, engine.settings, card, {}, sound=True)
    (tmp_path / "one.pt").write_bytes(b"22")
    assert identity(clip, engine.settings, card, {}, sound=True) != first


def test_a_list_of_videos_may_say_what_must_sound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a list, sound is for all or for none, or an empty sentence is refused."""
    for name in ("a", "b"):
        write_video(tmp_path / f"{name}.mp4", numbered_video(4).images, 10.0)
    (tmp_path / "list.csv").write_text("video,sentence\na.mp4,\nb.mp4,the dog\n")
    assert call("segment", tmp_path / "list.csv", "--sound", "-o", tmp_path / "out", *HEARING) == 1
    assert capsys.readouterr().err.count("--audio") >= 2  # both lack a track; both were tried


def test_python_callers_get_everything_first(clip: Path, tmp_path: Path) -> None:
    """A script cannot ask for sound, or finds the masks elsewhere."""
    events: list[Event] = []
    done = alref_local.segment(
        clip,
        sound=True,
        audio=sound(tmp_path / "bark.wav", 0.1, 0.1),
        changes={
            "grounding": {"engine": "tests.fakes:BoxesByFrame"},
            "segmentation": {"engine": "tests.fakes:BoxSegmentor"},
            "sound": {"engine": "tests.fakes:LevelTagger", "aligner": None, "min_probability": 0.5},
        },
        on_event=events.append,
    )
    assert [result.query.id for result in done.results] == ["sound", "sound-bark"]
    assert np.array_equal(done.mask(3), done.mask(3, reference=1))
    assert done.mask(3).any()
    assert any(isinstance(event, ReferencesFound) for event in events)
    with pytest.raises(alref_local.ConfigError, match="sound file"):
        alref_local.segment(clip, "the dog", audio="x.wav")
