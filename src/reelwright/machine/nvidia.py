"""NVIDIA devices, as `nvidia-smi` tells of them."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
from dataclasses import dataclass, replace

from reelwright.machine.bandwidth import bandwidth_of
from reelwright.machine.formats import nvidia_architecture
from reelwright.machine.machine import Accelerator, Vendor

TIMEOUT_S = 5.0
"""How long the driver's tool may take; a driver that hangs must not hang us."""

_FIELDS = ("index", "uuid", "name", "memory.total", "memory.free", "driver_version", "compute_cap")
_PLACES = (
    "/usr/lib/wsl/lib/nvidia-smi",
    r"C:\Windows\System32\nvidia-smi.exe",
    r"C:\Program Files\NVIDIA Corporation\NVSMI\nvidia-smi.exe",
)
_MIB = 1024**2


@dataclass(frozen=True, slots=True)
class NvidiaReport:
    """What was learnt.

    Attributes:
        accelerators: The devices that a process may use, numbered as it will see them.
        note: Why there are none, or what is uncertain; empty if nothing is.
    """

    accelerators: tuple[Accelerator, ...] = ()
    note: str = ""


def probe_nvidia() -> NvidiaReport:
    """Ask the driver's tool, within `TIMEOUT_S`; nothing is loaded into this process."""
    program = shutil.which("nvidia-smi") or next(filter(os.path.exists, _PLACES), None)
    if program is None:
        return NvidiaReport()
    for fields in (_FIELDS, _FIELDS[:-1]):  # drivers before 470 do not know compute_cap
        try:
            done = _ask(program, fields)
        except subprocess.TimeoutExpired:
            return NvidiaReport(note=f"nvidia-smi gave no answer within {TIMEOUT_S:.0f} s.")
        except OSError as error:
            return NvidiaReport(note=f"nvidia-smi could not be run: {error.strerror or error}.")
        if done.returncode == 0:
            return parse_nvidia_smi(done.stdout, os.environ.get("CUDA_VISIBLE_DEVICES"))
    words = (done.stdout or done.stderr).strip().splitlines()
    return NvidiaReport(note=f"nvidia-smi failed: {words[0] if words else done.returncode}")


def parse_nvidia_smi(text: str, visible: str | None = None) -> NvidiaReport:
    """Read `nvidia-smi --query-gpu=... --format=csv,noheader,nounits`.

    Args:
        text: Its output, with the fields that `probe_nvidia` asks for.
        visible: `CUDA_VISIBLE_DEVICES`, which hides and renumbers devices; None if not set.
    """
    rows = [
        [cell.strip() for cell in row]
        for row in csv.reader(io.StringIO(text), skipinitialspace=True)
        if len(row) >= len(_FIELDS) - 1
    ]
    picked, note = _visible_rows(rows, visible)
    found = tuple(
        replace(_accelerator(row), index=place) for place, row in enumerate(picked) if row
    )
    return NvidiaReport(found, note)


def _ask(program: str, fields: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=TIMEOUT_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def _accelerator(row: list[str]) -> Accelerator:
    name, driver = row[2], row[5]
    capability = _capability(row[6]) if len(row) > 6 else None
    arch = nvidia_architecture(capability)
    total, free = _bytes(row[3]), _bytes(row[4])
    return Accelerator(
        index=0,
        name=_short(name),
        vendor=Vendor.NVIDIA,
        arch=arch.name,
        compute_capability=capability,
        vram_bytes=total,
        vram_free_bytes=free,
        bandwidth_bytes_s=bandwidth_of(name),
        formats=arch.formats,
        product=arch.product,
        driver=driver,
        shares_ram=arch.unified and total is None,
    )


def _visible_rows(rows: list[list[str]], visible: str | None) -> tuple[list[list[str]], str]:
    """The devices that `CUDA_VISIBLE_DEVICES` leaves, in its order; it ends at an unknown one."""
    if visible is None:
        return rows, ""
    picked: list[list[str]] = []
    for wish in (part.strip() for part in visible.split(",")):
        match = [row for row in rows if row[0] == wish or (wish and row[1].startswith(wish))]
        if len(match) != 1:
            if wish.startswith("MIG"):
                return picked, "A MIG slice is selected; its memory is not known."
            break
        picked.append(match[0])
    hidden = len(rows) - len(picked)
    return picked, f"CUDA_VISIBLE_DEVICES hides {hidden} of {len(rows)} GPUs." if hidden else ""


def _capability(text: str) -> tuple[int, int] | None:
    major, _, minor = text.partition(".")
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else None


def _bytes(text: str) -> int | None:
    """Mebibytes; `[N/A]` or `[Not Supported]` where the device has no memory of its own."""
    return int(text) * _MIB if text.isdecimal() else None


def _short(name: str) -> str:
    return name.removeprefix("NVIDIA ").removeprefix("GeForce ")
