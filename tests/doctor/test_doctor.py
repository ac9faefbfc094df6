"""`doctor`: every fault has its line and the command that mends it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alref_local.configs import load_config
from alref_local.doctor import Subject, diagnose, machine
from alref_local.doctor import backend as of
from alref_local.models.resolve import BUNDLED
from alref_local.reason.card import Card, load_card
from alref_local.serve.hosts import GIB, Gpu, Host
from alref_local.supply.install import install_files
from alref_local.supply.meter import Meter
from tests.cli.kit import call
from tests.reason.chat_server import ChatServer, Handler, completion
from tests.serve.serve_kit import ROOT, fake_environment, free_port

L40S = Host((Gpu("0", "L40S", 48 * GIB, 47 * GIB),), 64 * GIB)
LAPTOP = Host((Gpu("0", "RTX 4060", 8 * GIB, 7 * GIB),), 64 * GIB)


def subject(
    card: Card | None = None, *, host: Host | None = None, config: str = "tiny", **how: Any
) -> Subject:
    card = card or load_card("none")
    one = Subject(load_config(config, card.settings), card, config, backend=card.name, **how)
    if host is not None:
        one.__dict__["host"] = host
    return one


def chat_card(url: str, **fields: Any) -> Card:
    known = {"name": "mine", "kind": "vllm", "model": "m", "endpoint": url, "pattern": "A", "max_tokens": 640}
    return Card.model_validate({**known, **fields})


def obeys(handler: Handler) -> None:
    """Write what the grammar, or the schema, allows."""
    constraint = handler.asked.get("structured_outputs") or handler.asked.get("response_format", {})
    number = next(iter(re.findall(r"\d{6}", json.dumps(constraint))), "0")
    said = {"reasoning": "Hello.", "answer": [int(number)]}
    text = json.dumps(said) if "response_format" in handler.asked else f"Hello.\nANSWER: [{number}]"
    handler.answer(200, json.dumps(completion(text)).encode())


def ignores(handler: Handler) -> None:
    """Write what any model would write that nobody constrains."""
    handler.answer(200, json.dumps(completion("Hello! [1]")).encode())


@pytest.mark.parametrize(
    ("kind", "pattern"), [("vllm", "A"), ("vllm", "B"), ("vllm", "json"), ("openai", "json")]
)
@pytest.mark.parametrize("act", [obeys, ignores])
def test_grammars_are_tried_not_believed(kind: str, pattern: str, act: Callable[[Handler], None]) -> None:
    """An old server ignores grammars without a word, and every other question is asked twice."""
    with ChatServer(then=act) as server:
        found = of.server(subject(chat_card(server.url, kind=kind, pattern=pattern)))
    assert found.ok == (act is obeys)
    if act is obeys:
        assert "keeps to grammars" in found.said
    else:
        assert "does not keep to grammars, but writes 'Hello! [1]'" in found.said
        assert found.mend


def test_answers_that_cost_money_are_not_asked_for() -> None:
    """A look at the machine would be on the bill."""
    with ChatServer(then=obeys) as server:
        card = chat_card(server.url, kind="openai", pattern="json", prices={"input": 1, "output": 1})
        found = of.server(subject(card))
        assert server.requests == []
    assert found.ok
    assert "cost money" in found.said


def test_servers_that_are_not_there_or_not_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person would be told to start what runs already, or the wrong thing."""
    port = free_port()
    found = of.server(subject(chat_card(f"http://127.0.0.1:{port}/v1")))
    mend = f"alref-local serve mine --config tiny --port {port} --detach"
    assert (found.ok, found.mend) == (False, mend)
    with ChatServer() as server:
        found = of.server(subject(chat_card(server.url, model="another")))
        assert "serves m" in found.said
        found = of.server(subject(chat_card(server.url, kind="openai", pattern="json", model="another")))
        assert (found.ok, found.mend) == (False, "--card model=... (m)")
    (missing,) = [one for one in diagnose(load_card("gpt-4"), "tiny") if one.name == "backend"]
    assert (missing.ok, missing.mend) == (False, "export OPENAI_API_KEY=...")


def test_weights_are_looked_for_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run would find after an hour that a byte of its weights is wrong, or that they are not there."""
    monkeypatch.setenv("ALREF_MODELS", str(tmp_path / "models"))
    catalogue = tmp_path / "lab.yaml"
    catalogue.write_text(
        "lab/sam2: {kind: segmentor, licence: MIT, parameters: 5, dtype: float16, working: 0}"
    )
    monkeypatch.setenv("ALREF_CATALOGUE", str(catalogue))
    missing = of.weights(["lab/sam2", "facebook/sam2.1-hiera-large"], subject())
    assert not missing.ok
    assert missing.mend == "alref-local models pull lab/sam2 facebook/sam2.1-hiera-large"

    _, folder = install_files(BUNDLED / "sam2", "lab/sam2", Meter())
    assert of.weights(["lab/sam2", "tiny:sam2"], subject(deep=True)).ok
    file = folder / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[100_000] ^= 1
    file.chmod(0o644)
    file.write_bytes(content)
    assert of.weights(["lab/sam2"], subject()).ok  # by its size
    damaged = of.weights(["lab/sam2"], subject(deep=True))
    assert "lab/sam2 is damaged: model.safetensors" in damaged.said
    assert damaged.mend == "alref-local models pull lab/sam2"
    by_hand = of.weights(["microsoft/BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2"], subject())
    assert "by hand" in by_hand.mend
    (tmp_path / "own.pt").touch()
    assert of.weights([str(tmp_path / "own.pt")], subject()).ok


def test_weights_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person would pull 20 GB that lie in the shared folder, under an administrator's umask."""
    monkeypatch.setenv("ALREF_MODELS", str(tmp_path / "models"))

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)  # root reads everything
    found = of.weights(["facebook/sam2.1-hiera-large", "facebook/sam2.1-hiera-tiny"], subject())
    assert "permission denied" in found.said
    assert found.mend.startswith("Its owner can share it: `chmod -R a+rX ")
    assert found.mend.count("chmod") == 1


def test_room_is_looked_for_where_it_is_needed() -> None:
    """A person would learn that a model does not fit from an error in the middle of loading."""
    qwen = load_card("qwen").overridden({"endpoint": f"http://127.0.0.1:{free_port()}/v1"})
    assert "in turn" not in of.room(subject(qwen, host=L40S, config="default")).said
    full = of.room(subject(qwen, host=LAPTOP, config="default"))
    assert not full.ok
    assert "takes 20.0 GB of one GPU" in full.said
    assert "gpt-4" in full.mend
    with ChatServer() as server:  # it has its memory already
        served = chat_card(server.url, serve="vllm serve Qwen/Qwen2-VL-7B-Instruct")
        assert of.room(subject(served, host=LAPTOP, config="default")).ok


def test_gpus_and_torch_must_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything would be computed on the processor, a hundred times slower, without a word."""
    found = machine.torch(subject(host=Host()))
    assert found.ok
    found = machine.torch(subject(host=L40S))
    assert not found.ok
    assert "the driver has 1" in found.said
    assert machine.gpus(subject(host=L40S)).said == "0: L40S 50.5 GB of 51.5 GB free"
    assert machine.gpus(subject(host=Host())).ok
    lost = machine.gpus(subject(host=Host((), None, "nvidia-ml-py is not installed", "pip install it")))
    assert (lost.ok, lost.mend) == (False, "pip install it")
    monkeypatch.setattr(machine, "_ASK_TORCH", "raise ImportError('libcudart.so')")
    broken = machine.torch(subject(host=Host()))
    assert "libcudart.so" in broken.said
    assert broken.mend == "pip install --force-reinstall torch"


def test_packages_are_compared_with_what_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    """An old package would fail with an error of its own, hours later."""
    others = ['outlines>=999; extra == "local"', 'x; sys_platform == "none"']
    lines = ["numpy>=1", "av>=999", "nothing-of-the-kind", *others]
    monkeypatch.setattr(machine, "requires", lambda _: lines)
    found = machine.python(subject())
    assert found.mend == 'pip install "av>=999" "nothing-of-the-kind"'
    local = machine.python(subject(load_card("tiny")))
    assert '"outlines>=999"' in local.mend


def test_codecs_and_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A full disk, or a build of FFmpeg without H.264, would show after the first video was segmented."""
    assert machine.codecs().ok
    monkeypatch.setattr(machine, "_DECODERS", ("h264", "realvideo99"))
    found = machine.codecs()
    assert (found.ok, "realvideo99" in found.said) == (False, True)
    monkeypatch.chdir(tmp_path)
    assert machine.disk().ok
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 9, 1))
    assert not machine.disk().ok


def test_offline_and_a_backend_elsewhere() -> None:
    """A confidential video would be refused only when it is on its way."""
    away = chat_card("http://gpu1:8000/v1")
    assert of.network(subject(away)).ok
    assert not of.network(subject(away, offline=True)).ok
    assert of.network(subject(chat_card("http://127.0.0.1:8000/v1"), offline=True)).ok


def test_one_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person who asks what is wrong would be answered with a book, or not with a command."""
    monkeypatch.setenv("ALREF_VLLM", str(fake_environment(tmp_path / "env")))
    endpoint = f"--card=endpoint=http://127.0.0.1:{free_port()}/v1"
    assert call("doctor", "--config", "tiny", "--backend", "tiny-vllm", endpoint) == 3
    out = capsys.readouterr().out
    assert len(out.splitlines()) <= 24
    assert "ok     vllm: 0.32.0 in" in out
    assert re.search(
        r"FAULT  backend: no server answers .*\n       mend: alref-local serve tiny-vllm --config tiny --port",
        out,
    )
    assert call("doctor", "--config", "tiny", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ok"]
    assert [one["name"] for one in told["findings"]] == [
        *("python", "torch", "gpus", "codecs", "weights", "room", "network", "disk")
    ]
    assert call("doctor", "--config", "nothing") == 2


def test_torch_is_left_to_a_process_of_its_own() -> None:
    """A broken torch would take the doctor with it, who is asked because something is broken."""
    code = (
        "import sys\nfrom alref_local.cli import main\n"
        "try: main(['doctor', '--config', 'tiny'])\nfinally: assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
