"""What the tiny BEATs is trained on: every label of a training crop is true."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from alref_local.perceive.audioset import SILENCE, audioset_names
from alref_local.perceive.beats import DEVIATION, MEAN
from alref_local.perceive.fbank import BINS, fbank
from alref_local.perceive.tagging import Beats
from alref_local.types import Tag
from alref_local.world import make_scene
from alref_local.world.labels import SOUND_LABELS
from alref_local.world.sound import Part, Soundtrack
from beats_data import AUDIBLE, CLASSES, Batch, Take, _crop, _truth, batches, first_takes, take
from beats_eval import judge
from beats_model import CONFIG, build_model
from train_beats import Plan, Trainer, train

NAMES = audioset_names()


def soundtrack(*parts: Part) -> Soundtrack:
    return Soundtrack(24, 12.0, parts, 15.0, 1.0, 0.5, (1, 2))


def test_every_name_is_audiosets() -> None:
    """The tiny BEATs would be taught a label that no other BEATs has."""
    assert {label for labels in SOUND_LABELS.values() for label in labels} <= set(NAMES)


def test_take() -> None:
    """A bark would be taught as a drum, or at another time."""
    sound = soundtrack(Part("dog", 0, ((0, 6), (18, 24))), Part("drum", None, ((6, 18),)))
    one = take(sound)
    np.testing.assert_array_equal(one.heard, fbank(sound.audio).astype(np.float16))
    dog, drum = (one.sounding[:, CLASSES.index(name)] for name in ("dog", "drum"))
    assert dog.tolist() == [True] * 50 + [False] * 100 + [True] * (len(dog) - 150)
    np.testing.assert_array_equal(drum, ~dog)
    assert one.sounding.sum() == len(dog)


def test_truth() -> None:
    """Parents would outdo a class's own label, or what is hardly heard would be taught as wrong."""
    frames = np.zeros(len(CLASSES), np.int64)
    frames[[CLASSES.index("dog"), CLASSES.index("cat"), CLASSES.index("car")]] = (
        AUDIBLE,
        AUDIBLE + 9,
        AUDIBLE - 1,
    )
    aims, counts = _truth(frames)
    aimed = {name: round(float(aim), 2) for name, aim in zip(NAMES, aims, strict=True) if aim}
    assert aimed == {
        "Bark": 0.97, "Meow": 0.97, "Dog": 0.8, "Cat": 0.8, "Domestic animals, pets": 0.65, "Animal": 0.5
    }  # fmt: skip
    assert {name for name, count in zip(NAMES, counts, strict=True) if not count} == {
        *SOUND_LABELS["car"],
        SILENCE,
    }


def test_silence() -> None:
    """Noise alone would be taught as nothing at all."""
    aims, counts = _truth(np.zeros(len(CLASSES), np.int64))
    assert [name for name, aim in zip(NAMES, aims, strict=True) if aim] == [SILENCE]
    assert counts.all()


def test_crops_keep_sound_and_truth_together() -> None:
    """Labels would belong to another stretch of the soundtrack."""
    pool = []
    for number in range(3):
        heard = np.repeat(np.arange(150)[:, None] + 200 * number, BINS, axis=1).astype(np.float16)
        sounding = np.zeros((150, len(CLASSES)), bool)
        sounding[::2, number] = True
        pool.append(Take(heard, sounding))
    for length in (40, 150, 400):
        heard, sounding = _crop(pool, length, np.random.default_rng(length))
        assert heard.shape == (length, BINS)
        whose, at = np.divmod(heard[:, 0].astype(int), 200)
        for frame in range(length):
            assert sounding[frame].nonzero()[0].tolist() == ([whose[frame]] if at[frame] % 2 == 0 else [])


@pytest.fixture
def small_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beats_data.POOL", 20)
    monkeypatch.setattr("beats_data.TOKENS", 400)


@pytest.mark.usefixtures("small_pool")
def test_same_seed_same_batches() -> None:
    """A training run could not be repeated."""
    for first, second in zip(batches(5), batches(5), strict=False):
        assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
        heard, aims, counts = first
        assert heard.shape[2] == BINS
        assert aims.shape == counts.shape == (len(heard), 527)
        break


@pytest.mark.usefixtures("small_pool")
def test_training_runs_and_resumes(tmp_path: Path) -> None:
    """Nobody could train the checkpoint again, or a stopped run would begin anew."""
    plan = Plan(tmp_path, 0.02, torch.device("cpu"), 0, 1.0)
    train(plan, resume=False)
    trainer = Trainer(Plan(tmp_path, 0.04, torch.device("cpu"), 0, 1.0))
    trainer.resume()
    assert trainer.step > 0
    assert trainer.spent >= 1.2
    tagger = Beats(model=str(tmp_path / "model"))
    assert len(tagger.tags(soundtrack().audio, 5)) == 5
    assert (tmp_path / "run" / "log.jsonl").read_text()


def test_loss_falls() -> None:
    """Training would learn nothing."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    trainer = Trainer(Plan(Path(), 1.0, torch.device("cpu"), 0, 1.0))
    heard = torch.from_numpy(rng.normal(18, 4, (4, 48, BINS)).astype(np.float32))
    aims = torch.zeros(4, CONFIG.predictor_class)
    aims[torch.arange(4), torch.arange(4)] = 1
    batch = Batch(heard, aims, torch.ones_like(aims))
    lost = [trainer.learn(batch) for _ in range(30)]
    assert lost[-1] < 0.7 * lost[0]


def test_first_weights_see_all_directions_alike() -> None:
    """Training would spend its time on loudness, in which patches differ most."""
    heard = first_takes(3)
    model = build_model(heard, 3)
    spectrum = torch.from_numpy(np.concatenate(heard[:20]).astype(np.float32))[None, None]
    with torch.inference_mode():
        seen = model.patch_embedding((spectrum - MEAN) / (2 * DEVIATION))[0].flatten(1)
    deviations = seen.std(dim=1)
    assert 0.2 < float(deviations.min()) < float(deviations.max()) < 5


class Says:
    """A ``Tagger`` that says the same of every sound."""

    def __init__(self, *tags: Tag) -> None:
        self.said = tags

    def tags(self, samples: NDArray[np.float32], k: int) -> list[Tag]:
        return list(self.said)[:k]

    def features(self, samples: NDArray[np.float32], seconds: float = 1.0) -> NDArray[np.float32]:
        raise NotImplementedError


def test_judge() -> None:
    """The reported figures would count labels as right that are not."""
    scene = make_scene("sound", 800_000)
    assert (scene.heard, scene.off_screen) == (("car",), ("frog",))
    others = [Tag(name, 0.31) for name in ("Vehicle", "Bark", "Animal", "Drum")]
    answers = judge(Says(Tag("Car", 0.9), *others, Tag("Croak", 0.3)), scene)
    assert [sorted(answer) for answer in answers.values()] == [
        [True], [False], [False, True], [False, False, False, True, True], [False]
    ]  # fmt: skip
    exact = judge(Says(Tag("Car", 0.9), Tag("Croak", 0.31)), scene)
    assert [sorted(answer) for answer in exact.values()] == [
        [True],
        [True],
        [True, True],
        [False, False],
        [True],
    ]
