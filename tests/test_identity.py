"""What a finished run folder and an evaluation that goes on are compared by."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from alref_local.configs import load_config
from alref_local.evaluate.facts import facts
from alref_local.identity import NOT_DECISIVE, identity
from alref_local.reason.card import load_card

HEARD = {"model": ["lab/one", "lab/two"], "aligner": "lab/clap", "events": {"known": "events.json"}}
CHANGES = {
    "grounding": {"model": "lab/dino", "proposals": "lab/masks"},
    "segmentation": {"model": "lab/sam2"},
    "sound": HEARD,
}


@pytest.mark.parametrize(
    ("sound", "changes", "files"),
    [
        (False, CHANGES, ["lab/dino", "lab/masks", "lab/sam2", "lab/qwen"]),
        (
            True,
            CHANGES,
            [
                "lab/dino",
                "lab/masks",
                "lab/sam2",
                "lab/one",
                "lab/two",
                "lab/clap",
                "events.json",
                "lab/qwen",
            ],
        ),
        (
            False,
            {"grounding": {"engine": "lab:Any", "model": "lab/any"}},
            ["lab/any", "lab/sam2", "lab/qwen"],
        ),
        (False, {"grounding": {"engine": "lab:Any", "model": ""}}, [None, "lab/sam2", "lab/qwen"]),
    ],
)
def test_a_finished_run_is_found_again(
    sound: bool,
    changes: dict[str, object],
    files: list[str | None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next version would compute every finished run again: the order of the weights is part of the hash."""
    monkeypatch.chdir(tmp_path)  # an unnamed checkpoint is looked for here
    monkeypatch.setattr("alref_local.identity.version", lambda _: "1")
    settings = load_config("default", {"segmentation": {"model": "lab/sam2"}}, changes)
    card = load_card("none").overridden({"kind": "local", "model": "lab/qwen"})
    known = {
        "version": "1",
        "source": ["clip.mp4"],
        "settings": settings.model_dump(mode="json", exclude={"name", "about"}),
        "prompts": {"none": "None."},
        "weights": [[] if file is None else [file] for file in files],
        "card": card.model_dump(mode="json", exclude=NOT_DECISIVE),
        "replayed": None,
        "queries": ["the dog"],
    }
    expected = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
    found = identity(Path("clip.mp4"), settings, card, {"none": "None."}, sound=sound, queries=["the dog"])
    assert found == expected


@pytest.mark.parametrize(
    ("changes", "files"),
    [
        (
            CHANGES,
            [
                "lab/dino",
                "lab/masks",
                "lab/sam2",
                "lab/clap",
                "events.json",
                "lab/one",
                "lab/two",
                "lab/qwen",
            ],
        ),
        (
            {"sound": {"aligner": None, "model": "lab/one"}},
            ["lab/dino", None, "lab/sam2", None, None, "lab/one", "lab/qwen"],
        ),
    ],
)
def test_an_evaluation_goes_on(
    changes: dict[str, object], files: list[str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next version would refuse an evaluation that was begun before."""
    monkeypatch.chdir(tmp_path)
    models = {"grounding": {"model": "lab/dino"}, "segmentation": {"model": "lab/sam2"}}
    card = load_card("none").overridden({"kind": "local", "model": "lab/qwen"})
    found = facts(load_config("default", models, changes), card)["weights"]
    known = json.dumps([[] if file is None else [file] for file in files])
    assert found == hashlib.sha256(known.encode()).hexdigest()
