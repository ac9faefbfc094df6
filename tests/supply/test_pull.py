"""Downloads from the hub: whole, or as if they had not been."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alref_local.errors import AlrefError, ConfigError, PrerequisiteError
from alref_local.models.catalogue import find_checkpoint
from alref_local.models.checking import verify
from alref_local.models.store import RECORD, folder_of, installed, read_record
from alref_local.supply.arriving import waiting_room
from alref_local.supply.meter import Meter
from alref_local.supply.pull import chosen, pull, pull_all
from tests.models.store_kit import FILES, checkpoint, facts, write
from tests.supply.hub_server import COMMIT, HubServer

ROOT = Path(__file__).parents[2]
LOADED = {"config.json", "model.safetensors", "README.md", "LICENSE"}
WEIGHTS = "model.safetensors"


def nothing_is_visible() -> bool:
    return installed("lab/small") is None and not folder_of("lab/small").exists()


@pytest.mark.parametrize("revision", [None, "main", COMMIT])
def test_pull(revision: str | None, hub: HubServer) -> None:
    """A checkpoint would lack a file, bring another framework's gigabytes, or nobody know which revision it is."""
    small = checkpoint(revision=revision)
    folder = pull(small, Meter())
    assert folder == installed(small)
    assert {file.name for file in folder.iterdir()} == LOADED | {RECORD}
    record = read_record(folder)
    assert record is not None
    assert record.revision == COMMIT
    assert record.files["config.json"] == facts(FILES["config.json"])
    assert verify(small) == []
    hub.status = 500
    assert pull(small, Meter()) == folder  # nothing is asked for again


def test_a_cut_connection_is_taken_up(hub: HubServer) -> None:
    """A bad line would cost the gigabytes that had come through."""
    hub.cuts[WEIGHTS] = [1000]
    assert verify(checkpoint(), pull(checkpoint(), Meter())) == []
    assert hub.starts[WEIGHTS] == [0, 1000]


def test_an_ended_command_goes_on_where_it_stopped(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same command after a night's break-off would begin again, or half a checkpoint count as one."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    hub.cuts[WEIGHTS] = [700, *[0] * 6]
    with pytest.raises(PrerequisiteError, match="broke off") as caught:
        pull(checkpoint(), Meter())
    assert "same command" in caught.value.hint
    assert nothing_is_visible()
    hub.cuts.clear()
    hub.starts.clear()
    pull(checkpoint(), Meter())
    assert hub.starts[WEIGHTS] == [700]
    assert verify(checkpoint()) == []


def test_more_than_there_is_begins_anew(hub: HubServer) -> None:
    """A file that grew too long would never be got rid of."""
    write(waiting_room("lab/small"), {f"{WEIGHTS}.part": b"x" * 5000, "left.json": b"of another revision"})
    folder = pull(checkpoint(), Meter())
    assert verify(checkpoint()) == []
    assert hub.starts[WEIGHTS] == [0]
    assert not (folder / "left.json").exists()


def test_the_key_is_for_the_hub_alone(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person's key would be handed to whoever stores the files."""
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    pull(checkpoint(), Meter())
    knew = {path: "hf_secret" in str(headers) for _, path, headers in hub.asked}
    assert all(knew[path] for path in knew if path.startswith("/lab/small/resolve/"))
    assert not any(knew[path] for path in knew if path.startswith("/cdn/"))
    assert any(path.startswith("/cdn/") for path in knew)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "README.md"])
def test_wrong_bytes_are_named_and_fetched_anew(name: str, hub: HubServer) -> None:
    """A flipped bit on the way would be installed, or never be got rid of."""
    hub.flipped.add(name)
    with pytest.raises(ConfigError, match=f"is wrong: {name} is damaged"):
        pull(checkpoint(), Meter())
    assert nothing_is_visible()
    hub.flipped.clear()
    hub.starts.clear()
    pull(checkpoint(), Meter())
    assert set(hub.starts) == {name}
    assert verify(checkpoint()) == []


def test_a_mirror_with_other_weights_is_not_believed(hub: HubServer) -> None:
    """Whoever runs a mirror could hand out weights of their own."""
    other = checkpoint(files={WEIGHTS: facts(b"the published ones")})
    with pytest.raises(ConfigError, match=r"another model\.safetensors"):
        pull(other, Meter())
    assert hub.starts == {}


@pytest.mark.parametrize(
    ("fields", "said", "hint"),
    [
        ({"revision": "v2"}, "no revision v2", "mirror"),
        ({"repo": "lab/none"}, "no 'lab/none'", "log in"),
        ({"repo": "lab/gated"}, "accept its terms", "hf auth login"),
        ({"files": {"vocab.txt": {}}}, "no vocab.txt", "ALREF_CATALOGUE"),
        ({"repo": None, "url": "https://x.example"}, "not on the hub", "https://x.example"),
    ],
    ids=["revision", "repository", "gated", "file", "by hand"],
)
def test_refusals(fields: dict[str, Any], said: str, hint: str, hub: HubServer) -> None:
    """A refusal would end in a traceback, or say nothing of the way out."""
    hub.gated.add("lab/gated")
    with pytest.raises(AlrefError, match=said) as caught:
        pull(checkpoint(**fields), Meter())
    assert hint in caught.value.hint
    assert "\n" not in str(caught.value)
    assert nothing_is_visible()


def test_a_failing_hub(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage would end in a traceback."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    hub.status = 503
    with pytest.raises(PrerequisiteError, match="error"):
        pull(checkpoint(), Meter())
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(PrerequisiteError, match="broke off"):
        pull(checkpoint(), Meter())


def test_offline(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An air-gapped machine would wait for a network that it does not have."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(PrerequisiteError, match="no network"):
        pull(checkpoint(), Meter())
    assert hub.asked == []


def test_a_full_disk_is_said_before_the_download(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours of downloading would end in an error that could have been told at once."""
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(ConfigError, match=r"are needed in .* are free"):
        pull(checkpoint(), Meter())
    assert hub.starts == {}


def test_a_place_that_cannot_be_written(hub: HubServer, machine: Path) -> None:
    """A mistyped $ALREF_MODELS would end in a traceback."""
    machine.write_text("a file")
    with pytest.raises(ConfigError, match="cannot be written"):
        pull(checkpoint(), Meter())
    assert hub.starts == {}


def test_a_damaged_checkpoint_is_replaced(hub: HubServer) -> None:
    """`pull` would say that all is well, and leave the damage."""
    folder = pull(checkpoint(), Meter())
    (folder / WEIGHTS).write_bytes(b"x" * len(FILES[WEIGHTS]))
    assert [fault.file for fault in verify(checkpoint())] == [WEIGHTS]
    pull(checkpoint(), Meter())
    assert verify(checkpoint()) == []


OFFERED = (
    *(
        "model.safetensors",
        "model-00001-of-00002.safetensors",
        "model.safetensors.index.json",
        "pytorch_model.bin",
    ),
    *(
        "config.json",
        "vocab.txt",
        "LICENSE",
        "sam2_hiera_large.pt",
        "onnx/model.onnx",
        "tf_model.h5",
        ".gitattributes",
    ),
)


@given(st.sets(st.sampled_from(OFFERED)))
def test_what_is_chosen(offered: set[str]) -> None:
    """Weights would come twice, or not at all."""
    taken = set(chosen(offered))
    assert taken <= offered
    assert not taken & {*OFFERED[7:]}
    assert offered & {"config.json", "vocab.txt", "LICENSE"} <= taken
    safe = {name for name in offered if name.endswith(".safetensors")}
    assert safe <= taken
    assert ("pytorch_model.bin" in taken) == ("pytorch_model.bin" in offered and not safe)


def test_what_is_fetched_by_hand_keeps_nobody_waiting(hub: HubServer) -> None:
    """BEATs, which is not on the hub, would end `models pull paper` before the gigabytes were fetched."""
    with pytest.raises(PrerequisiteError, match="lab/beats"):
        pull_all([checkpoint("lab/beats", repo=None), checkpoint()], Meter())
    assert verify(checkpoint()) == []
    assert hub.starts


def test_by_command_from_a_mirror(hub: HubServer, machine: Path, tmp_path: Path) -> None:
    """HF_ENDPOINT would not lead to the mirror, or the command tell nothing."""
    (tmp_path / "mine.yaml").write_text(
        "lab/small: {kind: vlm, licence: MIT, parameters: 512, dtype: float32, working: 0}\n"
    )
    environment = os.environ | {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "hf"),
        "ALREF_CATALOGUE": str(tmp_path / "mine.yaml"),
        "PYTHONPATH": str(ROOT),
    }
    words = ["models", "pull", "lab/small", "--json"]
    code = "from alref_local.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *words], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"lab/small": str(machine / "lab" / "small")}
    assert done.stderr == ""
    ours = ("/api/models/lab/small", "/lab/small/resolve/", "/cdn/lab/small/")
    assert all(path.startswith(ours) for _, path, _ in hub.asked)  # nobody is told who is here
    assert not waiting_room("lab/small").exists()
    assert find_checkpoint("facebook/sam2-hiera-tiny").revision is None
