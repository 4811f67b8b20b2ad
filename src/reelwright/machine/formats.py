"""Which products an accelerator runs at full speed, by its architecture.

From the makers' public specifications. The last column is what a plan uses unless asked: on
consumer Ampere and Ada INT8 has twice the rate of FP8 with fp32 accumulation, on Hopper FP8 has
the rate and the range, from Blackwell on NVFP4 does.
"""

from __future__ import annotations

from dataclasses import dataclass

from reelwright.machine.machine import Compute

FP32, FP16, BF16 = Compute.FP32, Compute.FP16, Compute.BF16
INT8, FP8, NVFP4 = Compute.INT8, Compute.FP8, Compute.NVFP4


@dataclass(frozen=True, slots=True)
class Architecture:
    """A family of accelerators.

    Attributes:
        name: Its name, lower case.
        formats: What it multiplies at full hardware speed, slowest first.
        product: What a plan uses unless asked otherwise.
        unified: It shares the CPU's memory.
    """

    name: str
    formats: tuple[Compute, ...]
    product: Compute
    unified: bool = False


UNKNOWN = Architecture("", (FP32,), FP32)

_AMPERE = (FP32, FP16, BF16, INT8)
_ADA = (*_AMPERE, FP8)
_BLACKWELL = (*_ADA, NVFP4)
_NVIDIA = {
    (5, 0): Architecture("maxwell", (FP32,), FP32),
    (6, 0): Architecture("pascal", (FP32, FP16), FP16),
    (6, 1): Architecture("pascal", (FP32, INT8), FP32),
    (7, 0): Architecture("volta", (FP32, FP16), FP16),
    (7, 5): Architecture("turing", (FP32, FP16, INT8), FP16),
    (8, 0): Architecture("ampere", _AMPERE, INT8),
    (8, 6): Architecture("ampere", _AMPERE, INT8),
    (8, 7): Architecture("ampere", _AMPERE, INT8, unified=True),
    (8, 9): Architecture("ada", _ADA, INT8),
    (9, 0): Architecture("hopper", _ADA, FP8),
    (10, 0): Architecture("blackwell", _BLACKWELL, NVFP4),
    # Blackwell Ultra gave its INT8 units up for FP4.
    (10, 3): Architecture("blackwell", (FP32, FP16, BF16, FP8, NVFP4), NVFP4),
    (11, 0): Architecture("blackwell", _BLACKWELL, NVFP4, unified=True),
    (12, 0): Architecture("blackwell", _BLACKWELL, NVFP4),
    (12, 1): Architecture("blackwell", _BLACKWELL, NVFP4, unified=True),
}
_AMD = {
    "gfx906": Architecture("vega20", (FP32, FP16), FP16),
    "gfx908": Architecture("cdna", (FP32, FP16, BF16, INT8), BF16),
    "gfx90a": Architecture("cdna2", (FP32, FP16, BF16, INT8), BF16),
    "gfx942": Architecture("cdna3", (FP32, FP16, BF16, INT8, FP8), BF16),
    "gfx950": Architecture("cdna4", (FP32, FP16, BF16, INT8, FP8), BF16),
    "gfx103": Architecture("rdna2", (FP32, FP16), FP16),
    "gfx110": Architecture("rdna3", (FP32, FP16, BF16, INT8), BF16),
    "gfx1103": Architecture("rdna3", (FP32, FP16, BF16, INT8), BF16, unified=True),
    "gfx1150": Architecture("rdna3.5", (FP32, FP16, BF16, INT8), BF16, unified=True),
    "gfx1151": Architecture("rdna3.5", (FP32, FP16, BF16, INT8), BF16, unified=True),
    "gfx120": Architecture("rdna4", (FP32, FP16, BF16, INT8, FP8), BF16),
}
APPLE = Architecture("apple", (FP32, FP16, BF16), BF16, unified=True)
INTEL = Architecture("xe", (FP32, FP16, BF16, INT8), BF16)


def nvidia_architecture(capability: tuple[int, int] | None) -> Architecture:
    """The architecture of a CUDA compute capability; a minor step keeps what came before it.

    A newer major one than the table knows is taken for the newest that it knows.
    """
    if capability is None:
        return UNKNOWN
    older = [known for known in _NVIDIA if known <= capability]
    return _NVIDIA[max(older)] if older else UNKNOWN


def amd_architecture(gfx: str) -> Architecture:
    """The architecture of an AMD target such as `gfx1100`: the longest name that it begins with."""
    known = [name for name in _AMD if gfx.startswith(name)]
    return _AMD[max(known, key=len)] if known else UNKNOWN
