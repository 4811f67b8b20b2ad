"""A parity case: inputs, settings and the results that the reference gave for them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reelwright.engine.checkpoints.checkpoint import Checkpoint
from reelwright.engine.storage.tensor_file import TensorFile
from reelwright.errors import CheckpointError

SMALLEST_SCALE = 1e-3
"""References smaller than this are compared absolutely."""

_DEBUG = "out.debug."


@dataclass(frozen=True, slots=True)
class Case:
    """One case.

    Attributes:
        path: Its file.
        meta: Its description: `name`, `kind`, `params`, `tolerance`, `tensors`, ...
        tensors: Everything recorded, under `in.` and `out.`.
    """

    path: Path
    meta: Mapping[str, Any]
    tensors: Mapping[str, Tensor]

    @property
    def name(self) -> str:
        """What it is called."""
        return str(self.meta["name"])

    @property
    def kind(self) -> str:
        """What it runs."""
        return str(self.meta["kind"])

    @property
    def params(self) -> Mapping[str, Any]:
        """Its settings."""
        return dict(self.meta.get("params") or {})

    @property
    def outputs(self) -> dict[str, Tensor]:
        """What has to be reproduced, without `out.`."""
        return {
            name.removeprefix("out."): tensor
            for name, tensor in self.tensors.items()
            if name.startswith("out.") and not name.startswith(_DEBUG)
        }

    def given(self, name: str) -> Tensor:
        """An input; 16-bit ones as float32."""
        tensor = self.tensors[f"in.{name}"]
        return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor

    def has(self, name: str) -> bool:
        """Whether there is such an input."""
        return f"in.{name}" in self.tensors

    def meaning(self, output: str) -> str:
        """What is said of an output; empty if nothing."""
        return str(self._about(output).get("meaning", ""))

    def settings(self, output: str) -> dict[str, Any]:
        """The table of settings that an output's description carries; empty if it has none."""
        found = re.search(r"\{.*\}", self.meaning(output))
        settings = ast.literal_eval(found.group()) if found else {}
        return dict(settings)

    def tolerance(self, output: str) -> float:
        """Largest error allowed, as a share of the reference's largest number."""
        return float(self._about(output).get("tolerance", self.meta["tolerance"]))

    def _about(self, output: str) -> Mapping[str, Any]:
        return dict(self.meta["tensors"].get(f"out.{output}") or {})

    def checkpoints(self) -> list[Checkpoint]:
        """Open the files that it runs on."""
        named = self.meta.get("checkpoint") or []
        files = [named] if isinstance(named, str) else named
        return [Checkpoint.open(self.path.parent / file) for file in files]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a case went.

    Attributes:
        name: Of the case.
        output: The output that came closest to failing, or failed worst.
        absolute: Its largest error.
        relative: The same as a share of the reference's largest number.
        tolerance: What was allowed, as such a share.
        fault: Why it could not be compared; empty if it was.
    """

    name: str
    output: str = ""
    absolute: float = float("nan")
    relative: float = float("nan")
    tolerance: float = float("nan")
    fault: str = ""

    @property
    def passed(self) -> bool:
        """Whether every output was within its tolerance."""
        return not self.fault and self.relative <= self.tolerance

    @property
    def used(self) -> float:
        """The share of its tolerance that the error takes."""
        if self.tolerance > 0:
            return self.relative / self.tolerance
        return 0.0 if self.relative == 0 else float("inf")

    def __str__(self) -> str:
        if self.fault:
            return f"{self.name:<42} {'':<54} FAIL  {self.fault}"
        verdict = "pass" if self.passed else f"FAIL  {self.output}"
        return (
            f"{self.name:<42} abs {self.absolute:9.2e}  rel {self.relative:9.2e}  "
            f"tolerance {self.tolerance:7.0e}  {verdict}"
        )


def open_case(path: Path) -> Case:
    """Read a case.

    Raises:
        CheckpointError: The file cannot be read or does not describe a case.
    """
    file = TensorFile(path)
    try:
        meta = json.loads(file.metadata["case"])
        tensors = {name: file.tensor(name) for name in file.entries}
        complete = {"name", "kind", "tolerance", "tensors"} <= meta.keys()
    except (KeyError, ValueError, AttributeError) as error:
        raise _no_case(path) from error
    if not complete:
        raise _no_case(path)
    return Case(path, meta, tensors)


def _no_case(path: Path) -> CheckpointError:
    return CheckpointError(
        "The file does not describe a parity case.",
        "Name only parity cases `*.case.safetensors`.",
        where=str(path),
    )


def compare(case: Case, results: Mapping[str, Tensor]) -> Outcome:
    """Compare results with the recorded ones.

    Args:
        case: Has the references.
        results: Ours, by output.

    Returns:
        The worst output's errors; a fault if one is missing or has another shape.
    """
    if not case.outputs:
        return Outcome(case.name, fault="nothing is recorded to compare with")
    worst = Outcome(case.name, absolute=0.0, relative=0.0, tolerance=float(case.meta["tolerance"]))
    for name, reference in case.outputs.items():
        if name not in results:
            return Outcome(case.name, fault=f"{name} is not computed")
        if results[name].shape != reference.shape:
            found, wanted = list(results[name].shape), list(reference.shape)
            return Outcome(case.name, fault=f"{name} has shape {found}, not {wanted}")
        outcome = _compare_one(case, name, results[name].double(), reference.double())
        if not outcome.used <= worst.used:  # also where it is not a number
            worst = outcome
    return worst


def _compare_one(case: Case, name: str, result: Tensor, reference: Tensor) -> Outcome:
    error = float((result - reference).abs().max()) if reference.numel() else 0.0
    scale = float(reference.abs().max()) if reference.numel() else 0.0
    relative = error / max(SMALLEST_SCALE, scale)
    return Outcome(case.name, name, error, relative, case.tolerance(name))
