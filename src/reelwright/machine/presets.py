"""Machines that people have, for "what would it do on ...": `plan --machine rtx4060`.

Sizes and bandwidths are the makers' public specifications; main memory and processor are what
such a machine usually comes with. Memory is given as the driver reports it, free memory as it is
with a desktop running (none on a server).
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from reelwright.errors import SettingError
from reelwright.machine.apple import apple_accelerator
from reelwright.machine.bandwidth import GB, bandwidth_of
from reelwright.machine.formats import (
    APPLE,
    UNKNOWN,
    Architecture,
    amd_architecture,
    nvidia_architecture,
)
from reelwright.machine.machine import GIB, Accelerator, Machine, Vendor

_MIB = 1024**2
_DESKTOP_BYTES = 700 * _MIB
_SYSTEM_BYTES = 3 * GIB
_DISK_BYTES = 500 * GB


@dataclass(frozen=True, slots=True)
class _Preset:
    """What is specified; the rest follows."""

    gpu: str
    vram_mib: int
    arch: Architecture
    cpu: str
    threads: int
    ram_gib: int
    ram_gb_s: int
    vendor: Vendor = Vendor.NVIDIA
    capability: tuple[int, int] | None = None
    system: str = "Linux x86_64"
    server: bool = False


def _nvidia(
    gpu: str,
    vram_mib: int,
    capability: tuple[int, int],
    host: tuple[str, int, int, int],
    *,
    system: str = "Linux x86_64",
    server: bool = False,
) -> _Preset:
    """An NVIDIA machine; `host` is processor, threads, memory in GiB and its bandwidth in GB/s."""
    arch = nvidia_architecture(capability)
    return _Preset(gpu, vram_mib, arch, *host, Vendor.NVIDIA, capability, system, server)


_DDR4, _DDR5 = 51, 83
_PRESETS: dict[str, _Preset] = {
    "rtx3060-12gb": _nvidia("RTX 3060", 12288, (8, 6), ("6-core desktop", 12, 32, _DDR4)),
    "rtx3090": _nvidia("RTX 3090", 24576, (8, 6), ("8-core desktop", 16, 64, _DDR4)),
    "rtx4060": _nvidia("RTX 4060", 8188, (8, 9), ("6-core desktop", 12, 32, _DDR5)),
    "rtx4060-laptop": _nvidia(
        "RTX 4060 Laptop GPU", 8188, (8, 9), ("8-core laptop", 16, 16, _DDR5)
    ),
    "rtx4070": _nvidia("RTX 4070", 12282, (8, 9), ("8-core desktop", 16, 32, _DDR5)),
    "rtx4080": _nvidia("RTX 4080", 16376, (8, 9), ("8-core desktop", 16, 32, _DDR5)),
    "rtx4090": _nvidia("RTX 4090", 24564, (8, 9), ("16-core desktop", 32, 64, _DDR5)),
    "rtx5070ti": _nvidia("RTX 5070 Ti", 16303, (12, 0), ("8-core desktop", 16, 32, _DDR5)),
    "rtx5090": _nvidia("RTX 5090", 32607, (12, 0), ("16-core desktop", 32, 64, _DDR5)),
    "dgx-spark": _nvidia(
        "GB10", 0, (12, 1), ("20-core Grace", 20, 119, 273), system="Linux aarch64"
    ),
    "l40s": _nvidia("L40S", 46068, (8, 9), ("server", 16, 128, 300), server=True),
    "a100": _nvidia("A100-SXM4-80GB", 81920, (8, 0), ("server", 16, 128, 200), server=True),
    "h100": _nvidia("H100 80GB HBM3", 81559, (9, 0), ("server", 16, 128, 300), server=True),
    "h200": _nvidia("H200", 143771, (9, 0), ("server", 16, 192, 300), server=True),
    "b200": _nvidia("B200", 183359, (10, 0), ("server", 16, 192, 400), server=True),
    "m3-max-64": _Preset(
        "Apple M3 Max GPU", 0, APPLE, "Apple M3 Max", 16, 64, 400, Vendor.APPLE,
        system="Darwin arm64",
    ),
    "m4-16": _Preset(
        "Apple M4 GPU", 0, APPLE, "Apple M4", 10, 16, 120, Vendor.APPLE, system="Darwin arm64"
    ),
    "rx7900xtx": _Preset(
        "Radeon RX 7900 XTX", 24560, amd_architecture("gfx1100"), "8-core desktop", 16, 32, _DDR5,
        Vendor.AMD,
    ),
    "cpu-laptop-16gb": _Preset("", 0, UNKNOWN, "4-core laptop", 8, 16, _DDR4),
    "cpu-desktop-32gb": _Preset("", 0, UNKNOWN, "8-core desktop", 16, 32, _DDR5),
}  # fmt: skip
_ALIASES = {
    "rtx3060": "rtx3060-12gb",
    "spark": "dgx-spark",
    "gb10": "dgx-spark",
    "m3max": "m3-max-64",
    "7900xtx": "rx7900xtx",
    "cpu": "cpu-laptop-16gb",
    "laptop": "cpu-laptop-16gb",
}


def preset_names() -> tuple[str, ...]:
    """Every known machine, in the order of the table."""
    return tuple(_PRESETS)


def preset(name: str) -> Machine:
    """A known machine.

    Args:
        name: One of `preset_names`, or a usual short form; case and spaces do not matter.

    Raises:
        SettingError: There is no such machine; the mend names the nearest.
    """
    key = name.strip().lower().replace(" ", "").replace("_", "-")
    key = _ALIASES.get(key, key)
    if key not in _PRESETS:
        near = get_close_matches(key, [*_PRESETS, *_ALIASES], n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise SettingError(
            f'No machine is known as "{name}".',
            f"{hint}Use one of {', '.join(_PRESETS)}.",
            where="machine",
        )
    return _machine(key, _PRESETS[key])


def _machine(name: str, spec: _Preset) -> Machine:
    ram = spec.ram_gib * GIB
    ram_free = ram - _SYSTEM_BYTES
    accelerators = tuple(_accelerator(spec, ram, ram_free) for _ in range(bool(spec.gpu)))
    return Machine(
        name=name,
        system=spec.system,
        cpu=spec.cpu,
        cpu_threads=spec.threads,
        ram_bytes=ram,
        ram_free_bytes=ram_free,
        unified=any(each.shares_ram for each in accelerators),
        accelerators=accelerators,
        disk_free_bytes=_DISK_BYTES,
        disk_path="",
        ram_bandwidth_bytes_s=spec.ram_gb_s * GB,
        preset=True,
    )


def _accelerator(spec: _Preset, ram: int, ram_free: int) -> Accelerator:
    total, free = spec.vram_mib * _MIB, spec.vram_mib * _MIB
    if spec.vendor is Vendor.APPLE:
        return apple_accelerator(spec.cpu, ram, ram_free)
    if spec.arch.unified:
        total, free = ram, ram_free
    elif not spec.server:
        free -= _DESKTOP_BYTES
    return Accelerator(
        index=0,
        name=spec.gpu,
        vendor=spec.vendor,
        arch=spec.arch.name,
        compute_capability=spec.capability,
        vram_bytes=total,
        vram_free_bytes=free,
        bandwidth_bytes_s=bandwidth_of(spec.gpu),
        formats=spec.arch.formats,
        product=spec.arch.product,
        shares_ram=spec.arch.unified,
    )
