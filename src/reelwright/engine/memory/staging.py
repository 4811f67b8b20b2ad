"""Copies from a file's map to a CUDA device, on a stream of their own.

The pages of a map cannot be pinned cheaply, and a copy from memory that is not pinned holds up the
host. So bytes go through a few pinned pieces of fixed size: while one is on its way to the device,
the next is filled. What is quantised travels as it is stored, into a scratch of fixed size, and is
dequantised on the device. Nothing is allocated after the first forward but what dequantising needs
for the moment, which the allocator keeps for the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor

from reelwright.engine.memory.ring import Need
from reelwright.engine.storage.gguf_source import GgufSource
from reelwright.engine.storage.weights import Compute, Slot

PIECES = 4
PIECE_BYTES = 16 * 2**20
"""64 MiB in all: filling and sending overlap, and a block of 0.2 to 0.8 GB is far larger."""

_ALIGNMENT = 256


class Scratch:
    """Memory that one weight's stored parts lie in side by side.

    Args:
        nbytes: Of the largest weight's parts, from `scratch_bytes`.
        device: Where.
    """

    def __init__(self, nbytes: int, device: torch.device) -> None:
        self.memory = torch.empty(nbytes, dtype=torch.uint8, device=device)
        self._used = 0

    def clear(self) -> None:
        """Start again for the next weight."""
        self._used = 0

    def like(self, tensor: Tensor) -> Tensor:
        """Room for a tensor of the same shape and type."""
        start, self._used = self._used, self._used + _aligned(tensor.nbytes)
        return self.memory[start : start + tensor.nbytes].view(tensor.dtype).view(tensor.shape)


def scratch_bytes(need: Need, compute: Compute) -> int:
    """What the stored parts of a weight and its LoRAs need of a scratch."""
    if not need.loras and need.source.view(compute) is not None:
        return 0  # goes straight to its slot
    items = (need.source, *need.loras)
    return sum(_aligned(part.nbytes) for item in items for _, part in tensors_of(item))


def tensors_of(item: Any) -> list[tuple[str, Tensor]]:
    """The tensors that a value at rest is made of, by attribute."""
    if not is_dataclass(item):
        return []
    named = ((field.name, getattr(item, field.name)) for field in fields(item))
    return [(name, value) for name, value in named if isinstance(value, Tensor)]


class StagedLane:
    """Weights copied ahead on a stream of their own.

    Args:
        device: A CUDA device.
        num_slots: Of the ring.
        slots: The slots' own memory.
        scratch_nbytes: From `scratch_bytes`, of the largest weight.
    """

    def __init__(
        self, device: torch.device, num_slots: int, slots: Sequence[Tensor], scratch_nbytes: int
    ) -> None:
        self._device = device
        self._stream = _stream(device)
        self._filled = [_event() for _ in range(num_slots)]
        self._left = [_event() for _ in range(num_slots)]
        self._pinned = _pinned((PIECES, PIECE_BYTES))
        self._sent = [_event() for _ in range(PIECES)]
        self._piece = self._used = 0
        self._scratch = Scratch(scratch_nbytes, device)
        for memory in (*slots, self._scratch.memory):
            # Made on one stream, used on two: not to be given to others while a copy still runs.
            memory.record_stream(self._stream)

    def begin(self) -> None:
        """Let copies wait for all that runs: also for a forward that was abandoned."""
        self._stream.wait_stream(_current(self._device))

    @contextmanager
    def filling(self, slot: int) -> Iterator[None]:
        """Write on the copy stream, after what ran in the slot last."""
        with torch.cuda.stream(self._stream):
            self._stream.wait_event(self._left[slot])
            yield
            self._filled[slot].record(self._stream)

    def fill(self, out: Slot, need: Need, compute: Compute) -> None:
        """Send one weight and make it ready on the device."""
        stored = None if need.loras else need.source.view(compute)
        if stored is not None:
            self._send(stored, out.weight)
            return
        self._scratch.clear()
        source = need.source
        if not (isinstance(source, GgufSource) and source.on_host):
            source = self._moved(source)
        source.materialise(out, compute, [self._moved(lora) for lora in need.loras])

    def wait(self, slot: int) -> None:
        """Let the products of now wait for the slot's copies."""
        _current(self._device).wait_event(self._filled[slot])

    def release(self, slot: int) -> None:
        """Let the slot's next copies wait for the products so far."""
        self._left[slot].record(_current(self._device))

    def _moved(self, item: Any) -> Any:
        """The same value at rest, with its tensors in the scratch."""
        parts = {}
        for name, tensor in tensors_of(item):
            parts[name] = self._scratch.like(tensor)
            self._send(tensor, parts[name])
        return replace(item, **parts) if parts else item

    def _send(self, tensor: Tensor, target: Tensor) -> None:
        """Copy the bytes of a tensor of the host, through as many pieces as it takes."""
        source, room = _bytes(tensor), _bytes(target)
        start = 0
        while start < source.numel():
            staged = self._stage(source[start:])
            room[start : start + staged.numel()].copy_(staged, non_blocking=True)
            start += staged.numel()

    def _stage(self, source: Tensor) -> Tensor:
        """Put what fits of some bytes into the current piece; small tensors share one."""
        if self._used >= PIECE_BYTES:
            self._sent[self._piece].record(self._stream)
            self._piece, self._used = (self._piece + 1) % PIECES, 0
            self._sent[self._piece].synchronize()  # what it held last has arrived
        staged = self._pinned[self._piece, self._used : self._used + source.numel()]
        self._used += _aligned(staged.numel())
        return staged.copy_(source[: staged.numel()])


def _current(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.current_stream(device)


def _pinned(shape: tuple[int, int]) -> Tensor:
    return torch.empty(shape, dtype=torch.uint8, pin_memory=True)


def _stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


def _event() -> torch.cuda.Event:
    return torch.cuda.Event()  # type: ignore[no-untyped-call]


def _bytes(tensor: Tensor) -> Tensor:
    return tensor.contiguous().flatten().view(torch.uint8)


def _aligned(nbytes: int) -> int:
    return -(-nbytes // _ALIGNMENT) * _ALIGNMENT
