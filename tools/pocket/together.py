"""Several processes that train one model, each on batches of its own; one is the usual case.

Small layers gain nothing from threads (two on two cores were slower than one); two processes that
add their gradients do two batches in the time of one.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
from torch import Tensor, distributed, multiprocessing

WAIT = timedelta(minutes=60)
"""How long the others wait while the first one measures or saves."""


@dataclass(frozen=True)
class Together:
    """One of the processes.

    Attributes:
        rank: Its number; the first, 0, keeps the books.
        count: How many there are.
    """

    rank: int = 0
    count: int = 1

    @property
    def leads(self) -> bool:
        """Whether it keeps the books."""
        return self.rank == 0

    def agreed(self, value: float) -> float:
        """The first one's value."""
        if self.count == 1:
            return value
        told = torch.tensor([value], dtype=torch.float64)
        distributed.broadcast(told, 0)
        return float(told)

    def share(self, parameters: Iterable[Tensor]) -> None:
        """Mean gradients; one that no process has stays none."""
        if self.count == 1:
            return
        found = list(parameters)
        has = torch.tensor([p.grad is not None for p in found], dtype=torch.float32)
        flat = [torch.zeros_like(p) if p.grad is None else p.grad for p in found]
        both = torch.cat([has, *(grad.flatten() for grad in flat)])
        distributed.all_reduce(both)
        start = len(found)
        for number, parameter in enumerate(found):
            stop = start + parameter.numel()
            some = float(both[number]) > 0
            mean = both[start:stop].view_as(parameter) / self.count
            parameter.grad = mean if some else None
            start = stop


def run_together(count: int, work: Callable[[Together], None]) -> None:
    """Do a piece of work in so many processes; `work` must be a function of a module, or partial.

    Args:
        count: Of processes; with 1 nothing is started.
        work: Given its place.
    """
    if count == 1:
        work(Together())
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # takes the others along
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(
            _join, (count, Path(folder) / "meeting", work), nprocs=count, daemon=True
        )  # type: ignore[no-untyped-call]


def _join(rank: int, count: int, meeting: Path, work: Callable[[Together], None]) -> None:
    distributed.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=count, timeout=WAIT
    )
    work(Together(rank, count))
    distributed.destroy_process_group()
