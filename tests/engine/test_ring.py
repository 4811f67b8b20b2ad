from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from reelwright.engine.memory.residency import Blocks, Residency, load_blocks
from reelwright.engine.memory.ring import BlockSlot, HostLane, Need, Ring
from reelwright.engine.storage.weights import Compute, LoraDelta, PlainSource, Slot

CPU = torch.device("cpu")
WIDTH = 8


def _linear() -> nn.Linear:
    return nn.Linear(WIDTH, WIDTH)


def _weights(count: int, dtype: torch.dtype) -> list[dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(3)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(dtype)

    return [{"weight": draw(WIDTH, WIDTH), "bias": draw(WIDTH)} for _ in range(count)]


def _streamed(
    weights: list[dict[str, Tensor]], num_slots: int = 2, compute: Compute = Compute.FLOAT32
) -> Blocks[nn.Linear]:
    return load_blocks(
        _linear,
        [{name: PlainSource(name, t) for name, t in block.items()} for block in weights],
        compute=compute,
        device=CPU,
        residency=Residency(num_slots),
        where="model",
    )


def _run(blocks: Blocks[nn.Linear], x: Tensor) -> Tensor:
    for block in blocks:
        x = block(x).tanh()
    return x


def _expected(weights: list[dict[str, Tensor]], x: Tensor) -> Tensor:
    for block in weights:
        x = nn.functional.linear(x, block["weight"].float(), block["bias"].float()).tanh()
    return x


@pytest.mark.parametrize("num_slots", [2, 3, 9])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_blocks_run_in_order_with_their_own_weights(num_slots: int, count: int) -> None:
    weights, x = _weights(count, torch.bfloat16), torch.ones(3, WIDTH)
    blocks = _streamed(weights, num_slots)
    assert len(blocks) == count
    for _ in range(2):
        assert torch.equal(_run(blocks, x), _expected(weights, x))


def test_every_forward_writes_every_weight_once() -> None:
    blocks = _streamed(_weights(5, torch.bfloat16))
    for forward in range(1, 4):
        _run(blocks, torch.ones(7, WIDTH))
        assert blocks.copies == forward * 5 * 2
        assert blocks.nbytes_ready == forward * 5 * 4 * (WIDTH * WIDTH + WIDTH)


def test_weights_that_need_no_change_are_read_where_they_lie() -> None:
    weights = _weights(4, torch.float32)
    blocks = _streamed(weights)
    for block, own in zip(blocks, weights, strict=True):
        assert block.weight.data_ptr() == own["weight"].data_ptr()
        assert block.bias.data_ptr() == own["bias"].data_ptr()
    assert blocks.copies == blocks.nbytes_ready == 0


def test_a_slot_never_writes_to_what_it_only_pointed_at() -> None:
    """One block is stored in the compute type, the next is not: as in files of mixed precision."""
    plain, packed = _weights(5, torch.float32), _weights(5, torch.bfloat16)
    mixed = [(plain if index % 3 else packed)[index] for index in range(5)]
    before = [block["weight"].clone() for block in mixed]
    blocks, x = _streamed(mixed), torch.ones(2, WIDTH)
    for _ in range(3):
        assert torch.equal(_run(blocks, x), _expected(mixed, x))
    assert all(torch.equal(b["weight"], old) for b, old in zip(mixed, before, strict=True))
    assert blocks.copies == 3 * 2 * 2


def test_slots_keep_their_memory() -> None:
    blocks = _streamed(_weights(6, torch.bfloat16), num_slots=3)
    places = [[block.weight.data_ptr() for block in blocks] for _ in range(2)]
    assert places[0] == places[1]
    assert len(set(places[0])) == 3


def test_an_abandoned_forward_leaves_no_trace() -> None:
    weights, x = _weights(6, torch.bfloat16), torch.ones(3, WIDTH)
    blocks = _streamed(weights)
    for index, _ in enumerate(blocks):
        if index == 3:
            break
    with pytest.raises(RuntimeError, match="mat1"):
        _run(blocks, torch.ones(3, WIDTH + 1))
    before = blocks.copies
    assert torch.equal(_run(blocks, x), _expected(weights, x))
    assert blocks.copies - before == 12


def test_two_forwards_at_once_are_refused() -> None:
    blocks = _streamed(_weights(3, torch.bfloat16))
    first = iter(blocks)
    next(first)
    next(iter(blocks))
    with pytest.raises(RuntimeError, match="share"):
        next(first)


def test_memory_made_in_inference_mode_can_be_written_outside() -> None:
    weights, x = _weights(3, torch.bfloat16), torch.ones(2, WIDTH)
    with torch.inference_mode():
        blocks = _streamed(weights)
        inside = _run(blocks, x)
    assert torch.equal(_run(blocks, x), inside)


@dataclass
class Diary(HostLane):
    """A lane that writes down what happens, and checks what streams rely on."""

    lines: list[str]

    def begin(self) -> None:
        self.lines.append("begin")

    def fill(self, out: Slot, need: Need, compute: Compute) -> None:
        super().fill(out, need, compute)
        self.lines.append(f"fill {need.source.name}")

    def wait(self, slot: int) -> None:
        self.lines.append(f"wait {slot}")

    def release(self, slot: int) -> None:
        self.lines.append(f"release {slot}")


def _diary(count: int, num_slots: int) -> list[str]:
    needs: list[Sequence[Need]] = [
        [
            Need("weight", PlainSource(f"{i}", torch.ones(WIDTH, WIDTH).bfloat16())),
            Need("bias", PlainSource("bias", torch.ones(WIDTH))),
        ]
        for i in range(count)
    ]
    with torch.device("meta"):
        modules = [_linear() for _ in range(num_slots)]
    slots = [BlockSlot(module, needs, Compute.FLOAT32, CPU) for module in modules]
    lane = Diary([])
    for index, _ in enumerate(Ring(slots, needs, lane)):
        lane.lines.append(f"run {index}")
    return lane.lines


def test_the_next_block_is_made_ready_behind_the_one_that_was_started() -> None:
    assert _diary(3, 2) == [
        *("begin", "fill 0", "wait 0", "run 0", "release 0"),
        *("fill 1", "wait 1", "run 1", "release 1"),
        *("fill 2", "wait 0", "run 2", "release 0"),
    ]


@pytest.mark.parametrize("num_slots", [2, 3, 5])
def test_a_slot_is_filled_only_when_its_last_block_was_released(num_slots: int) -> None:
    lines = _diary(11, num_slots)
    assert [line for line in lines if line.startswith("run")] == [f"run {i}" for i in range(11)]
    for index in range(11):
        filled = lines.index(f"fill {index}")
        assert lines.index(f"run {index}") > filled
        if index >= num_slots:
            ran = lines.index(f"run {index - num_slots}")
            assert f"release {index % num_slots}" in lines[ran:filled]
        # and ahead: by the time block i is asked for, the ring behind it is full
        if 0 < index <= 11 - num_slots:
            assert lines.index(f"fill {index + num_slots - 2}") < lines.index(f"run {index}")


def test_lora_is_added_in_the_slot() -> None:
    weights = _weights(3, torch.float32)
    delta = LoraDelta(torch.ones(1, WIDTH), torch.ones(WIDTH, 1), 0.5)
    blocks = load_blocks(
        _linear,
        [{name: PlainSource(name, t) for name, t in block.items()} for block in weights],
        compute=Compute.FLOAT32,
        device=CPU,
        residency=Residency(2),
        loras=[{}, {"weight": [delta]}, {}],
        where="model",
    )
    found = [block.weight.clone() for block in blocks]
    for index, (weight, own) in enumerate(zip(found, weights, strict=True)):
        assert torch.equal(weight, own["weight"] + (0.5 if index == 1 else 0.0))
    assert blocks.copies == 1
