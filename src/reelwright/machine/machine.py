"""What a computer is: the typed answer that every plan starts from.

Bytes are bytes and bandwidth is bytes per second, everywhere. What could not be learnt is None or
empty, never a guess: a plan treats the unknown as absent and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from reelwright.errors import InputError

GIB = 1024**3
"""Bytes of a gibibyte."""


class Vendor(StrEnum):
    """Who made an accelerator, and so how torch reaches it."""

    NVIDIA = "nvidia"
    AMD = "amd"
    APPLE = "apple"
    INTEL = "intel"


class Compute(StrEnum):
    """What a product of two matrices can run in."""

    FP32 = "fp32"
    FP16 = "fp16"
    BF16 = "bf16"
    INT8 = "int8"
    FP8 = "fp8"
    NVFP4 = "nvfp4"


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One device that is faster than the CPU.

    Attributes:
        index: Its number among the devices of its vendor, as torch counts them.
        name: As its driver names it.
        vendor: Who made it.
        arch: Family, e.g. `ada`, `hopper`, `rdna3`; empty if unknown.
        compute_capability: Major and minor, NVIDIA alone.
        vram_bytes: Its own memory; on a unified machine the memory it shares. None if unknown.
        vram_free_bytes: What of it was free when asked; None if unknown.
        bandwidth_bytes_s: Memory bandwidth from public specifications; None if unknown.
        formats: What it multiplies at full hardware speed, slowest first.
        product: What a plan uses unless asked otherwise.
        driver: Version of its driver; empty if unknown.
        shares_ram: It has no memory of its own and uses the CPU's.
    """

    index: int
    name: str
    vendor: Vendor
    arch: str = ""
    compute_capability: tuple[int, int] | None = None
    vram_bytes: int | None = None
    vram_free_bytes: int | None = None
    bandwidth_bytes_s: int | None = None
    formats: tuple[Compute, ...] = ()
    product: Compute = Compute.FP32
    driver: str = ""
    shares_ram: bool = False

    @property
    def device(self) -> str:
        """Name of the torch device: `cuda:0` (ROCm too), `xpu:0` or `mps`."""
        if self.vendor is Vendor.APPLE:
            return "mps"
        kind = "xpu" if self.vendor is Vendor.INTEL else "cuda"
        return f"{kind}:{self.index}"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, every field."""
        facts = asdict(self)
        facts["compute_capability"] = (
            list(self.compute_capability) if self.compute_capability else None
        )
        facts["formats"] = [str(compute) for compute in self.formats]
        facts["vendor"], facts["product"] = str(self.vendor), str(self.product)
        return facts

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Accelerator:
        """The reverse of `to_json`."""
        values = dict(facts)
        capability = values.get("compute_capability")
        values["compute_capability"] = tuple(capability) if capability else None
        values["formats"] = tuple(Compute(name) for name in values.get("formats", ()))
        values["vendor"] = Vendor(values["vendor"])
        values["product"] = Compute(values.get("product", Compute.FP32))
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Machine:
    """A computer, as far as a plan needs to know it.

    Attributes:
        name: Host name, or the preset's name.
        system: Operating system and architecture, e.g. `Linux x86_64`.
        cpu: The processor's name.
        cpu_threads: Threads that this process may use at once (affinity and quota respected).
        ram_bytes: Memory that this process may use (container limits respected).
        ram_free_bytes: What of it is free or can be freed without swapping.
        unified: CPU and accelerators share one memory: one budget for all.
        accelerators: Fastest kind first, then by index.
        disk_free_bytes: Free space where the project lies.
        disk_path: The folder that was asked about.
        ram_bandwidth_bytes_s: Main memory's bandwidth; known of presets alone.
        preset: Whether this is a known machine for "what if" and not this one.
        notes: What a person should know about how this was found out.
    """

    name: str
    system: str
    cpu: str
    cpu_threads: int
    ram_bytes: int
    ram_free_bytes: int
    unified: bool = False
    accelerators: tuple[Accelerator, ...] = ()
    disk_free_bytes: int = 0
    disk_path: str = ""
    ram_bandwidth_bytes_s: int | None = None
    preset: bool = False
    notes: tuple[str, ...] = ()

    @property
    def accelerator(self) -> Accelerator | None:
        """The first accelerator: what a plan uses unless told otherwise."""
        return self.accelerators[0] if self.accelerators else None

    def summary(self) -> str:
        """One line for a person, e.g. `tower: RTX 4090 24 GB, 16 threads, 64 GB RAM, ...`."""
        parts = [_accelerators_in_words(self), f"{self.cpu_threads} CPU threads"]
        memory = "unified memory" if self.unified else "RAM"
        parts.append(f"{gigabytes(self.ram_bytes)} {memory}")
        if not self.preset:
            parts.append(f"{gigabytes(self.disk_free_bytes)} disk free")
        return f"{self.name}: {', '.join(parts)}"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, every field."""
        facts = {field.name: getattr(self, field.name) for field in fields(self)}
        facts["accelerators"] = [each.to_json() for each in self.accelerators]
        facts["notes"] = list(self.notes)
        return facts

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Machine:
        """The reverse of `to_json`.

        Raises:
            InputError: A field is missing, unknown or of the wrong kind.
        """
        values = dict(facts)
        try:
            values["accelerators"] = tuple(
                Accelerator.from_json(each) for each in values.get("accelerators", ())
            )
            values["notes"] = tuple(values.get("notes", ()))
            return cls(**values)
        except (TypeError, ValueError, KeyError) as error:
            raise InputError(
                f"This description of a machine cannot be read: {error}.",
                "Write it anew with `reelwright doctor --json`.",
            ) from error


def gigabytes(num_bytes: int) -> str:
    """Bytes in words, binary, as memory is sold: `24 GB`, `7.6 GB`, `512 MB`."""
    if num_bytes < GIB:
        return f"{num_bytes / 1024**2:.0f} MB"
    amount = num_bytes / GIB
    words = f"{amount:.0f}" if amount >= 10 else f"{amount:.1f}".removesuffix(".0")
    return f"{words} GB"


def _accelerators_in_words(machine: Machine) -> str:
    if not machine.accelerators:
        return "no accelerator"
    words = []
    for name in dict.fromkeys(each.name for each in machine.accelerators):
        same = [each for each in machine.accelerators if each.name == name]
        count = f"{len(same)} x " if len(same) > 1 else ""
        vram = same[0].vram_bytes
        own = f" {gigabytes(vram)}" if vram is not None and not machine.unified else ""
        words.append(f"{count}{name}{own}")
    return " + ".join(words)
