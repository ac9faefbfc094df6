"""What ``configs/*.yaml`` may say, as types; every difference between protocols is a named setting here.

Paper = arXiv 2408.15876, Implementation Details and Figure 5. "Released" = the authors' released code.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from alref_local.changes import WAYS, lay, ways

__all__ = [
    "Events",
    "Grounding",
    "Pivots",
    "Reasoning",
    "Sampling",
    "SecondLook",
    "Segmentation",
    "Settings",
    "Sound",
    "Strip",
]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_USUAL = {"seconds": 0.4, "balance": True, "max_clips": 16}


class Sampling(_Section):
    """How a video is divided into clips of ``frames`` sampled frames each.

    One of ``whole``, ``interval`` and ``seconds`` says where they lie. Of several the first of these counts (recorded
    configs may name more); if none does, it is ``seconds``, bounded, as in ``configs/default.yaml``.
    """

    frames: int = Field(5, ge=1, le=32, description="Sampled frames per clip (N).")
    interval: int | None = Field(None, ge=1, description="Frames between two samples (S).")
    seconds: float | None = Field(
        None,
        gt=0,
        description="The same in seconds. Setting one of interval, seconds, whole unsets the others.",
    )
    max_clips: int | None = Field(
        None, ge=1, description="Widen an interval in seconds until there are no more clips."
    )
    balance: bool = Field(
        False, description="Narrow an interval in seconds until all clips are about equally full."
    )
    drop_single: bool = Field(False, description="Skip a clip with one sampled frame, as released.")
    whole: bool = Field(
        False, description="The whole video is one clip, its frames spread evenly (the paper for sound)."
    )

    @model_validator(mode="before")
    @classmethod
    def _one_way(cls, said: Any) -> Any:
        if not isinstance(said, dict):
            return said
        if not (named := ways(said)):
            return _USUAL | {key: value for key, value in said.items() if value is not None}
        return {key: value for key, value in said.items() if key not in WAYS or key == named[0]}


class Strip(_Section):
    """How sampled frames are shown to the backend."""

    layout: Literal["horizontal", "vertical", "grid", "separate"] = "horizontal"
    panel: int = Field(500, ge=32, le=4096, description="Longer side of one panel in pixels; never enlarged.")
    quality: int = Field(90, ge=1, le=100, description="JPEG quality.")


class Grounding(_Section):
    """Candidate boxes (GroundingDINO)."""

    engine: str = "alref_local.perceive.grounding:GroundingDino"
    model: str = "IDEA-Research/grounding-dino-base"
    proposals: str | None = Field(
        None, description="A SAM 2 checkpoint whose masks are the candidates, for GlobalLocal."
    )
    box_threshold: float = Field(0.15, ge=0, le=1)
    text_threshold: float = Field(0.2, ge=0, le=1, description="For phrases; decides no box.")
    max_candidates: int = Field(3, ge=1, le=9)
    nms: float | None = Field(
        None, gt=0, le=1, description="Drop boxes that overlap a better one by more than this IoU."
    )
    order: Literal["score", "score_if_full"] = Field(
        "score",
        description="How candidates are numbered: best first, or so only where there are max_candidates, and else as "
        "the detector has them, as released for sound.",
    )


class Segmentation(_Section):
    """Mask tracks (SAM 2)."""

    engine: str = "alref_local.perceive.segmentation:Sam2"
    model: str = "facebook/sam2-hiera-large"
    prompt: Literal["box", "mask"] = Field(
        "box", description="Mask: the box is first turned into a mask on its frame, as released."
    )
    resize: Literal["bilinear", "bicubic"] = "bicubic"
    max_conditioning: int | None = Field(
        None,
        ge=2,
        description="Attend to this many nearest conditioning frames (SAM 2 needs one on each side).",
    )
    object_score: bool = Field(
        True, description="Empty the frames on which the model says the object is absent."
    )
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    compile: bool = Field(
        False,
        description="Compile the model at the start: a minute or two that pays on a GPU and many videos.",
    )


class Reasoning(_Section):
    """How the backend is asked."""

    prompts: str = Field("alref", description="A bundled prompt set or a folder.")
    box_prompt: str = Field("pivot_box", description="Prompt of the pivot-box question (Table 6 variants).")
    history: bool = Field(
        True, description="Hand the step-1 exchange to step 2 (the paper's prior knowledge)."
    )
    none_allowed: bool = Field(False, description="The pivot-box answer may be 'none of the boxes'.")
    ask_single: bool = Field(True, description="Ask for the pivot box even when there is one candidate.")
    repeat: int = Field(
        1,
        ge=1,
        le=99,
        description="How often each question is asked; what most of the answers say counts (self-consistency).",
    )


class Pivots(_Section):
    """How pivot frame and pivot box are chosen, and where propagation starts."""

    frame: Literal["reason", "first", "middle", "last"] = Field(
        "reason", description="Reason, or one fixed frame of the whole video (Table 5)."
    )
    box: Literal["reason", "best"] = Field(
        "reason", description="Reason, or the best-scoring candidate (Table 6)."
    )
    select: Literal["one", "many"] = Field(
        "one",
        description="How many candidates of a clip a sentence may mean; each is an object with its track.",
    )
    start: Literal["nearest_to_middle", "surviving_middle"] = Field(
        "nearest_to_middle",
        description="Pivot of the clip nearest to the middle clip, or the middle surviving pivot, as released.",
    )
    rescue: Literal["none", "first_frame_best_box"] = Field(
        "none",
        description="When no clip gives a pivot: nothing, or the best box of the first frame (of the fixed one, where "
        "frame fixes one), as released.",
    )
    rescue_box_threshold: float = Field(0.001, ge=0, le=1)
    rescue_text_threshold: float = Field(0.1, ge=0, le=1)


class SecondLook(_Section):
    """Whether the finished masks are shown to the backend again (not in the paper)."""

    looks: int = Field(
        0,
        ge=0,
        le=9,
        description="Most looks at one sentence's masks; 0 is off. What replaces the first was accepted: 1 only tells.",
    )
    frames: int = Field(5, ge=1, le=32, description="Frames shown, spread evenly over those with a mask.")


class Events(_Section):
    """Where one sound ends and another begins; what sounds is asked anew for each of them."""

    window: float = Field(
        1.0, ge=0.1, le=10, description="Seconds that are compared with as many before them."
    )
    steps: int = Field(1, ge=1, le=20, description="Places in a window where another sound may begin.")
    threshold: float = Field(
        0.5, ge=-1, lt=1, description="Cosine of the tagger's features below which another sound begins."
    )
    level: float | None = Field(
        None, gt=0, description="By how many dB louder or softer is another sound, too; null: however many."
    )
    known: str | None = Field(
        None,
        description="A JSON file of events that are known, {video: [[start, stop], ...]} in seconds; the rest is cut.",
    )


class Sound(_Section):
    """How what is heard becomes references (LBRU), where a sound is asked for."""

    engine: str = "alref_local.perceive.tagging:Beats"
    model: str | tuple[str, ...] = Field(
        "microsoft/BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2",
        description="A BEATs checkpoint; of several each names its own labels, as released.",
    )
    tags: int = Field(5, ge=1, le=20, description="Labels of the audio classifier that are kept (top-k).")
    min_probability: float = Field(0.0, ge=0, le=1, description="Labels below this are not kept.")
    window: float = Field(10.0, ge=1, le=60, description="Seconds that are listened to at a time, about.")
    max_windows: int | None = Field(
        None, ge=1, description="Join windows until there are no more questions than this; 1 as in the paper."
    )
    references: Literal["lbru", "tags"] = Field(
        "lbru", description="What the backend makes of labels and frames, or the bare labels (Table 4)."
    )
    vocabulary: str = Field(
        "open", description="Any name (open), a bundled list (avsbench), or a text file with a name a line."
    )
    closed: bool = Field(
        True,
        description="Whether other names than the vocabulary's are refused, or only unwelcome, as released.",
    )
    frame: bool = Field(
        False, description="Ask in the same question for the frame that shows each thing best, as released."
    )
    most: int = Field(5, ge=1, le=20, description="References of one video at most, the most often heard.")
    wording: str = Field("the {} that is making sound", description="A reference; {} is the category.")
    caption: str = Field("", description="What the grounder is given for it; empty: the reference itself.")
    both: str = Field(
        "{}, making a sound (heard: {heard})",
        description="What is asked where a sentence must hold too; {} is the sentence.",
    )
    aligner: str | None = Field(
        None, description="The audio-text model that says what sounds when; null: everything, throughout."
    )
    aligner_engine: str = "alref_local.perceive.alignment:load_aligner"
    called: dict[str, str] = Field(
        {},
        description="What the aligner is given for a thing's name, where that is something else, as released.",
    )
    events: Events = Events()
    silence: bool = Field(
        False, description="At times nothing may sound; without, as in the paper, something always does."
    )
    gate: float = Field(
        30.0,
        gt=0,
        description="With silence: dB below the loudest at which nothing sounds, whatever it is like.",
    )
    labels: Literal["none", "avsbench"] = Field(
        "none", description="Write maps of AVSBench-semantic's categories (AVSS) beside the masks."
    )

    @field_validator("wording", "caption", "both")
    @classmethod
    def _has_place(cls, text: str) -> str:
        if text.count("{}") != 1 and text:
            raise ValueError("it needs one {} for the category or the sentence")
        return text


class Settings(_Section):
    """One protocol: everything that decides what the masks are, apart from the backend."""

    name: str = "default"
    about: str = ""
    strategy: str = "alref_local.strategies.pivot:PivotStrategy"
    sampling: Sampling = Sampling()
    strip: Strip = Strip()
    grounding: Grounding = Grounding()
    segmentation: Segmentation = Segmentation()
    reasoning: Reasoning = Reasoning()
    pivots: Pivots = Pivots()
    second_look: SecondLook = SecondLook()
    sound: Sound = Sound()

    def overridden(self, changes: dict[str, Any]) -> Settings:
        """A validated copy with nested ``changes`` (``{"pivots": {"frame": "first"}}``) laid over it."""
        return Settings.model_validate(lay(self.model_dump(), changes))
