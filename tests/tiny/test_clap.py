"""What the tiny CLAP is trained on: every text it is told to prefer is true."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from alref_local.perceive.alignment import load_aligner
from alref_local.world import make_scene
from alref_local.world.sound import Part, Soundtrack
from clap_data import ABSENT, FRAMES, PRESENT, Batch, Ear, Take, _asked, _batch, _crop, batches
from clap_eval import judge, stretches
from clap_model import BINS, CLASSES, HOP, NAMES, WIDTH, build_extractor, build_model, build_tokenizer
from clap_words import directions, said, teach_order
from train_clap import Plan, Trainer, train

DOG, TRAIN, CAT = (CLASSES.index(name) for name in ("dog", "train", "cat"))


@pytest.fixture(autouse=True)
def few_lessons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clap_words.LESSONS", 20)


def soundtrack(*parts: Part) -> Soundtrack:
    return Soundtrack(24, 12.0, parts, 15.0, 1.0, 0.5, (1, 2))


def test_take() -> None:
    """A bark would be taught as a drum, or at another time."""
    one = Ear().take(soundtrack(Part("dog", 0, ((0, 6), (18, 24))), Part("train", None, ((6, 18),))))
    assert one.heard.shape == (FRAMES, BINS)
    edges = [ceil(seconds * 16_000 / HOP) for seconds in (0.5, 1.5)]
    dog, train_ = one.sounding[:, DOG], one.sounding[:, TRAIN]
    assert dog.tolist() == [not edges[0] <= frame < edges[1] for frame in range(len(dog))]
    np.testing.assert_array_equal(train_, ~dog)
    assert one.sounding.sum() == len(dog)


def test_heard_as_the_product_hears() -> None:
    """The model would be trained on other pictures of sound than it is given later."""
    sound = soundtrack(Part("dog", 0, ((0, 24),)))
    given = build_extractor()(sound.audio, sampling_rate=16_000, return_tensors="np")["input_features"]
    np.testing.assert_allclose(Ear().take(sound).heard, given[0, 0], atol=0.05)


def test_asked() -> None:
    """What may or may not be heard would be taught as true or false."""
    shares = np.zeros(len(CLASSES))
    shares[[DOG, TRAIN, CAT]] = PRESENT, (PRESENT + ABSENT) / 2, ABSENT
    rows = [_asked(shares, np.random.default_rng(seed)) for seed in range(300)]
    assert TRAIN not in {one for row in rows for one in row}
    assert {len(row) for row in rows} == {1, 2, 3, 4, 6}
    assert all(len(set(row)) == len(row) for row in rows)
    assert 0.8 < np.mean([DOG in row for row in rows]) < 0.95


def test_batch_is_true() -> None:
    """A sound would be taught to be what it is not."""
    rng = np.random.default_rng(3)
    shares = np.zeros((2, len(CLASSES)))
    shares[0, [DOG, TRAIN]] = 1
    heard = np.zeros((FRAMES, BINS), np.float32)
    names = {name: one for one, own in enumerate(NAMES.values()) for name in own}
    for _ in range(50):
        batch = _batch([(heard, row) for row in shares], rng)
        for row, truth in enumerate(({DOG, TRAIN}, set())):
            offered = [batch.texts[place] for place in batch.offered[row].nonzero().flatten().tolist()]
            assert batch.offered[row, batch.right[row]]
            assert "silence" in offered
            asked = {name for text in offered for name in _classes(text, names)}
            assert _classes(batch.texts[int(batch.right[row])], names) == truth & asked
            assert len(offered) == 2 ** len(asked)


def _classes(text: str, names: dict[str, int]) -> set[int]:
    found: set[int] = set()
    while text and text != "silence":
        name = max((name for name in names if text.startswith(name)), key=len)
        found.add(names[name])
        text = text[len(name) :].removeprefix(", ")
    return found


def test_said_in_any_order() -> None:
    """Equation 1 would depend on which category was found first."""
    texts = {said((DOG, TRAIN), np.random.default_rng(seed)) for seed in range(200)}
    assert {"dog, train", "train, dog", "bark, train"} <= texts
    assert said((), np.random.default_rng(0)) == "silence"


def test_every_name_is_known() -> None:
    """A name would be read letter by letter, which takes long to learn."""
    tokenizer = build_tokenizer()
    for names in NAMES.values():
        assert len(tokenizer.tokenize(f"dog, {names[0]}")) == 3
    assert "fixed-wing aircraft, airplane" in NAMES["plane"]
    assert not {"animal", "vehicle", "musical instrument"} & {
        name for names in NAMES.values() for name in names
    }


def test_directions() -> None:
    """A combination would begin nearer to another one than to its own classes."""
    alike = directions([(), (DOG,), (TRAIN,), (DOG, TRAIN)], WIDTH)
    half = 0.5**0.5
    expected = [[1, 0, 0, 0], [0, 1, 0, half], [0, 0, 1, half], [0, half, half, 1]]
    torch.testing.assert_close(alike @ alike.T, torch.tensor(expected), atol=1e-5, rtol=0)


def test_order_is_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both towers would begin without knowing anything, and learn slowly from each other."""
    model, tokenizer = build_model(0), build_tokenizer()
    before = teach_order(model, tokenizer, 0)
    monkeypatch.setattr("clap_words.LESSONS", 60)
    assert teach_order(model, tokenizer, 0) < 0.7 * before


def test_crops_keep_sound_and_truth_together() -> None:
    """Texts would belong to another stretch of the soundtrack."""
    heard = np.full((300, BINS), -40.0, np.float16)
    heard[:150] = -20.0
    sounding = np.zeros((300, len(CLASSES)), bool)
    sounding[:150, DOG] = True
    louder = []
    for seed in range(200):
        crop, shares = _crop([Take(heard, sounding)], np.random.default_rng(seed))
        assert crop.shape == (FRAMES, BINS)
        if shares[DOG] in (0, 1):
            louder.append((shares[DOG], crop.mean()))
    means = [np.mean([mean for share, mean in louder if share == one]) for one in (0, 1)]
    assert means[1] - means[0] > 10


@pytest.fixture
def small_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clap_data.POOL", 10)
    monkeypatch.setattr("clap_data.ROWS", 4)


@pytest.mark.usefixtures("small_pool")
def test_same_seed_same_batches() -> None:
    """A training run could not be repeated."""
    first, second = next(batches(5)), next(batches(5))
    assert torch.equal(first.heard, second.heard)
    assert first.texts == second.texts
    assert torch.equal(first.right, second.right)


@pytest.mark.usefixtures("small_pool")
def test_training_runs_and_resumes(tmp_path: Path) -> None:
    """Nobody could train the checkpoint again, or a stopped run would begin anew."""
    train(Plan(tmp_path, 0.02, torch.device("cpu"), 0, 1.0), resume=False)
    trainer = Trainer(Plan(tmp_path, 0.04, torch.device("cpu"), 0, 1.0))
    trainer.resume()
    assert trainer.step > 0
    assert trainer.spent >= 1.2
    aligner = load_aligner(str(tmp_path / "model"))
    assert aligner.similarity([soundtrack().audio], ["dog", "silence"]).shape == (1, 2)
    assert (tmp_path / "run" / "log.jsonl").read_text()


def test_loss_falls() -> None:
    """Training would learn nothing."""
    rng = np.random.default_rng(0)
    trainer = Trainer(Plan(Path(), 1.0, torch.device("cpu"), 0, 1.0))
    heard = torch.from_numpy(rng.normal(-50, 10, (4, 1, FRAMES, BINS)).astype(np.float32))
    batch = Batch(
        heard, ["silence", "dog", "cat", "dog, cat"], torch.ones(4, 4, dtype=torch.bool), torch.arange(4)
    )
    lost = [trainer.learn(batch).loss for _ in range(25)]
    assert lost[-1] < 0.6 * lost[0]


def test_only_what_is_offered_can_be_chosen() -> None:
    """A row would be taught against texts that may be true of it."""
    trainer = Trainer(Plan(Path(), 1.0, torch.device("cpu"), 0, 1.0))
    offered = torch.tensor([[True, False, True]])
    batch = Batch(torch.zeros(1, 1, FRAMES, BINS), ["silence", "dog", "cat"], offered, torch.tensor([0]))
    assert torch.equal(trainer._logits(batch).isfinite(), offered)


class Hears:
    """An ``Aligner`` that is sure of one text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def similarity(
        self, segments: Sequence[NDArray[np.float32]], texts: Sequence[str]
    ) -> NDArray[np.float32]:
        return np.array([[float(text == self.text) for text in texts] for _ in segments], np.float32)

    def text_similarity(self, texts: Sequence[str], others: Sequence[str]) -> NDArray[np.float32]:
        raise NotImplementedError


def test_judge() -> None:
    """The reported figures would count as right what is not."""
    scene = make_scene("sound", 800_000)
    assert (scene.heard, scene.off_screen) == (("car",), ("frog",))
    parts = list(stretches(scene))
    assert sum(len(part.samples) for part in parts) == len(scene.audio)
    assert all(first.sounding != second.sounding for first, second in pairwise(parts))
    always, never = (judge(Hears(text), scene) for text in ("car", "silence"))
    (narrow, wide) = always
    assert always[narrow] == ["car" in part.sounding for part in parts]
    assert never[narrow] == ["car" not in part.sounding for part in parts]
    assert len(always[wide]) % len(parts) == 0
    assert len(always[wide]) >= 2 * len(parts)
