"""What a lab runs once with its own weights: every part of a config by itself, then all of it, on a drawn clip.

The clip has exact truth, so figures of labs compare. Nothing is asked of the figures but that there is a mask: what the
real models make of drawn things is for people to see.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from alref_local.boxes import overlaps
from alref_local.demo import draw
from alref_local.errors import AlrefError, ConfigError
from alref_local.jobs import Job, queries
from alref_local.metrics import score_folders
from alref_local.models.catalogue import load_catalogue
from alref_local.models.checking import weights_sha256
from alref_local.models.of_config import models_of
from alref_local.models.resolve import located
from alref_local.reason.calls import read_calls
from alref_local.runs.manifest import environment
from alref_local.session import Session
from alref_local.types import Box, Pivot
from alref_local.world import Scene, make_scene

__all__ = ["Check", "selftest", "shapes_sha256"]

_SIZE: Final = (480, 640)
_LENGTH: Final = 16
_CLIP: Final = ("easy", 19)  # "the white ball", beside a yellow one
_SOUND: Final = ("sound", 3)
_ALIKE: Final = 0.999
"""IoU of masks that are the same but for the order of sums."""


@dataclass(frozen=True, slots=True)
class Check:
    """One part.

    Attributes:
        name: of the part.
        ok: whether it works.
        seconds: it took.
        facts: what it found.
        error: one sentence; empty if it works.
        hint: what to do about it.
    """

    name: str
    ok: bool
    seconds: float
    facts: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    hint: str = ""


def selftest(*, sound: bool = False, tell: Callable[[Check], None], **options: Any) -> dict[str, Any]:
    """Run every check, whatever becomes of those before; what to send back.

    Args:
        sound: also try what listens.
        tell: told of every check as it is done.
        options: of ``Session``: config, backend, changes, card, device, offline.

    Raises:
        ConfigError: the config or the card does not exist, or has a wrong value.
    """
    found: list[Check] = []
    device = str(options.get("device", "auto"))
    with Session(**options, cache=False) as session, tempfile.TemporaryDirectory() as kept:
        for name, work in _checks(session, Path(kept), sound=sound):
            found.append(_checked(name, work))
            tell(found[-1])
        head = {"config": session.settings.name, "backend": session.card.name, "device": device}
    return {
        "ok": all(one.ok for one in found),
        **head,
        **environment(),
        "gpus": _gpus(),
        "checks": [{name: getattr(one, name) for name in one.__slots__} for one in found],
    }


def _checked(name: str, work: Callable[[], Mapping[str, Any]]) -> Check:
    begun = time.perf_counter()
    try:
        facts = work()
    except AlrefError as error:
        return Check(name, False, time.perf_counter() - begun, {}, str(error), error.hint)
    except Exception as error:  # a library's own complaint is what we want to be sent
        said = f"Something unforeseen happened ({type(error).__name__}: {error})."
        return Check(name, False, time.perf_counter() - begun, {}, said)
    return Check(name, True, round(time.perf_counter() - begun, 3), facts)


def _checks(
    session: Session, folder: Path, *, sound: bool
) -> Iterator[tuple[str, Callable[[], Mapping[str, Any]]]]:
    settings, scene = session.settings, make_scene(*_CLIP, size=_SIZE, length=_LENGTH)
    models = models_of(settings, sound=sound)
    for model in dict.fromkeys(name for _, name in models):
        yield f"weights of {model}", partial(_weights, model)
    yield "candidate boxes", partial(_grounds, session, scene)
    yield "masks from a true box", partial(_tracks, session, scene, folder / "tracked")
    if find_spec("sam2") is not None and "segmentor" in dict(models):  # extra `sam2`
        yield "masks as the sam2 package's", partial(_equals, session)
    if sound:
        yield "labels of a sound", partial(_hears, session)
    if sound and settings.sound.aligner:
        yield "sounds and words", partial(_aligns, session)
    yield "the whole method", partial(_segments, session, scene, folder / "whole")
    yield "the whole method again", partial(_repeats, session, scene, folder)


def _weights(model: str) -> Mapping[str, Any]:
    """Whether the tensors are those of the released checkpoint, where these are known, and the files' hashes."""
    path = located(model)
    shapes = _shapes(path)
    found, entry = shapes_sha256(shapes), load_catalogue().get(model)
    known = None if entry is None else entry.shapes_sha256
    if known not in (None, found):
        raise ConfigError(
            f"The tensors of '{model}' are not those of the released checkpoint.",
            hint=f"`alref-local models verify {model}` tells more; here are {len(shapes)} tensors ({found}).",
        )
    return {
        "tensors": len(shapes),
        "numbers": sum(int(np.prod(shape)) for shape in shapes.values()),
        "shapes_sha256": found,
        "as_released": None if known is None else True,
        "files": weights_sha256(path),
    }


def shapes_sha256(shapes: Mapping[str, Sequence[int]]) -> str:
    """Of names and shapes of all tensors: a checkpoint is known by it, whatever its precision."""
    lines = sorted(f"{name} {' '.join(map(str, shape))}" for name, shape in shapes.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    from safetensors import safe_open

    found: dict[str, tuple[int, ...]] = {}
    for file in [path] if path.is_file() else sorted(path.glob("*.safetensors")):
        if file.suffix == ".safetensors":
            with safe_open(file, "np") as opened:
                found |= {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118
    return found


def _grounds(session: Session, scene: Scene) -> Mapping[str, Any]:
    """The boxes on the middle frame, and how the best of them meets the thing that is meant."""
    frame = scene.length // 2
    (found,) = session.engine.grounder.propose([scene.frame(frame)], [scene.target.text])
    if not found:
        raise AlrefError(f"There is no box for '{scene.target.text}'.")
    true = np.array(_box(scene, frame))
    met = [round(float(overlaps(true, np.array([one.box]))[0]), 4) for one in found]
    return {"scores": [round(one.score, 4) for one in found], "iou": met}


def _tracks(session: Session, scene: Scene, out: Path) -> Mapping[str, Any]:
    """Masks from the true box on the middle frame."""
    frame = scene.length // 2
    pivot = Pivot(0, frame, _box(scene, frame))
    return _segmented(session, scene, out, [pivot])


def _equals(session: Session) -> Mapping[str, Any]:
    """How far SAM 2 is from the original package on these weights, in float32."""
    from alref_local.perceive.parity import parity

    found = parity(session.settings.segmentation.model, device=session.device)
    if found.iou < _ALIKE:
        raise AlrefError("SAM 2 makes other masks than the original package.", hint=f"Found: {found}.")
    return asdict(found)


def _segments(session: Session, scene: Scene, out: Path) -> Mapping[str, Any]:
    """As `segment` does it, the backend's answers included."""
    return _segmented(session, scene, out)


def _repeats(session: Session, scene: Scene, folder: Path) -> Mapping[str, Any]:
    """The same once more: masks may differ only if the backend's answers do."""
    again = _segmented(session, scene, folder / "again")
    both = [folder / name / "run" for name in ("whole", "again")]
    first, second = ([one["answer"] for one in read_calls(run)] for run in both)
    same, equal = first == second, _masks(both[0]) == _masks(both[1])
    if same and not equal:
        raise AlrefError("The same answers gave other masks.", hint="Tell us: a run should be repeatable.")
    return {**again, "same_answers": same, "same_masks": equal}


def _segmented(
    session: Session, scene: Scene, out: Path, pivots: list[Pivot] | None = None
) -> Mapping[str, Any]:
    clip = draw(scene, scene.target, out / "drawn")
    done = session.segment(Job("clip", clip, queries([scene.target.text], pivots or ())), out / "run")
    scores = score_folders(out / "run/masks/0", out / "drawn/truth")["mean"]
    facts: dict[str, Any] = {
        "scores": {name: round(value, 4) for name, value in scores.items()},
        "seconds": done.timings,
    }
    if not pivots and session.card.asks:
        calls = read_calls(out / "run")
        facts["replies"] = [
            {"answer": one["answer"], "error": one["error"], "raw": one["raw"]} for one in calls
        ]
    if done.results[0].status != "ok":
        raise AlrefError(f"There is no mask for '{scene.target.text}'.", hint=f"Found: {facts}.")
    return facts


def _hears(session: Session) -> Mapping[str, Any]:
    scene = make_scene(*_SOUND)
    tags = session.engine.tagger.tags(scene.audio, 5)
    return {"sounding": scene.heard, "labels": {tag.name: round(tag.probability, 4) for tag in tags}}


def _aligns(session: Session) -> Mapping[str, Any]:
    scene = make_scene(*_SOUND)
    names = [*scene.heard, "silence"]
    alike = session.engine.aligner.similarity([scene.audio], names)[0]
    return {"cosines": dict(zip(names, np.round(alike.astype(float), 4).tolist(), strict=True))}


def _masks(run: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (run / "masks/0").glob("*.png")}


def _box(scene: Scene, frame: int) -> Box:
    rows, columns = np.nonzero(scene.masks(frame)[scene.target.referents[0]])
    return Box(*map(float, (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)))


def _gpus() -> list[str]:
    import torch

    with suppress(RuntimeError):
        return [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return []
