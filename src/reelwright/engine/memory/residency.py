"""How the blocks of a model are kept: all ready for good, or made ready one by one as they run.

A forward goes through the blocks in order, so a model that does not fit needs only a few of them
ready at a time. `Blocks` hides which it is: whoever iterates gets one module after the other, each
ready to run while it is the current one. Both ways give the same numbers, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

import torch
from torch import nn

from reelwright.engine.memory.loading import (
    NO_LORAS,
    check_loras,
    check_weights,
    fill,
    on_meta,
    same_name,
)
from reelwright.engine.memory.ring import BlockSlot, HostLane, Need, Ring
from reelwright.engine.memory.staging import StagedLane, scratch_bytes
from reelwright.engine.storage.weights import Compute, LoraDelta, WeightSource
from reelwright.errors import InputError

M = TypeVar("M", bound=nn.Module)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Residency:
    """How the blocks of a model are kept.

    Attributes:
        num_slots: None keeps every block ready in memory. A number, 2 or more, keeps so many: a
            ring of slots that the weights are made ready in, block by block, in every forward.

    Raises:
        InputError: Fewer than 2 slots.
    """

    num_slots: int | None = None

    def __post_init__(self) -> None:
        if self.num_slots is not None and self.num_slots < 2:
            raise InputError(
                f"Blocks cannot be streamed through a ring of {self.num_slots}: one slot is made "
                "ready while another runs.",
                "Give 2 slots or more, or none at all (None) to keep every block in memory.",
                num_slots=self.num_slots,
            )


RESIDENT = Residency()
"""Every block ready in memory for good."""


class Blocks(nn.Module, Generic[M]):
    """The blocks of a model, in order.

    Built of modules, they are its children, named by their numbers, with parameters like any
    others. Built of a ring, none is a child: nothing of them is kept beyond the ring's slots.

    Args:
        modules: The blocks, kept.
        ring: Makes them ready one by one instead.
    """

    def __init__(self, modules: Iterable[M] = (), ring: Ring[M] | None = None) -> None:
        super().__init__()
        self._ring = ring
        for index, module in enumerate(modules):
            self.add_module(str(index), module)

    def __len__(self) -> int:
        return len(self._modules) if self._ring is None else len(self._ring)

    def __iter__(self) -> Iterator[M]:
        """Yield each block, ready to run until the next one is asked for."""
        if self._ring is None:
            return cast(Iterator[M], iter(self._modules.values()))
        return iter(self._ring)

    @property
    def streamed(self) -> bool:
        """Whether the blocks share a ring of slots."""
        return self._ring is not None

    @property
    def bodies(self) -> tuple[M, ...]:
        """The modules that blocks run in: each its own, or the slots of the ring."""
        if self._ring is None:
            return tuple(self)
        return self._ring.bodies

    @property
    def copies(self) -> int:
        """Weights written into slots so far; what is read where it lies is not written."""
        return 0 if self._ring is None else self._ring.copies

    @property
    def nbytes_ready(self) -> int:
        """Bytes written into slots so far."""
        return 0 if self._ring is None else self._ring.nbytes_ready


def block_number(index: int) -> str:
    """What stands before a block's names where nothing else is said."""
    return f"{index}."


def load_blocks(
    make: Callable[[], M],
    sources: Sequence[Mapping[str, WeightSource]],
    *,
    compute: Compute,
    device: torch.device,
    residency: Residency = RESIDENT,
    official: Callable[[str], str] = same_name,
    loras: Sequence[Mapping[str, Sequence[LoraDelta]]] = (),
    where: str,
    prefix: Callable[[int], str] = block_number,
) -> Blocks[M]:
    """Make the blocks of a model and give them their weights.

    Every block is the same module with weights of its own; one whose tensors have other shapes is
    refused. All names and shapes are compared before any weight is made ready.

    Args:
        make: Makes one block; called on the meta device.
        sources: The weights of each block by official name, all of them and no others.
        compute: What products run in.
        device: Where they run.
        residency: How the blocks are kept.
        official: Turns a block's own names into the official ones.
        loras: Changes to the weights of each block, by official name; empty for none.
        where: The checkpoint, for messages.
        prefix: What stands before a block's names in the checkpoint, by its number, for messages.

    Returns:
        The blocks, without gradients; on the CPU, weights that need no change are views of the
        file, resident or streamed.

    Raises:
        CheckpointError: A tensor is missing, to spare, or of another shape; or a LoRA is for
            another model.
    """
    changes = loras or [NO_LORAS] * len(sources)
    wanted = {official(name): tensor for name, tensor in on_meta(make, where).state_dict().items()}
    for index, (weights, change) in enumerate(zip(sources, changes, strict=True)):
        check_weights(wanted, weights, f"{where}: {prefix(index)}")
        check_loras(weights, change, prefix(index))
    pairs = list(zip(sources, changes, strict=True))
    if residency.num_slots is None:
        return Blocks(
            fill(
                on_meta(make, where),
                weights,
                compute=compute,
                device=device,
                official=official,
                loras=change,
            )
            for weights, change in pairs
        )
    modules = [on_meta(make, where) for _ in range(residency.num_slots)]
    names = {name: official(name) for name in modules[0].state_dict()}
    needs = [
        [Need(own, weights[name], change.get(name, ())) for own, name in names.items()]
        for weights, change in pairs
    ]
    return Blocks(ring=_ring(modules, needs, compute, device))


def _ring(
    modules: Sequence[M], blocks: Sequence[Sequence[Need]], compute: Compute, device: torch.device
) -> Ring[M]:
    """Make a ring, its memory, and the way there."""
    with torch.inference_mode(False):  # memory made inside could not be written outside
        slots = [BlockSlot(module, blocks, compute, device) for module in modules]
        if device.type != "cuda":
            return Ring(slots, blocks, HostLane())
        largest = max((scratch_bytes(need, compute) for b in blocks for need in b), default=0)
        memory = [tensor for slot in slots for tensor in slot.memory]
        return Ring(slots, blocks, StagedLane(device, len(slots), memory, largest))


def split_blocks(values: Mapping[str, V], before: str, count: int) -> tuple[Mapping[str, V], ...]:
    """Sort what is named for a block's weights by block.

    Args:
        values: By official name; what belongs to no block is left out.
        before: What stands before a block's number in its names, e.g. `transformer_blocks.`.
        count: How many blocks there are.

    Returns:
        For each block, its values by what stands behind the number.
    """
    blocks: dict[str, dict[str, V]] = {str(index): {} for index in range(count)}
    for name, value in values.items():
        number, _, rest = name.removeprefix(before).partition(".")
        if name.startswith(before) and number in blocks:
            blocks[number][rest] = value
    return tuple(blocks.values())
