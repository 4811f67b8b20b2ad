"""LoRA files: low-rank changes to weights, fused when a weight is made ready.

The change is `strength * B @ A`. The official layout has no alpha, and nothing is divided by the
rank; other trainers' files have one, and there the change is scaled by alpha / rank. Keys name the
module under `diffusion_model.`, `model.diffusion_model.` or `transformer.` (diffusers' names, or
the official ones).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from reelwright.engine.checkpoints.component import DIFFUSION
from reelwright.engine.checkpoints.diffusers_names import TRANSFORMER, renamed
from reelwright.engine.storage.tensor_file import MappedFile
from reelwright.engine.storage.weights import LoraDelta
from reelwright.errors import CheckpointError

_HALVES = (
    (".lora_A.weight", ".lora_B.weight"),
    (".lora_A.default.weight", ".lora_B.default.weight"),
    (".lora_down.weight", ".lora_up.weight"),
    (".lora.down.weight", ".lora.up.weight"),
)
"""What each layout calls the two halves: towards the rank, and away from it."""

_ALPHA = ".alpha"

_PLAIN = ("model.diffusion_model.", "diffusion_model.", "base_model.model.")

_OTHER_KINDS = {
    ".lora_mid.": "LoCon",
    ".hada_": "LoHa",
    ".lokr_": "LoKr",
    ".dora_scale": "DoRA",
    ".lora_magnitude_vector": "DoRA",
    ".oft_": "OFT",
    ".glora_": "GLoRA",
}


@dataclass(frozen=True, slots=True)
class LoraMetadata:
    """What a LoRA file says of itself.

    Attributes:
        reference_downscale: How many times smaller the sides of an IC-LoRA's reference are than
            those of the film; None if it is no IC-LoRA or does not say.
        reference_temporal_scale: How many times fewer its reference's frames; None as before.
        words: Everything it says, as text by name.
    """

    reference_downscale: float | None
    reference_temporal_scale: float | None
    words: Mapping[str, str]


def lora_metadata(file: MappedFile) -> LoraMetadata:
    """Read what a LoRA file says of itself.

    Raises:
        CheckpointError: A scale of its reference is no positive number.
    """
    return LoraMetadata(
        _scale(file, "reference_downscale_factor"),
        _scale(file, "reference_temporal_scale_factor"),
        dict(file.metadata),
    )


def lora_deltas(file: MappedFile, strength: float) -> dict[str, LoraDelta]:
    """Read the changes of one LoRA file.

    Args:
        file: The open file.
        strength: Factor of every change.

    Returns:
        A change per weight, under the transformer's own names, e.g.
        `transformer_blocks.0.attn1.to_q.weight`.

    Raises:
        CheckpointError: A half is missing, the halves do not fit each other, or the file is of a
            kind of change that is not low-rank.
    """
    deltas: dict[str, LoraDelta] = {}
    used: set[str] = set()
    for name in file.entries:
        halves = next((pair for pair in _HALVES if name.endswith(pair)), None)
        if halves is None or name in used:
            continue
        module = name.removesuffix(halves[0]).removesuffix(halves[1])
        names = (module + halves[0], module + halves[1])
        for half in halves:
            if module + half not in file.entries:
                what = half.strip(".").removesuffix(".weight")
                raise _refuse(f"Its {what} half is missing.", file.path, name)
        target = _target(module, file)
        if target in deltas:
            raise _refuse("Its weight is changed twice.", file.path, name)
        deltas[target] = _delta(file, names, strength * _alpha_over_rank(file, module, names[0]))
        used |= {*names, module + _ALPHA}
    for name in file.entries:
        if name not in used:
            raise _refuse(_spare(name), file.path, name)
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


def _target(module: str, file: MappedFile) -> str:
    """The official name of the weight that a module of a LoRA changes."""
    if module.startswith("lora_"):
        raise _refuse(
            "Its keys are kohya's flattened ones, which do not tell where a name ends.",
            file.path,
            module,
        )
    if module.startswith("transformer."):
        official = renamed(TRANSFORMER, f"{module.removeprefix('transformer.')}.weight")
        return official.removeprefix(DIFFUSION)
    prefix = next((prefix for prefix in _PLAIN if module.startswith(prefix)), "")
    return f"{module.removeprefix(prefix)}.weight"


def _alpha_over_rank(file: MappedFile, module: str, down: str) -> float:
    """Factor of a change whose file has an alpha; 1 without."""
    name = module + _ALPHA
    if name not in file.entries:
        return 1.0
    alpha, rank = file.tensor(name), file.entry(down).shape[0]
    if alpha.numel() != 1 or not alpha.is_floating_point() or rank < 1:
        raise _refuse(
            f"Its alpha is {alpha.dtype} {list(alpha.shape)}, not a number.", file.path, name
        )
    return float(alpha) / rank


def _delta(file: MappedFile, names: tuple[str, str], strength: float) -> LoraDelta:
    for name in names:
        if file.entry(name).dtype not in ("F32", "F16", "BF16"):
            raise _refuse(f"It is stored as {file.entry(name).dtype}.", file.path, name)
    down, up = (file.tensor(name) for name in names)
    if down.ndim != 2 or up.ndim != 2 or down.shape[0] != up.shape[1]:
        raise _refuse(
            f"Its halves {list(down.shape)} and {list(up.shape)} do not fit each other.",
            file.path,
            names[0],
        )
    return LoraDelta(down, up, strength)


def _spare(name: str) -> str:
    if name.endswith((".diff", ".diff_b")):
        return "It is a full change beside the low-rank ones, which is not supported."
    for mark, kind in _OTHER_KINDS.items():
        if mark in name:
            return f"It is a part of {kind}, which is not supported."
    return "It is not a half of a LoRA."


def _scale(file: MappedFile, key: str) -> float | None:
    text = file.metadata.get(key)
    if text is None:
        return None
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0 < scale < float("inf"):
        raise _refuse(f"Its {key} is {text[:40]!r}, not a positive number.", file.path, key)
    return scale


def _refuse(what: str, path: Path, tensor: str) -> CheckpointError:
    return CheckpointError(
        f"The LoRA cannot be used. {what}",
        "Use a LoRA for LTX-2 in the official, ComfyUI's or diffusers' layout.",
        where=f"{path}: {tensor}",
        tensor=tensor,
    )
