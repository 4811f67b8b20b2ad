"""The way to a CUDA device, on a device that keeps no queue: what is written, and in what order."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

import pytest
import torch
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from torch import Tensor, nn

from reelwright.engine.memory import staging
from reelwright.engine.memory.ring import BlockSlot, HostLane, Need, Ring
from reelwright.engine.memory.staging import Scratch, StagedLane, scratch_bytes
from reelwright.engine.storage.gguf_source import GgufSource
from reelwright.engine.storage.nvfp4 import padded_scale_shape
from reelwright.engine.storage.weights import (
    Compute,
    Float8Source,
    LoraDelta,
    Nvfp4Source,
    PlainSource,
    WeightSource,
)

CPU = torch.device("cpu")
ROWS, COLUMNS = 16, 256
PIECE = 1024


@dataclass
class Clock:
    """Stands for streams and events, and writes down what they are told."""

    lines: list[str] = field(default_factory=list)
    events: int = 0

    def event(self) -> Event:
        self.events += 1
        return Event(self, f"event {self.events - 1}")

    def stream(self, name: str) -> Stream:
        return Stream(self, name)


@dataclass
class Event:
    clock: Clock
    name: str

    def record(self, stream: Stream) -> None:
        self.clock.lines.append(f"{stream.name} records {self.name}")

    def synchronize(self) -> None:
        self.clock.lines.append(f"host awaits {self.name}")


@dataclass
class Stream:
    clock: Clock
    name: str

    def wait_event(self, event: Event) -> None:
        self.clock.lines.append(f"{self.name} awaits {event.name}")

    def wait_stream(self, other: Stream) -> None:
        self.clock.lines.append(f"{self.name} awaits {other.name}")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Streams that do everything at once."""
    clock = Clock()
    monkeypatch.setattr(staging, "PIECE_BYTES", PIECE)
    monkeypatch.setattr(staging, "_event", clock.event)
    monkeypatch.setattr(staging, "_stream", lambda device: clock.stream("copies"))
    monkeypatch.setattr(staging, "_current", lambda device: clock.stream("products"))
    monkeypatch.setattr(staging, "_pinned", lambda shape: torch.empty(shape, dtype=torch.uint8))
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    monkeypatch.setattr(Tensor, "record_stream", lambda tensor, stream: None)
    return clock


def _sources() -> dict[str, WeightSource]:
    """A weight of each storage."""
    generator = torch.Generator().manual_seed(3)
    plain = torch.randn(ROWS, COLUMNS, generator=generator)
    _, nbytes = GGML_QUANT_SIZES[GGMLQuantizationType.Q4_K]
    packed = torch.randint(0, 100, (ROWS * nbytes,), generator=generator, dtype=torch.uint8)
    scales = torch.rand(padded_scale_shape(ROWS, COLUMNS), generator=generator) + 0.5
    nibbles = torch.randint(0, 256, (ROWS, COLUMNS // 2), generator=generator, dtype=torch.uint8)
    return {
        "as it is": PlainSource("as it is", plain),
        "bfloat16": PlainSource("bfloat16", plain.bfloat16()),
        "float8": Float8Source("float8", plain.to(torch.float8_e4m3fn), torch.tensor(0.25)),
        "rows": Float8Source("rows", plain.to(torch.float8_e4m3fn), torch.rand(ROWS, 1)),
        "nvfp4": Nvfp4Source("nvfp4", nibbles, scales.to(torch.float8_e4m3fn), torch.tensor(0.1)),
        "Q4_K": GgufSource("Q4_K", packed, "Q4_K", (ROWS, COLUMNS)),
        "rare": GgufSource("rare", _rare(), "IQ4_NL", (ROWS, COLUMNS)),
    }


def _rare() -> Tensor:
    """A quantisation that only the host can unpack."""
    blocks = torch.ones(ROWS * COLUMNS // 32, 18, dtype=torch.uint8)
    return blocks.flatten()


def _ring(needs: Sequence[Sequence[Need]], staged: bool) -> Ring[nn.Linear]:
    with torch.device("meta"):
        modules = [nn.Linear(COLUMNS, ROWS, bias=False) for _ in range(2)]
    slots = [BlockSlot(module, needs, Compute.FLOAT32, CPU) for module in modules]
    if not staged:
        return Ring(slots, needs, HostLane())
    memory = [tensor for slot in slots for tensor in slot.memory]
    largest = max(scratch_bytes(need, Compute.FLOAT32) for block in needs for need in block)
    return Ring(slots, needs, StagedLane(CPU, 2, memory, largest))


@pytest.mark.parametrize("with_lora", [False, True])
def test_all_storages_arrive_whole(clock: Clock, with_lora: bool) -> None:
    delta = LoraDelta(torch.ones(2, COLUMNS).bfloat16(), torch.randn(ROWS, 2), 0.5)
    needs = [
        [Need("weight", source, [delta] if with_lora else ())] for source in _sources().values()
    ]
    plain, staged = (
        [block.weight.clone() for block in _ring(needs, kind)] for kind in (False, True)
    )
    assert len(plain) == 7
    for index, (a, b) in enumerate(zip(plain, staged, strict=True)):
        assert torch.equal(a, b), needs[index][0].source.name


def test_what_needs_no_change_is_sent_straight_to_its_slot(clock: Clock) -> None:
    lane = StagedLane(CPU, 2, [], 0)
    out = staging.Slot(torch.empty(ROWS, COLUMNS))
    source = _sources()["as it is"]
    lane.fill(out, Need("weight", source), Compute.FLOAT32)
    assert torch.equal(out.weight, source.view(Compute.FLOAT32))


def test_a_piece_is_filled_again_only_after_it_was_sent(clock: Clock) -> None:
    source = PlainSource("x", torch.randn(40, PIECE // 4))
    lane = StagedLane(CPU, 2, [], 0)
    out = staging.Slot(torch.empty(source.shape))
    lane.fill(out, Need("weight", source), Compute.FLOAT32)
    assert torch.equal(out.weight, source.tensor)
    sent = [line for line in clock.lines if "event" in line]
    # Events 0 to 3 are of the slots, 4 to 7 of the pieces; 40 pieces' worth go round nine times.
    assert sent[:4] == [
        *("copies records event 4", "host awaits event 5"),
        *("copies records event 5", "host awaits event 6"),
    ]
    assert len(sent) == 2 * 39
    for index, line in enumerate(sent):
        if line.startswith("host") and index > 8:
            assert line.replace("host awaits", "copies records") in sent[index - 8 : index]


def test_small_tensors_share_a_piece(clock: Clock) -> None:
    lane = StagedLane(CPU, 2, [], 0)
    for value in range(3):
        out = staging.Slot(torch.empty(8))
        given = PlainSource("x", torch.full((8,), float(value)))
        lane.fill(out, Need("weight", given), Compute.FLOAT32)
        assert torch.equal(out.weight, given.tensor)
    assert not clock.lines


def test_copies_wait_for_products_and_products_for_copies(clock: Clock) -> None:
    needs = [[Need("weight", PlainSource(f"{i}", torch.ones(16, 256).bfloat16()))] for i in "abc"]
    for _ in _ring(needs, staged=True):
        clock.lines.append("run")
    pieces = ("event 4", "event 5", "event 6", "event 7")
    assert [line for line in clock.lines if not line.endswith(pieces)] == [
        "copies awaits products",
        *("copies awaits event 2", "copies records event 0", "products awaits event 0"),
        *("run", "products records event 2"),
        *("copies awaits event 3", "copies records event 1", "products awaits event 1"),
        *("run", "products records event 3"),
        *("copies awaits event 2", "copies records event 0", "products awaits event 0"),
        *("run", "products records event 2"),
    ]


def test_scratch_is_exactly_large_enough() -> None:
    source = _sources()["nvfp4"]
    room = Scratch(scratch_bytes(Need("weight", source), Compute.FLOAT32), CPU)
    parts = [room.like(tensor) for _, tensor in staging.tensors_of(source)]
    assert [part.dtype for part in parts] == [torch.uint8, torch.float8_e4m3fn, torch.float32]
    assert len({part.data_ptr() for part in parts}) == 3
    plain = Need("weight", _sources()["as it is"])
    assert scratch_bytes(plain, Compute.FLOAT32) == 0
    assert scratch_bytes(plain, Compute.BFLOAT16) == plain.source.nbytes
    assert room.memory.nbytes == sum(-(-part.nbytes // 256) * 256 for part in parts)
