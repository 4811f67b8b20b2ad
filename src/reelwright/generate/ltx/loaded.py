"""A set of weights, opened: what it computes in, and how its blocks are kept.

The set that was used last stays open, so that the shots of a film share one model: its files are
mapped, and the part that the last stage used is still ready. `release` lets it go.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch

from reelwright.engine import RESIDENT, Checkpoint, Compute, Models, Residency
from reelwright.engine.storage.tensor_file import MappedFile
from reelwright.generate.ltx.settings import Precision
from reelwright.models import WeightSet
from reelwright.models.weight_set import expanded

SMALL_BYTES = 1_000_000_000
"""Weights below this compute in float32 on a CPU, and all of their parts are kept."""

FREE_SHARE = 0.6
"""Of the accelerator's free memory that weights may fill; the rest is for what they compute."""

RING_SLOTS = 2
"""Blocks ready at a time where the weights do not fit: one runs while the next one arrives."""

_GGUF_GROWTH = 4
"""How much larger than its file a language model in GGUF is in 16 bits (Q4)."""


@dataclass(frozen=True, slots=True)
class _Key:
    """What an open model is told by: a file that was changed is another one."""

    files: tuple[tuple[Path, int, int], ...]
    compute: Compute
    device: str


_open: dict[_Key, Models] = {}


def open_models(weights: WeightSet, device: str, precision: Precision = "auto") -> Models:
    """Open a set of weights, or take the one that is open.

    Args:
        weights: The set.
        device: Where it computes, e.g. `cpu` or `cuda:0`.
        precision: What its products run in.

    Raises:
        InputError: A file is missing.
        CheckpointError: A file cannot be read or is of another model.
    """
    compute = compute_for(weights, device, precision)
    paths = (*weights.checkpoint, *((weights.upsampler,) if weights.upsampler else ()))
    key = _Key(tuple(_mark(file) for path in paths for file in expanded(path)), compute, device)
    if key not in _open:
        release()
        _open[key] = _opened(weights, torch.device(device), compute)
    return _open[key]


def release() -> None:
    """Let the open model go, and the memory that its parts take."""
    for models in _open.values():
        models.release()
    _open.clear()


def compute_for(weights: WeightSet, device: str, precision: Precision) -> Compute:
    """What products run in.

    Args:
        weights: The set.
        device: Where it computes.
        precision: What was asked.
    """
    if precision != "auto":
        return Compute(precision)
    small = _file_bytes(weights.checkpoint) < SMALL_BYTES
    return Compute.FLOAT32 if small and torch.device(device).type == "cpu" else Compute.BFLOAT16


def encoder_residency(weights: WeightSet, device: str, compute: Compute) -> Residency:
    """How the layers of the text encoder are kept.

    Args:
        weights: The set.
        device: Where it computes.
        compute: What its products run in.
    """
    inside = weights.text_encoder / "text_encoder"  # of a pipeline's folder
    home = inside if inside.is_dir() else weights.text_encoder
    growth = _GGUF_GROWTH if home.suffix == ".gguf" else compute.dtype.itemsize // 2
    return residency(_file_bytes((home,)) * growth, torch.device(device))


def residency(nbytes: int, device: torch.device) -> Residency:
    """All blocks ready where they fit, else a ring of a few.

    On a CPU weights are views of their files as long as they compute in what they are stored in,
    and the page cache keeps what fits.

    Args:
        nbytes: Of the weights, ready.
        device: Where they compute.
    """
    if device.type != "cuda":
        return RESIDENT
    free, _ = torch.cuda.mem_get_info(device)
    return RESIDENT if nbytes <= FREE_SHARE * free else Residency(RING_SLOTS)


def _mark(file: Path) -> tuple[Path, int, int]:
    facts = file.stat()
    return file, facts.st_mtime_ns, facts.st_size


def _opened(weights: WeightSet, device: torch.device, compute: Compute) -> Models:
    checkpoint = Checkpoint.open(*weights.checkpoint)
    upsampler = None if weights.upsampler is None else Checkpoint.open(weights.upsampler)
    nbytes = sum(_ready_bytes(file, compute) for file in checkpoint.files)
    return Models(
        checkpoint,
        upsampler,
        compute=compute,
        device=device,
        residency=residency(nbytes, device),
        keep_all=nbytes < SMALL_BYTES,
    )


def _ready_bytes(file: MappedFile, compute: Compute) -> int:
    """What a file's weights take once they are ready; those of four bits lie two to a byte."""
    count = sum(
        prod(entry.shape) * (2 if entry.dtype == "U8" else 1) for entry in file.entries.values()
    )
    return count * compute.dtype.itemsize


def _file_bytes(paths: tuple[Path, ...]) -> int:
    return sum(file.stat().st_size for path in paths for file in expanded(path))
