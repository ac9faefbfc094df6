"""Configs are the protocols: a number that drifts here changes every figure compared with the paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from alref_local.configs import list_configs, load_config, parse_changes
from alref_local.errors import ConfigError

PAPER = {"ref-youtube-vos": 2, "ref-davis17": 5, "mevis": 5}


@pytest.mark.parametrize(("dataset", "interval"), PAPER.items())
def test_paper_numbers(dataset: str, interval: int) -> None:
    """`paper/*` would no longer be the paper's Implementation Details."""
    settings = load_config(f"paper/{dataset}")
    assert (settings.sampling.frames, settings.sampling.interval) == (5, interval)
    assert (settings.grounding.text_threshold, settings.grounding.box_threshold) == (0.2, 0.15)
    assert settings.grounding.max_candidates == 3
    assert settings.grounding.nms is None
    assert settings.grounding.model == "IDEA-Research/grounding-dino-base"
    assert settings.segmentation.model == "facebook/sam2-hiera-large"
    assert settings.segmentation.prompt == "box"
    assert settings.reasoning.prompts == "paper"
    assert settings.reasoning.history
    assert settings.pivots.start == "nearest_to_middle"


def test_what_is_not_the_papers_is_said() -> None:
    """Figures of `paper/mevis`, which asks for all boxes, are taken for those of the paper's single number."""
    about = load_config("paper/mevis").about
    pairs = [word.rstrip(".") for word in about.split() if "=" in word]
    single = load_config("paper/mevis", parse_changes(pairs))
    assert about.count("--set") == len(pairs) == 2
    assert (single.pivots.select, single.reasoning.box_prompt) == ("one", "pivot_box")


@pytest.mark.parametrize("dataset", PAPER)
def test_released_code(dataset: str) -> None:
    """`released-like/*` would no longer be the released code's defaults."""
    settings = load_config(f"released-like/{dataset}")
    assert (settings.sampling.frames, settings.sampling.interval, settings.sampling.drop_single) == (
        5,
        10,
        True,
    )
    assert (settings.grounding.text_threshold, settings.grounding.box_threshold) == (0.2, 0.25)
    assert settings.segmentation.prompt == "mask"
    assert settings.reasoning.prompts == "released"
    assert not settings.reasoning.history
    assert settings.reasoning.none_allowed
    assert settings.pivots.start == "surviving_middle"
    assert settings.pivots.rescue == "first_frame_best_box"
    assert settings.pivots.rescue_box_threshold == (0.1 if dataset == "ref-davis17" else 0.001)
    assert settings.pivots.rescue_text_threshold == 0.1


AVS = {"avs-s4": 5, "avs-ms3": 5, "avs-avss": 10, "avs-v2-binary": 10}


@pytest.mark.parametrize(("subset", "frames"), AVS.items())
def test_paper_numbers_for_sound(subset: str, frames: int) -> None:
    """`paper/avs-*` would no longer be the paper's Implementation Details and Figure 5(a)."""
    settings = load_config(f"paper/{subset}")
    assert (settings.sampling.frames, settings.sampling.whole, settings.sound.max_windows) == (
        frames,
        True,
        1,
    )
    assert (settings.grounding.text_threshold, settings.grounding.box_threshold) == (0.25, 0.25)
    assert settings.segmentation.prompt == "box"
    assert (settings.reasoning.prompts, settings.reasoning.box_prompt) == ("paper", "pivot_box_sound")
    assert settings.reasoning.history
    sound = settings.sound
    assert (sound.references, sound.tags, sound.min_probability, sound.vocabulary) == ("lbru", 5, 0, "open")
    assert (sound.wording, sound.caption, sound.frame) == ("the {} that is making sound", "", False)


@pytest.mark.parametrize(("subset", "frames"), AVS.items())
def test_released_code_for_sound(subset: str, frames: int) -> None:
    """`released-like/avs-*` would no longer be what the released code does."""
    settings = load_config(f"released-like/{subset}")
    assert (settings.sampling.frames, settings.sampling.whole, settings.sound.max_windows) == (
        frames,
        True,
        1,
    )
    assert (settings.grounding.text_threshold, settings.grounding.box_threshold) == (0.25, 0.25)
    assert settings.segmentation.prompt == "mask"
    assert (settings.reasoning.history, settings.reasoning.ask_single) == (False, False)
    assert settings.pivots.rescue == "none"
    sound = settings.sound
    assert (sound.frame, sound.vocabulary, sound.caption) == (True, "avsbench", "{}")
    assert isinstance(sound.model, str) == (subset == "avs-s4")
    assert (sound.most == 1) == (subset == "avs-s4")


def test_default_bounds_long_videos() -> None:
    """A long video would cost without bound, or a missing target would be invented."""
    settings = load_config("default")
    assert settings.sampling.seconds is not None
    assert settings.sampling.max_clips == 16
    assert settings.sound.max_windows == 16
    assert settings.segmentation.max_conditioning == 8
    assert settings.reasoning.none_allowed
    assert settings.pivots.rescue == "none"


@pytest.mark.parametrize("name", list_configs())
def test_bundled_configs_name_themselves(name: str) -> None:
    """A run folder would say that it followed another protocol."""
    settings = load_config(name)
    assert settings.name == name
    assert settings.about


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        (["pivots.frame=first"], {"pivots": {"frame": "first"}}),
        (["a.b=1", "a.c=2.5", "d=null"], {"a": {"b": 1, "c": 2.5}, "d": None}),
        (["a.b=true"], {"a": {"b": True}}),
        (["a=x=y"], {"a": "x=y"}),
    ],
)
def test_changes(pairs: list[str], expected: dict[str, Any]) -> None:
    """`--set` would set something else than it says."""
    assert parse_changes(pairs) == expected


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        (["pivots"], "'pivots' is not a setting"),
        (["=3"], "'=3' is not a setting"),
        (["a=[1"], "cannot be read"),
    ],
)
def test_bad_pairs(pairs: list[str], says: str) -> None:
    """A typo in `--set` would end in a traceback."""
    with pytest.raises(ConfigError, match=says):
        parse_changes(pairs)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"pivots": {"frame": "best"}}, "'pivots.frame' is wrong"),
        ({"pivot": {}}, "'pivot' is wrong"),
        ({"sampling": {"frames": 0}}, "'sampling.frames' is wrong"),
        ({"grounding": "dino"}, "'grounding' is wrong"),
    ],
)
def test_wrong_settings(change: dict[str, Any], says: str) -> None:
    """A wrong setting would be ignored, or end in a traceback."""
    with pytest.raises(ConfigError, match=says):
        load_config("default", change)


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [1", "\x00"])
def test_broken_files(tmp_path: Path, text: str) -> None:
    """A broken config file would end in a traceback."""
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError):
        load_config(path)


def test_own_file(tmp_path: Path) -> None:
    """A person's own config could not be used."""
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nsampling: {frames: 3}\n")
    assert load_config(path).sampling.frames == 3


def test_unknown_name() -> None:
    """A mistyped name would not be told what there is."""
    with pytest.raises(ConfigError) as caught:
        load_config("paper/mevi")
    assert "paper/mevis" in caught.value.hint
