"""Apple silicon: one chip, one memory."""

from __future__ import annotations

import subprocess

from reelwright.machine.bandwidth import bandwidth_of
from reelwright.machine.formats import APPLE
from reelwright.machine.machine import GIB, Accelerator, Vendor

_TIMEOUT_S = 2.0
_LARGE = 36 * GIB


def cpu_brand() -> str:
    """The chip's name as macOS gives it, e.g. `Apple M3 Max`; empty if it cannot be asked."""
    try:
        done = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def apple_accelerator(chip: str, ram_bytes: int, ram_free_bytes: int) -> Accelerator:
    """The GPU of an Apple chip.

    Args:
        chip: Its name, e.g. `Apple M3 Max`.
        ram_bytes: The machine's memory.
        ram_free_bytes: What of it is free.

    Returns:
        The accelerator; its memory is what macOS lets the GPU have by default, two thirds of the
        whole up to 36 GB and three quarters above.
    """
    share = (3, 4) if ram_bytes > _LARGE else (2, 3)
    vram = ram_bytes * share[0] // share[1]
    return Accelerator(
        index=0,
        name=f"{chip or 'Apple silicon'} GPU",
        vendor=Vendor.APPLE,
        arch=APPLE.name,
        vram_bytes=vram,
        vram_free_bytes=min(vram, ram_free_bytes),
        bandwidth_bytes_s=bandwidth_of(chip),
        formats=APPLE.formats,
        product=APPLE.product,
        shares_ram=True,
    )
