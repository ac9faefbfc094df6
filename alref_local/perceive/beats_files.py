"""BEATs checkpoints: Microsoft's ``.pt`` files ``{cfg, model, label_dict}`` and this project's safetensors folders.

A folder holds ``config.json`` (``model_type: beats``, the sizes, and ``labels`` in the classifier's order) and
``model.safetensors`` with the tensors under Microsoft's names, in float32, float16 or bfloat16.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from alref_local.errors import ConfigError, PrerequisiteError
from alref_local.perceive.audioset import name_of
from alref_local.perceive.beats import BeatsConfig, BeatsModel
from alref_local.perceive.loading import check_family, unpickled

__all__ = ["BeatsCheckpoint", "read", "write_folder"]

_REPEATED = re.compile(r"encoder\.layers\.[1-9]\d*\.self_attn\.relative_attention_bias\.weight")
"""Microsoft's files hold the first layer's table again under every layer's name."""


@dataclass(frozen=True, slots=True)
class BeatsCheckpoint:
    """What a checkpoint holds: sizes, the name of each output of the classifier, tensors by name; and where it lies."""

    source: Path
    config: BeatsConfig
    labels: tuple[str, ...]
    tensors: Mapping[str, torch.Tensor]

    def model(self) -> BeatsModel:
        """The network, in float32 and evaluation mode, without gradients.

        Raises:
            ConfigError: the tensors or the labels do not fit the sizes.
        """
        try:
            if len(self.labels) != self.config.predictor_class:
                raise ValueError(f"{len(self.labels)} labels for {self.config.predictor_class} outputs")
            with torch.device("meta"):  # no time is spent on values that are replaced at once
                model = BeatsModel(self.config)
            # Copies: how a file lies in memory would show in the last digits.
            copies = {name: at.to(torch.float32, copy=True) for name, at in self.tensors.items()}
            model.load_state_dict(copies, assign=True)
        except (AttributeError, RuntimeError, TypeError, ValueError, ZeroDivisionError) as error:
            raise ConfigError(
                f"The weights in '{self.source}' do not fit their config.",
                hint="The files may be cut off or edited; download the checkpoint again.",
            ) from error
        model.eval().requires_grad_(False)
        return model


def read(source: Path) -> BeatsCheckpoint:
    """The checkpoint in a folder, or in a file of Microsoft's; code in the file is never run.

    Raises:
        PrerequisiteError: the folder lacks a file.
        ConfigError: it is no BEATs, one without a classifier, or damaged.
    """
    return _read_pt(source) if source.is_file() else _read_folder(source)


def write_folder(checkpoint: BeatsCheckpoint, folder: Path) -> None:
    """Write ``checkpoint`` as a safetensors folder, ``config.json`` last."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.contiguous() for name, tensor in checkpoint.tensors.items()}
    weights, config = folder / "model.safetensors", folder / "config.json"
    weights.with_suffix(".part").write_bytes(save(tensors, metadata={"format": "pt"}))
    weights.with_suffix(".part").replace(weights)
    told = {"model_type": "beats", **asdict(checkpoint.config), "labels": checkpoint.labels}
    config.with_suffix(".part").write_text(
        json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    config.with_suffix(".part").replace(config)


def _read_folder(folder: Path) -> BeatsCheckpoint:
    check_family(folder, "beats")
    if not (weights := folder / "model.safetensors").is_file():
        raise PrerequisiteError(
            f"The checkpoint folder '{folder}' holds no model.safetensors.",
            hint="Download the whole checkpoint again; `alref-local models install FILE` makes one of Microsoft's .pt.",
        )
    told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    try:
        config = BeatsConfig.of(told)
        return BeatsCheckpoint(folder, config, tuple(told["labels"]), load_file(weights))
    except (ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ConfigError(
            f"The checkpoint in '{folder}' cannot be loaded: {error}.",
            hint="The files may be cut off or edited; download the checkpoint again.",
        ) from error


def _read_pt(file: Path) -> BeatsCheckpoint:
    held = unpickled(file)
    if not (
        isinstance(held, dict) and isinstance(held.get("cfg"), dict) and isinstance(held.get("model"), dict)
    ):
        raise ConfigError(
            f"'{file}' is not a BEATs checkpoint: it does not hold cfg and model.",
            hint="Microsoft's files are named like BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2.pt.",
        )
    labels = held.get("label_dict")
    if not isinstance(labels, dict) or "predictor.weight" not in held["model"]:
        raise ConfigError(
            f"'{file}' has no classifier: it is self-supervised only, and cannot name a sound.",
            hint="Take a file with 'finetuned' in its name.",
        )
    try:
        config = BeatsConfig.of(held["cfg"])
        names = tuple(name_of(labels[index]) for index in range(len(labels)))
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"'{file}' is a BEATs that cannot be read here: {error}.",
            hint="Microsoft's fine-tuned checkpoints of iterations 1 to 3+ can.",
        ) from error
    tensors = {name: tensor for name, tensor in held["model"].items() if not _REPEATED.fullmatch(name)}
    return BeatsCheckpoint(file, config, names, tensors)
