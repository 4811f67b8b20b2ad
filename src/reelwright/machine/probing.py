"""What this computer is, in a few milliseconds and without torch.

Torch would take two seconds to import, and a CPU build of it sees no GPU at all; so the drivers'
own tools and the kernel are asked instead. Anything that cannot be learnt is left out and said.
"""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import replace
from pathlib import Path

from reelwright.machine.apple import apple_accelerator, cpu_brand
from reelwright.machine.disk import existing_folder, free_bytes
from reelwright.machine.kernel import probe_amd, probe_intel
from reelwright.machine.machine import Accelerator, Machine
from reelwright.machine.memory import Memory, cpu_threads, read_memory
from reelwright.machine.nvidia import probe_nvidia

_CPU_INFO = Path("/proc/cpuinfo")


def probe(root: Path) -> Machine:
    """Learn what this computer is.

    Args:
        root: The project's folder, for the disk it lies on; it need not exist yet.

    Returns:
        The machine. Accelerators stand in the order NVIDIA, AMD, Apple, Intel.
    """
    memory = read_memory()
    nvidia = probe_nvidia()
    amd = probe_amd()
    apple = _probe_apple(memory)
    found = (*nvidia.accelerators, *amd, *apple, *probe_intel())
    notes = [nvidia.note] if nvidia.note else []
    if memory.limited:
        notes.append("A container limits the memory of this process.")
    return Machine(
        name=platform.node() or "this machine",
        system=f"{platform.system()} {platform.machine()}",
        cpu=cpu_name(),
        cpu_threads=cpu_threads(),
        ram_bytes=memory.total_bytes,
        ram_free_bytes=memory.free_bytes,
        unified=bool(found) and all(each.shares_ram for each in found),
        accelerators=tuple(_with_shared_memory(each, memory) for each in found),
        disk_free_bytes=free_bytes(root),
        disk_path=str(existing_folder(root)),
        notes=tuple(notes),
    )


def cpu_name() -> str:
    """The processor's name; its architecture where the system does not say."""
    if sys.platform == "darwin":
        return cpu_brand() or platform.machine()
    if sys.platform == "win32":
        return os.environ.get("PROCESSOR_IDENTIFIER", platform.machine())
    try:
        return parse_cpu_name(_CPU_INFO.read_text("utf-8", errors="replace")) or platform.machine()
    except OSError:
        return platform.machine()


def parse_cpu_name(text: str) -> str:
    """The name in `/proc/cpuinfo`; empty where it has none (most ARM machines)."""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() in ("model name", "hardware", "cpu model"):
            return value.strip()
    return ""


def _probe_apple(memory: Memory) -> tuple[Accelerator, ...]:
    if sys.platform != "darwin" or platform.machine() != "arm64":
        return ()
    return (apple_accelerator(cpu_brand(), memory.total_bytes, memory.free_bytes),)


def _with_shared_memory(each: Accelerator, memory: Memory) -> Accelerator:
    if not each.shares_ram or each.vram_bytes is not None:
        return each
    return replace(each, vram_bytes=memory.total_bytes, vram_free_bytes=memory.free_bytes)
