"""LoRA files: low-rank changes to weights, fused when a weight is made ready.

The change is `strength * B @ A`; there is no alpha, and nothing is divided by the rank. Keys name
the module under `diffusion_model.`, some tools write `model.diffusion_model.` before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from reelwright.engine.tensor_file import MappedFile
from reelwright.engine.weights import LoraDelta
from reelwright.errors import CheckpointError

_DOWN, _UP = ".lora_A.weight", ".lora_B.weight"


def lora_deltas(file: MappedFile, strength: float) -> dict[str, LoraDelta]:
    """Read the changes of one LoRA file.

    Args:
        file: The open file.
        strength: Factor of every change.

    Returns:
        A change per weight, under the transformer's own names, e.g.
        `transformer_blocks.0.attn1.to_q.weight`.

    Raises:
        CheckpointError: A half is missing, or the halves do not fit each other.
    """
    deltas: dict[str, LoraDelta] = {}
    for name in file.entries:
        if name.endswith(_UP) and name.removesuffix(_UP) + _DOWN not in file.entries:
            raise _refuse("Its lora_A half is missing.", file.path, name)
        if not name.endswith((_UP, _DOWN)):
            raise _refuse("It is not a half of a LoRA.", file.path, name)
        if name.endswith(_DOWN):
            deltas[_target(name.removesuffix(_DOWN))] = _delta(file, name, strength)
    return deltas


def stack_loras(
    loras: Iterable[tuple[MappedFile, float]],
) -> Mapping[str, Sequence[LoraDelta]]:
    """Gather the changes of several LoRA files, in order; those of strength 0 are left out."""
    stack: dict[str, list[LoraDelta]] = {}
    for file, strength in loras:
        if strength:
            for name, delta in lora_deltas(file, strength).items():
                stack.setdefault(name, []).append(delta)
    return stack


def fuse_rounded(
    weight: Float[Tensor, "O I"], deltas: Sequence[LoraDelta], dtype: torch.dtype
) -> Float[Tensor, "O I"]:
    """Fuse as the reference does into a checkpoint of low precision.

    Each factor, the change after each LoRA and the sum are rounded to `dtype`; for comparison with
    it. Our own fusion rounds once.

    Args:
        weight: Of type `dtype`.
        deltas: Changes, in order.
        dtype: Type that everything is rounded to.
    """
    change = torch.zeros_like(weight, dtype=dtype)
    for delta in deltas:
        up, down = (delta.up.to(dtype) * delta.strength).to(dtype), delta.down.to(dtype)
        change = torch.addmm(change, up, down)
    return weight.to(dtype) + change


def _target(module: str) -> str:
    return module.removeprefix("model.").removeprefix("diffusion_model.") + ".weight"


def _delta(file: MappedFile, name: str, strength: float) -> LoraDelta:
    other = name.removesuffix(_DOWN) + _UP
    if other not in file.entries:
        raise _refuse("Its lora_B half is missing.", file.path, name)
    down, up = file.tensor(name), file.tensor(other)
    if down.ndim != 2 or up.ndim != 2 or down.shape[0] != up.shape[1]:
        raise _refuse(
            f"Its halves {list(down.shape)} and {list(up.shape)} do not fit each other.",
            file.path,
            name,
        )
    return LoraDelta(down, up, strength)


def _refuse(what: str, path: Path, tensor: str) -> CheckpointError:
    return CheckpointError(
        f"The LoRA cannot be used. {what}",
        "Use a LoRA for LTX-2 in the official or ComfyUI's layout.",
        where=f"{path}: {tensor}",
        tensor=tensor,
    )
