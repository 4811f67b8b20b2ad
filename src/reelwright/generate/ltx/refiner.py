"""Opening the pixel refiner of a set of weights."""

from __future__ import annotations

from pathlib import Path

import torch

from reelwright.engine import Compute, PixelUpscaler, load_pixel_upscaler
from reelwright.generate.ltx.settings import Precision


def open_refiner(file: Path | None, device: str, precision: Precision) -> PixelUpscaler | None:
    """Open the refiner of a set of weights; None where it has none.

    Args:
        file: Its file.
        device: Where it computes.
        precision: What its products run in; `auto` is bfloat16 wherever that is fast, since what it
            adds to a picture is small.

    Raises:
        CheckpointError: The file cannot be read or is of something else.
    """
    if file is None:
        return None
    where = torch.device(device)
    compute = _quick(where) if precision == "auto" else Compute(precision)
    return load_pixel_upscaler(file, compute=compute, device=where)


def _quick(device: torch.device) -> Compute:
    """Measured on AVX512-BF16: half the time of float32 or less; emulated, many times slower."""
    if device.type != "cpu":
        return Compute.BFLOAT16
    able: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    has = any(able.get(name) for name in ("avx512_bf16", "amx_bf16", "arm_bf16"))
    return Compute.BFLOAT16 if has else Compute.FLOAT32
