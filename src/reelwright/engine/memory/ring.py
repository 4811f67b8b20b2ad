"""A ring of block slots: weights made ready block by block, ahead of the block that runs.

Block `i` runs in slot `i % n`. While it runs, the blocks behind it are made ready in the slots that
the blocks before it have left: dequantised, with LoRAs, in the compute type. Where nothing of a
weight changes and it can be read where it lies, the slot only points at it. Slots are allocated
once. Each forward makes every block ready exactly once and trusts nothing of the one before, so one
that was abandoned half way leaves no trace.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn

from reelwright.engine.storage.weights import Compute, LoraDelta, Slot, WeightSource

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True, slots=True)
class Need:
    """One weight of one block.

    Attributes:
        name: The block's own name for it.
        source: The weight at rest.
        loras: Changes to add, in order.
    """

    name: str
    source: WeightSource
    loras: Sequence[LoraDelta] = ()

    def view(self, compute: Compute, device: torch.device) -> Tensor | None:
        """The stored tensor where a product can read it as it lies, else None."""
        return None if self.loras or device.type != "cpu" else self.source.view(compute)


@runtime_checkable
class Lane(Protocol):
    """How weights reach the slots while blocks run: in turn, or on a stream of their own."""

    def begin(self) -> None:
        """Start a forward: nothing is written before what already runs is done."""
        ...

    def filling(self, slot: int) -> AbstractContextManager[None]:
        """Around all that writes to a slot; what ran in it last is done before."""
        ...

    def fill(self, out: Slot, need: Need, compute: Compute) -> None:
        """Make one weight ready."""
        ...

    def wait(self, slot: int) -> None:
        """Let what runs from now on wait until the slot is filled."""
        ...

    def release(self, slot: int) -> None:
        """Say that all that runs in the slot has been started."""
        ...


class HostLane:
    """One thing after the other, for devices without streams."""

    def begin(self) -> None:
        """Nothing runs in between."""

    def filling(self, slot: int) -> AbstractContextManager[None]:
        """Nothing runs meanwhile."""
        return nullcontext()

    def fill(self, out: Slot, need: Need, compute: Compute) -> None:
        """Make one weight ready, now."""
        need.source.materialise(out, compute, need.loras)

    def wait(self, slot: int) -> None:
        """It is filled."""

    def release(self, slot: int) -> None:
        """It has run."""


class BlockSlot(Generic[M]):
    """A module that is one block after the other.

    Args:
        module: A block on the meta device; it gets its memory here.
        blocks: The weights of every block.
        compute: What products run in.
        device: Where they run.

    Attributes:
        module: The block that the slot is now.
    """

    def __init__(
        self, module: M, blocks: Sequence[Sequence[Need]], compute: Compute, device: torch.device
    ) -> None:
        self._compute, self._device = compute, device
        shapes = {name: tensor.shape for name, tensor in module.state_dict().items()}
        written = {
            need.name for block in blocks for need in block if need.view(compute, device) is None
        }
        self._memory = {
            name: Slot(torch.empty(shape, dtype=compute.dtype, device=device))
            for name, shape in shapes.items()
            if name in written
        }
        nothing = Slot(torch.empty(0, dtype=compute.dtype, device=device))
        _assign(module, {name: self._memory.get(name, nothing).weight for name in shapes})
        self.module = module.requires_grad_(False).eval()
        self._tensors = dict((*module.named_parameters(), *module.named_buffers()))

    @property
    def memory(self) -> list[Tensor]:
        """The slot's own memory."""
        return [slot.weight for slot in self._memory.values()]

    def become(self, block: Sequence[Need], lane: Lane) -> tuple[int, int]:
        """Turn into another block.

        Returns:
            How many weights were written, and how many bytes.
        """
        count = nbytes = 0
        for need in block:
            stored = need.view(self._compute, self._device)
            if stored is not None:
                # Only pointed at: nothing may ever write into a view of a file.
                self._tensors[need.name].data = stored
                continue
            own = self._memory[need.name]
            lane.fill(own, need, self._compute)
            self._tensors[need.name].data = own.weight
            count, nbytes = count + 1, nbytes + own.weight.nbytes
        return count, nbytes


class Ring(Generic[M]):
    """Blocks made ready one after the other in a few slots.

    Args:
        slots: What blocks run in, two or more.
        blocks: The weights of every block.
        lane: How weights reach the slots.

    Attributes:
        copies: Weights written into slots so far.
        nbytes_ready: Bytes written into slots so far.
    """

    def __init__(
        self, slots: Sequence[BlockSlot[M]], blocks: Sequence[Sequence[Need]], lane: Lane
    ) -> None:
        self._slots, self._blocks, self._lane = tuple(slots), tuple(blocks), lane
        self._forward = 0
        self.copies = self.nbytes_ready = 0

    def __len__(self) -> int:
        return len(self._blocks)

    @property
    def bodies(self) -> tuple[M, ...]:
        """The modules of the slots."""
        return tuple(slot.module for slot in self._slots)

    def __iter__(self) -> Iterator[M]:
        """Yield each block, ready to run until the next one is asked for.

        Raises:
            RuntimeError: Another iteration has begun meanwhile: it has the slots now.
        """
        self._forward += 1
        mine, count = self._forward, len(self._slots)
        self._lane.begin()
        ready = 0
        for index in range(len(self)):
            # Only the first block is waited for. Weights are moved after the current block has
            # been started, so that a device computes while the host copies.
            ready = self._make_ready(ready, index + 1)
            slot = index % count
            self._lane.wait(slot)
            yield self._slots[slot].module
            if mine != self._forward:
                raise RuntimeError("two forwards cannot share one ring of blocks")
            self._lane.release(slot)
            ready = self._make_ready(ready, index + count)

    def _make_ready(self, start: int, stop: int) -> int:
        """Make blocks ready up to, and without, `stop`."""
        stop = min(stop, len(self))
        for index in range(start, stop):
            slot = index % len(self._slots)
            with self._lane.filling(slot):
                count, nbytes = self._slots[slot].become(self._blocks[index], self._lane)
            self.copies += count
            self.nbytes_ready += nbytes
        return max(start, stop)


def _assign(module: nn.Module, state: dict[str, Tensor]) -> None:
    """Give a module its tensors, of whatever shape."""
    for name, tensor in state.items():
        owner_name, _, leaf = name.rpartition(".")
        owner = module.get_submodule(owner_name)
        if leaf in owner._parameters:
            owner.register_parameter(leaf, nn.Parameter(tensor, requires_grad=False))
        else:
            owner.register_buffer(leaf, tensor)
