"""Whether a plan fits its machine, and what would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from reelwright.errors import PlanError
from reelwright.plan.costs import Work, estimate
from reelwright.plan.stages import PlannedStage
from reelwright.shapes import Size, covering_side

if TYPE_CHECKING:
    from reelwright.machine import Machine

_GB = 1e9
_MIN_SIDE = 16
_STEPS = 64


def require_memory(
    stages: Sequence[PlannedStage], works: Mapping[str, Work], size: Size, machine: Machine
) -> None:
    """Refuse a plan whose greediest stage needs more memory than the machine has.

    Args:
        stages: The plan's.
        works: How much each has to do, by id.
        size: Delivered size of the film.
        machine: What it runs on.

    Raises:
        PlanError: It does not fit; names the stage and the largest size that would.
    """
    if not stages or machine.ram_bytes <= 0:
        return
    worst = max(stages, key=lambda stage: stage.estimate.peak_ram_bytes)
    need = worst.estimate.peak_ram_bytes
    if need <= machine.ram_bytes:
        return
    fitting = _largest_fitting(worst, works[worst.id], size, machine.ram_bytes)
    raise PlanError(
        f"{worst.id} needs about {need / _GB:.1f} GB of memory at {size[0]}x{size[1]}; this "
        f"machine has {machine.ram_bytes / _GB:.1f} GB.",
        f"A `size` of [{fitting[0]}, {fitting[1]}] would fit."
        if fitting
        else "No size would fit: use smaller models, or a machine with more memory.",
        where=worst.id,
        needed_bytes=need,
        available_bytes=machine.ram_bytes,
        fitting_size=fitting,
    )


def memory_notes(stages: Sequence[PlannedStage], machine: Machine) -> tuple[str, ...]:
    """What to say where the memory is there and other programs hold it."""
    need = max((stage.estimate.peak_ram_bytes for stage in stages), default=0)
    if machine.preset or not machine.ram_free_bytes < need <= machine.ram_bytes:
        return ()
    return (
        f"About {need / _GB:.1f} GB of memory are needed and {machine.ram_free_bytes / _GB:.1f} GB "
        "are free now: close other programs if it gets slow.",
    )


def require_disk(stages: Iterable[PlannedStage], machine: Machine) -> None:
    """Refuse a plan that would write more than is free.

    Args:
        stages: What would run.
        machine: What it runs on; nothing is known of a preset's disk.

    Raises:
        PlanError: It does not fit; says how much is missing.
    """
    need = sum(stage.estimate.disk_bytes for stage in stages)
    free = machine.disk_free_bytes
    if machine.preset or need <= free:
        return
    raise PlanError(
        f"The film needs about {need / _GB:.1f} GB of disk for its stages; {free / _GB:.1f} GB are "
        f"free.",
        f"Free {(need - free) / _GB:.1f} GB (`reelwright clean` removes what old renders left), or "
        "put the work folder on another disk with --work-dir.",
        where=machine.disk_path,
        needed_bytes=need,
        available_bytes=free,
    )


def _largest_fitting(stage: PlannedStage, work: Work, size: Size, ram_bytes: int) -> Size | None:
    """The largest size of the same shape at which a stage fits; None if none does."""
    ratio = stage.estimate.peak_ram_bytes / max(stage.estimate.modelled_ram_bytes, 1)
    for step in range(_STEPS - 1, 0, -1):
        width, height = (max(_MIN_SIDE, int(side * step / _STEPS) // 2 * 2) for side in size)
        smaller = replace(work, width=covering_side(width), height=covering_side(height))
        if estimate(stage.kind, stage.estimate.row, smaller).peak_ram_bytes * ratio <= ram_bytes:
            return (width, height)
    return None
