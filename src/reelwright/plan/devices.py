"""Devices that a person names for kinds of stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reelwright.errors import PlanError
from reelwright.plan.stages import CPU, StageKind

if TYPE_CHECKING:
    from reelwright.machine import Machine


def named_devices(asked: Mapping[StageKind, str] | None, machine: Machine) -> dict[StageKind, str]:
    """Devices as torch names them, held against what the machine has.

    Args:
        asked: By kind of stage: `cpu`, `cuda`, `cuda:1`, `mps`, `xpu`.
        machine: What it runs on.

    Raises:
        PlanError: The machine has no such device; says which it has.
    """
    asked = dict(asked or {})
    if StageKind.GENERATE in asked:  # whoever says so means what makes clips, whatever it is
        models = {kind: asked[StageKind.GENERATE] for kind in StageKind if kind.runs_model}
        asked = {**models, **asked}
    known = [CPU, *(each.device for each in machine.accelerators)]
    found: dict[StageKind, str] = {}
    for kind, device in asked.items():
        name = f"{device}:0" if device in ("cuda", "xpu") else device
        if name not in known:
            raise PlanError(
                f'This machine has no "{device}" to run `{kind}` on.',
                f"It has {', '.join(known)}; `reelwright doctor` says why one may be missing.",
                where="devices",
            )
        found[kind] = name
    return found
