"""Which model goes where: a table of machines, and what holds on every machine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from alref_local.configs import load_config
from alref_local.models.catalogue import find_checkpoint
from alref_local.reason.card import Card, load_card
from alref_local.serve.advice import fitting_cards
from alref_local.serve.hosts import GIB, Gpu, Host
from alref_local.serve.needs import Need, Needs, needs_of
from alref_local.serve.placement import CAP, Placement, place, room
from alref_local.serve.reasons import as_json, reasons
from tests.models.real_sizes import NETWORKS, count

Line = tuple[str, float, float]
LAPTOP: Line = ("RTX 4060 Laptop", 8, 7.4)
SMALL: Line = ("RTX 3060", 12, 11.6)
T4: Line = ("T4", 15, 14.6)
A4000: Line = ("RTX A4000", 16, 15.6)
A5000: Line = ("RTX 4090", 24, 23.5)
V32: Line = ("V100", 32, 31.5)
A40: Line = ("A100 40GB", 40, 39.4)
L40S: Line = ("L40S", 45, 44.4)
A80: Line = ("A100 80GB", 80, 79.2)
H100: Line = ("H100", 80, 79.1)
H200: Line = ("H200", 141, 139.8)


def machine(*lines: Line, memory: float = 64) -> Host:
    gpus = (Gpu(str(n), name, int(gib * GIB), int(free * GIB)) for n, (name, gib, free) in enumerate(lines))
    return Host(tuple(gpus), int(memory * GIB))


def busy(line: Line, free: float) -> Line:
    return line[0], line[1], free


def of(backend: str, *, sound: bool = False) -> Needs:
    card = load_card(backend)
    return needs_of(load_config("default", card.settings), card, sound=sound)


@dataclass(frozen=True)
class Row:
    """A machine, and for a backend: how, the server's GPUs, GPUs of one copy, the workers' GPUs."""

    host: Host
    backend: str
    mode: str
    server: tuple[int, ...] = ()
    tensor: int = 1
    workers: tuple[int, ...] = ()


NOWHERE: Literal["nowhere"] = "nowhere"
EIGHT_HALVES = ((0, 1, 2, 3), 1, (4, 5, 6, 7))
TABLE = {
    "no GPU, nobody reasons": Row(machine(), "none", "processor"),
    "no GPU, 7B": Row(machine(), "qwen", NOWHERE),
    "no GPU, 2B in process": Row(machine(), "qwen-local", "processor"),
    "no GPU, little memory": Row(machine(memory=8), "qwen-local", NOWHERE),
    "8 GB laptop, nobody reasons": Row(machine(LAPTOP), "none", "workers", workers=(0,)),
    "8 GB laptop, GPT": Row(machine(LAPTOP), "gpt-4", "workers", workers=(0,)),
    "8 GB laptop, 7B": Row(machine(LAPTOP), "qwen", NOWHERE),
    "8 GB laptop, 2B in process": Row(machine(LAPTOP), "qwen-local", NOWHERE),
    "8 GB laptop in use": Row(machine(busy(LAPTOP, 5)), "none", NOWHERE),
    "12 GB, 4 bits": Row(machine(SMALL), "qwen-awq", NOWHERE),
    "T4, 2B in process": Row(machine(T4), "qwen-local", "workers", workers=(0,)),
    "T4, 4 bits": Row(machine(T4), "qwen-awq", "in turn", (0,), workers=(0,)),
    "16 GB, 4 bits": Row(machine(A4000), "qwen-awq", "in turn", (0,), workers=(0,)),
    "two 16 GB, 4 bits": Row(machine(A4000, A4000), "qwen-awq", "apart", (0,), workers=(1,)),
    "two 16 GB, 7B": Row(machine(A4000, A4000), "qwen", "in turn", (0, 1), 2, workers=(0,)),
    "24 GB, 4 bits": Row(machine(A5000), "qwen-awq", "shared", (0,), workers=(0,)),
    "24 GB, 7B": Row(machine(A5000), "qwen", "in turn", (0,), workers=(0,)),
    "24 GB, Qwen3 8B": Row(machine(A5000), "qwen3-vl-8b", NOWHERE),
    "two 24 GB, 7B": Row(machine(A5000, A5000), "qwen", "apart", (0,), workers=(1,)),
    "two 24 GB, one in use": Row(machine(busy(A5000, 3), A5000), "qwen", "in turn", (1,), workers=(1,)),
    "four 24 GB, 7B": Row(machine(*[A5000] * 4), "qwen", "apart", (0, 1), workers=(2, 3)),
    "four 24 GB, 32B": Row(machine(*[A5000] * 4), "qwen3-vl-32b", NOWHERE),
    "eight 24 GB, 32B": Row(
        machine(*[A5000] * 8), "qwen3-vl-32b", "apart", (0, 1, 2, 3), 4, workers=(4, 5, 6, 7)
    ),
    "V100 32 GB, 7B": Row(machine(V32), "qwen", "shared", (0,), workers=(0,)),
    "A100 40 GB, Qwen3 8B": Row(machine(A40), "qwen3-vl-8b", "shared", (0,), workers=(0,)),
    "L40S, 32B": Row(machine(L40S), "qwen3-vl-32b", NOWHERE),
    "two L40S, 32B": Row(machine(L40S, L40S), "qwen3-vl-32b", "in turn", (0, 1), 2, workers=(0,)),
    "three L40S, 32B": Row(machine(*[L40S] * 3), "qwen3-vl-32b", "apart", (0, 1), 2, workers=(2,)),
    "mixed, 7B on the large one": Row(machine(SMALL, A5000, L40S), "qwen", "apart", (2,), workers=(0, 1)),
    "mixed, 32B": Row(machine(A80, L40S), "qwen3-vl-32b", "apart", (0,), workers=(1,)),
    "mixed pair, 32B": Row(machine(L40S, A40, A5000), "qwen3-vl-32b", NOWHERE),
    "A100 80 GB, 32B": Row(machine(A80), "qwen3-vl-32b", "in turn", (0,), workers=(0,)),
    "two A100 80 GB, 32B": Row(machine(A80, A80), "qwen3-vl-32b", "apart", (0,), workers=(1,)),
    "two H100, GLM": Row(machine(H100, H100), "glm-4.5v", "shared", (0, 1), 2, workers=(0, 1)),
    "four H100, two in use, GLM": Row(
        machine(busy(H100, 30), H100, busy(H100, 30), H100), "glm-4.5v", "apart", (1, 3), 2, workers=(0, 2)
    ),
    "eight H100, Qwen3 8B": Row(machine(*[H100] * 8), "qwen3-vl-8b", "apart", *EIGHT_HALVES),
    "eight H100, GLM": Row(machine(*[H100] * 8), "glm-4.5v", "apart", (0, 1, 2, 3), 2, workers=(4, 5, 6, 7)),
    "H200, 32B": Row(machine(H200), "qwen3-vl-32b", "shared", (0,), workers=(0,)),
    "eight H200, GLM": Row(machine(*[H200] * 8), "glm-4.5v", "apart", *EIGHT_HALVES),
    "eight H200, all in use": Row(machine(*[busy(H200, 4)] * 8), "qwen", NOWHERE),
}


@pytest.mark.parametrize("name", TABLE)
def test_table(name: str) -> None:
    """A machine would be told that its model does not fit, or would run out of memory in the middle of a night."""
    row = TABLE[name]
    needs = of(row.backend)
    placed = place(row.host, needs)
    found = placed.server
    assert placed.mode == row.mode
    assert (found.gpus if found else ()) == row.server
    assert (found.tensor if found else 1) == row.tensor
    assert placed.workers == row.workers
    check(row.host, needs, placed)


def check(host: Host, needs: Needs, placed: Placement) -> None:
    """What holds of every placement."""
    for number, load in placed.loads.items():
        gpu = host.gpus[number]
        assert sum(load.values()) + gpu.total - gpu.free <= CAP * gpu.total
        assert sum(load.values()) <= gpu.free
    if not placed.fits:
        assert placed.server is None
        assert placed.workers == ()
        assert placed.loads == {}
        return
    server = placed.server
    if server is not None and needs.server is not None and server.gpus:
        assert len(server.gpus) == server.copies * server.tensor
        for number in server.gpus:
            assert placed.loads[number]["language model"] >= needs.server.on_each(server.tensor)
    for number in placed.workers:
        assert room(host.gpus[number]) >= needs.of_worker()
        if placed.mode != "in turn":
            others = sum(size for role, size in placed.loads[number].items() if role == "language model")
            own = sum(placed.loads[number].values()) - (others if server and number in server.gpus else 0)
            assert own == needs.of_worker()
    if placed.mode == "apart":
        assert server is not None
        assert not set(server.gpus) & set(placed.workers)
    told = as_json(placed, needs)
    assert told["fits"]
    assert all(line.endswith(".") for line in reasons(placed, needs))


GPUS = st.tuples(
    st.sampled_from(["one", "another"]), st.integers(4, 200), st.floats(0, 1, allow_subnormal=False)
).map(lambda one: (one[0], float(one[1]), one[1] * one[2]))
HOSTS = st.builds(
    lambda lines, memory: machine(*lines, memory=memory), st.lists(GPUS, max_size=8), st.floats(1, 500)
)
NEEDS = st.sampled_from(
    [
        of(card, sound=sound)
        for card in ("none", "qwen", "qwen-awq", "qwen3-vl-32b", "glm-4.5v", "qwen-local")
        for sound in (False, True)
    ]
)


@settings(deadline=None)
@given(HOSTS, NEEDS, st.booleans())
def test_nothing_is_ever_too_full(host: Host, needs: Needs, alone: bool) -> None:
    """Memory would run out on a machine that is not in the table."""
    placed = place(host, needs, alone=alone)
    check(host, needs, placed)
    if alone and needs.server and placed.server:
        assert placed.mode == "alone"
        assert placed.workers == ()


@settings(deadline=None)
@given(HOSTS, NEEDS, st.integers(0, 7), GPUS)
def test_more_is_never_worse(host: Host, needs: Needs, number: int, another: Line) -> None:
    """Whoever ends a program, or buys a GPU, would be told that nothing fits any more."""
    if not place(host, needs).fits or not host.gpus:
        return
    free = replace(host.gpus[number % len(host.gpus)], free=host.gpus[number % len(host.gpus)].total)
    emptied = [free if gpu.id == free.id else gpu for gpu in host.gpus]
    assert place(replace(host, gpus=tuple(emptied)), needs).fits
    new = machine(another).gpus[0]
    assert place(replace(host, gpus=(*host.gpus, replace(new, id="new"))), needs).fits


@settings(deadline=None, max_examples=10)
@given(HOSTS, st.sampled_from(["default", "paper/ref-davis17"]))
def test_what_is_advised_fits(host: Host, config: str) -> None:
    """The way out would be another dead end."""
    found = fitting_cards(host, config)
    for one in found:
        card = load_card(one.name)
        assert place(host, needs_of(load_config(config, card.settings), card)).fits
    on_gpus = [one.weights for one in found if one.placed.mode != "processor"]
    assert on_gpus == sorted(on_gpus, reverse=True)


def test_the_nearest_that_fits_comes_first() -> None:
    """A person with a large GPU would be told to take the smallest model."""
    names = [one.name for one in fitting_cards(machine(L40S))]
    assert names[0] == "qwen3-vl-8b"
    assert "qwen3-vl-32b" not in names
    assert "tiny" not in names
    assert [one.name for one in fitting_cards(machine(T4))] == ["qwen-awq", "qwen-local"]
    assert [one.name for one in fitting_cards(machine())] == ["qwen-local"]
    assert fitting_cards(machine(LAPTOP)) == []


@pytest.mark.parametrize("name", [name for name in NETWORKS if name.startswith("Qwen/")])
def test_weights_are_those_of_the_real_networks(name: str) -> None:
    """Every figure of a plan rests on them."""
    card = Card(name="x", kind="vllm", model=name, endpoint="http://127.0.0.1:8000/v1")
    need = needs_of(load_config("default"), card).server
    assert need is not None
    assert need.weights == 2 * count(name)
    network = NETWORKS[name]
    with torch.device("meta"):
        text = network().config.get_text_config()
    assert need.heads == (text.num_attention_heads, text.num_key_value_heads)
    width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    per_token = 4 * text.num_hidden_layers * text.num_key_value_heads * width
    assert need.context == 16384 * per_token == find_checkpoint(name).per_token * 16384


def test_perception_weighs_what_its_networks_do() -> None:
    """The room that a server leaves would not be enough for what comes after it."""
    for need in of("none", sound=True).worker:
        assert need.weights == 4 * count(need.name) if need.name in NETWORKS else need.weights > 0
    half = load_config("default", {"segmentation": {"dtype": "bfloat16"}})
    segmentor = next(need for need in needs_of(half, load_card("none")).worker if need.role == "segmentor")
    assert segmentor.weights == 2 * count(segmentor.name)


def test_a_need_divided() -> None:
    """Tensor parallel copies what cannot be divided, and is refused where heads do not divide."""
    need = Need("language model", "x", weights=1000, working=50, context=80, heads=(28, 4))
    assert list(need.degrees()) == [1, 2, 4]
    assert [need.on_each(degree) for degree in (1, 2, 4, 8)] == [1130, 590, 320, 195]


def test_unknown_checkpoints_are_measured() -> None:
    """A lab's own model could not be served."""
    needs = needs_of(load_config("tiny"), load_card("tiny-vllm"))
    assert needs.server is not None
    assert needs.server.weights == pytest.approx(6.4e6, rel=0.05)
    assert needs.server.heads == (5, 5)
    assert needs.server.context == 4096 * 4 * 5 * 5 * 32
    assert not needs.gpu
    assert place(machine(), needs).mode == "processor"
    assert place(machine(A5000), needs).mode == "shared"


def test_a_server_elsewhere_needs_nothing_here() -> None:
    """Whoever asks another machine would be told that its model does not fit on this one."""
    card = load_card("qwen3-vl-32b").overridden({"endpoint": "http://gpu1:8000/v1"})
    assert needs_of(load_config("default"), card).server is None


def test_what_a_card_or_person_decides() -> None:
    """The card's own number of copies, or of GPUs for each, would be overruled."""
    host, needs = machine(*[H100] * 4), of("qwen")
    placed = place(host, needs, copies=1, tensor=2)
    assert placed.server is not None
    assert (placed.server.gpus, placed.server.tensor) == ((0, 1), 2)
    placed = place(host, needs, copies=3)
    assert placed.server is not None
    assert placed.server.copies == 3
    assert placed.workers == (3,)
    assert place(host, needs, copies=5).mode == "nowhere"
    placed = place(host, needs, alone=True)
    assert placed.server is not None
    assert placed.server.gpus == (0, 1, 2, 3)
    placed = place(machine(memory=64), needs, processor=True)
    assert placed.mode == "processor"
    assert placed.server is not None
    assert placed.server.gpus == ()
    assert not place(machine(memory=16), needs, processor=True).fits
