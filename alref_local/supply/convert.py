"""Published .pt and .bin files, written anew as safetensors: a form that can hold no code, and loads faster."""

from __future__ import annotations

from pathlib import Path

from alref_local.errors import ConfigError
from alref_local.models.catalogue import Checkpoint
from alref_local.supply.copying import facts_of, writable
from alref_local.supply.meter import Meter

__all__ = ["converted"]


def converted(checkpoint: Checkpoint, folder: Path, meter: Meter) -> Checkpoint:
    """Rewrite the weights in ``folder``, whose files are the published ones, as the catalogue's ``convert`` says.

    Returns:
        The entry with the files that are there now.

    Raises:
        ConfigError: the file holds more than numbers and names, or is no such checkpoint, or does not fit itself.
    """
    if checkpoint.convert is None:
        return checkpoint
    published = [name for name in checkpoint.files if name.endswith((".pt", ".bin"))]
    if len(published) != 1:
        raise ConfigError(
            f"'{checkpoint.name}' has {len(published)} files to convert, and one is expected.",
            hint="Set convert to null in the catalogue if its weights are safetensors.",
        )
    old = folder / published[0]
    meter.begin(f"{checkpoint.name}: converting", 0)
    if checkpoint.convert == "beats":
        from alref_local.perceive.beats_files import read, write_folder

        held = read(old)
        held.model()  # raises if they do not fit
        write_folder(held, folder)
        made = {"config.json", "model.safetensors"}
    else:
        _write_tensors(old, folder / "model.safetensors")
        made = {"model.safetensors"}
    with writable(old):
        old.unlink()
    facts = {name: facts_of(folder / name) for name in sorted(made)}
    rest = {name: known for name, known in checkpoint.files.items() if name not in {*made, *published}}
    return checkpoint.model_copy(update={"convert": None, "files": rest | facts})


def _write_tensors(old: Path, new: Path) -> None:
    import torch
    from safetensors.torch import save_file

    from alref_local.perceive.loading import unpickled

    held = unpickled(old)
    if not isinstance(held, dict) or not all(isinstance(one, torch.Tensor) for one in held.values()):
        raise ConfigError(f"'{old}' does not hold tensors by name.", hint="Get the file again.")
    # Copies: tensors that share memory are refused.
    tensors = {str(name): tensor.clone().contiguous() for name, tensor in held.items()}
    with writable(new):
        save_file(tensors, new, metadata={"format": "pt"})
