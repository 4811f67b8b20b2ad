"""Picking and repeating along an index: the few moves that every pass of the stage makes.

Fields lie channel first, [C, N], so that one channel is contiguous. Orders are fixed and nothing
here adds with atomics: the same input gives the same bytes on any number of threads.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Int64, Shaped
from torch import Tensor


def where_true(mask: Bool[Tensor, " N"]) -> Int64[Tensor, " M"]:
    """Indices of the true entries, rising."""
    if mask.device.type == "cpu":
        # numpy takes 0.5 ms for a million entries where torch's nonzero takes 4.8 ms.
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    return mask.nonzero().squeeze(1)


def take(field: Shaped[Tensor, "*C N"], index: Int64[Tensor, " M"]) -> Shaped[Tensor, "*C M"]:
    """The columns of a field at an index (five times as fast as `field[:, index]` on a CPU)."""
    return field.index_select(-1, index)


def repeated(counts: Int64[Tensor, " N"]) -> tuple[Int64[Tensor, " M"], Int64[Tensor, " M"]]:
    """Repeat each entry `counts` times.

    Returns:
        The entry that each copy belongs to, and its rank among that entry's copies.
    """
    owner = torch.repeat_interleave(counts)
    starts = counts.cumsum(0) - counts
    rank = torch.arange(owner.shape[0], device=counts.device) - starts.index_select(0, owner)
    return owner, rank


def spans_of_at_most(counts: Int64[Tensor, " N"], limit: int) -> list[tuple[int, int]]:
    """Cut a list into runs whose counts sum to about `limit` each.

    A run may be longer by the count of its last entry; every entry is in exactly one run. There are
    no runs if nothing is counted.
    """
    if not counts.shape[0]:
        return []
    ends = counts.cumsum(0)
    total = int(ends[-1])
    if not total:
        return []
    marks = torch.arange(limit, total + limit, limit, device=counts.device, dtype=ends.dtype)
    stops = (torch.searchsorted(ends, marks) + 1).clamp(max=counts.shape[0]).tolist()
    stops[-1] = counts.shape[0]
    starts = [0, *stops[:-1]]
    return [(a, b) for a, b in zip(starts, stops, strict=True) if b > a]
