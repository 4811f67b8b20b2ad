"""What this computer is, what others are, and what stands in the way of a film."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelwright.machine.doctor import Finding, State, examine, worst
    from reelwright.machine.machine import (
        GIB,
        Accelerator,
        Compute,
        Machine,
        Vendor,
        gigabytes,
    )
    from reelwright.machine.presets import preset, preset_names
    from reelwright.machine.probing import probe

__all__ = [
    "GIB",
    "Accelerator",
    "Compute",
    "Finding",
    "Machine",
    "State",
    "Vendor",
    "examine",
    "gigabytes",
    "preset",
    "preset_names",
    "probe",
    "worst",
]

_HOMES = {
    "doctor": ("Finding", "State", "examine", "worst"),
    "machine": ("GIB", "Accelerator", "Compute", "Machine", "Vendor", "gigabytes"),
    "presets": ("preset", "preset_names"),
    "probing": ("probe",),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
