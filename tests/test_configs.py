"""Configs are the protocols: a number that drifts here changes every figure compared with the paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from alref_local.configs import list_configs, load_config, parse_changes
from alref_local.errors import ConfigError
from alref_local.settings import Settings

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


@pytest.mark.parametrize(
    "text", ["{frames: 3}", "{}", "{interval: null}", "{seconds: null, max_clips: null}"]
)
def test_a_config_of_ones_own_is_bounded(tmp_path: Path, text: str) -> None:
    """A file that does not say where frames are sampled pays for every frame of the video."""
    path = tmp_path / "mine.yaml"
    path.write_text(f"sampling: {text}\n")
    sampling, usual = load_config(path).sampling, load_config("default").sampling
    assert sampling == usual.model_copy(update={"frames": sampling.frames})
    assert load_config("paper/mevis", parse_changes(["sampling.interval=null"])).sampling == usual


@pytest.mark.parametrize(
    ("name", "pair", "expected"),
    [
        ("paper/ref-davis17", "sampling.seconds=1", (False, None, 1.0)),
        ("paper/avs-s4", "sampling.seconds=1", (False, None, 1.0)),
        ("default", "sampling.interval=4", (False, 4, None)),
        ("default", "sampling.whole=true", (True, None, None)),
        ("default", "sampling.frames=3", (False, None, 0.4)),
    ],
)
def test_a_way_of_sampling_takes_the_place_of_another(
    name: str, pair: str, expected: tuple[bool, int | None, float | None]
) -> None:
    """`--set sampling.seconds=1` is ignored, because the config names an interval."""
    for settings in (
        load_config(name, parse_changes([pair])),
        load_config(name).overridden(parse_changes([pair])),
    ):
        sampling = settings.sampling
        assert (sampling.whole, sampling.interval, sampling.seconds) == expected


def test_two_ways_of_sampling_are_one_too_many() -> None:
    """One of two settings given together would be ignored."""
    with pytest.raises(
        ConfigError, match=r"sampling\.interval and sampling\.seconds cannot be set"
    ) as caught:
        load_config("default", parse_changes(["sampling.seconds=1", "sampling.interval=4"]))
    assert "--set sampling.interval=null" in caught.value.hint
    for off in ("sampling.seconds=null", "sampling.whole=false"):
        assert load_config("default", parse_changes([off, "sampling.interval=4"])).sampling.interval == 4


@pytest.mark.parametrize("name", list_configs())
def test_a_recorded_config_means_what_it_meant(tmp_path: Path, name: str) -> None:
    """The `config.yaml` of an earlier run, which may name two ways, cannot be read, or samples other frames."""
    settings = load_config(name)
    recorded = settings.model_dump(mode="json")
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(recorded))
    assert load_config(path) == settings
    recorded["sampling"] |= {"interval": 4, "seconds": 0.4}
    path.write_text(yaml.safe_dump(recorded))
    assert load_config(path).sampling.interval == (None if settings.sampling.whole else 4)
    assert Settings.model_validate(recorded) == load_config(path)


def test_unknown_name() -> None:
    """A mistyped name would not be told what there is."""
    with pytest.raises(ConfigError) as caught:
        load_config("paper/mevi")
    assert "paper/mevis" in caught.value.hint
