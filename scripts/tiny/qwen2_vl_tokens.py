"""The tokenizer of the tiny Qwen2-VL, its chat form, and prompts as tokens."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from alref_local.media.strip import BOX_COLOUR_NAMES
from alref_local.world import CLASSES, COLOURS
from qwen2_vl_words import LABELS_TO_READ, wordings

SPECIALS: Final = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
    "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
VOCABULARY: Final = 960
CHAT_TEMPLATE: Final = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] in ('image', 'image_url') %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif 'text' in part %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_SPLIT: Final = (  # Qwen2's
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_HEAD: Final = "<|im_start|>user\n<|vision_start|>"
_TURN: Final = "<|im_end|>\n<|im_start|>assistant\n"
_WORLD: Final = """
small large objects all two three four five on in the left right at top bottom moving to up down that enters from
stays still of above below none The All Small Large ANSWER Reference Labels user assistant system
whole part no seen a b c d e f g h
"""


@cache
def build_tokenizer() -> Any:
    """Byte-level BPE with Qwen2's split and specials, in which each word of the prompts and the world is one token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(_SPLIT), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])  # fmt: skip
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(SPECIALS), min_frequency=1, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )  # fmt: skip
    tokenizer.train_from_iterator(_corpus(), trainer)
    tokenizer.add_special_tokens(list(SPECIALS))
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", model_max_length=32768,
        clean_up_tokenization_spaces=False, additional_special_tokens=list(SPECIALS[1:]),
    )  # fmt: skip
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped


def _corpus() -> list[str]:
    words = [
        *_WORLD.split(),
        *CLASSES,
        *(f"{c}s" for c in CLASSES),
        *COLOURS,
        *BOX_COLOUR_NAMES,
        "first",
        "none",
    ]
    spaced = "".join(f" {word}" for word in words)
    frames = [p.templates[step] for p in wordings() for step in p.templates]
    marked = "1st 2nd 3rd 4th one two three four objects are object is marked with colored boxes a an box (label 1),"
    replies = '1 car red small c4, 2 none.\nANSWER: [1, 3]\nANSWER: []\nANSWER: ["dog", "car"]'
    return [spaced, *words, *frames, marked, *LABELS_TO_READ, ", ".join(LABELS_TO_READ), replies] * 2


@cache
def encode(text: str) -> tuple[int, ...]:
    """Token ids of a piece of text."""
    return tuple(build_tokenizer().encode(text, add_special_tokens=False))


@cache
def digits() -> tuple[int, ...]:
    """Token ids of 0 to 9."""
    return tuple(encode(str(d))[0] for d in range(10))


HEAD_LENGTH: Final = len(encode(_HEAD))
"""Tokens before the image, the same in every prompt."""


def prompt_ids(text: str, cells: int) -> list[int]:
    """The tokens of a question whose image takes `cells` tokens, up to where the reply begins."""
    image = encode("<|image_pad|>") * cells
    return [*encode(_HEAD), *image, *encode(f"<|vision_end|>{text}{_TURN}")]
