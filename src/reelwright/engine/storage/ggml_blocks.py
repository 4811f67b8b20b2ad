"""GGUF's common quantisations unpacked by torch, on whatever device the bytes lie.

The twin of the gguf library's numpy code and equal to it bit for bit: the same numbers are
multiplied and subtracted in float32, in the same order.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

Blocks = UInt8[Tensor, "N _"]
Numbers = Float32[Tensor, "N _"]


def _split(blocks: Tensor, *sizes: int) -> tuple[Tensor, ...]:
    """Cut each block into its fields, the last one as long as is left."""
    rest = blocks.shape[1] - sum(sizes)
    return torch.split(blocks, [*sizes, rest], dim=1)


def _half(field: Tensor) -> Tensor:
    """Two bytes as a number: [N, 1]."""
    return field.contiguous().view(torch.float16).float()


def _unpack(field: Tensor, width: int, bits: int) -> Tensor:
    """Numbers of a few bits: each run of `width` bytes holds one run of numbers per shift."""
    runs = field.reshape(field.shape[0], -1, width)
    return torch.stack([(runs >> s) & ((1 << bits) - 1) for s in range(0, 8, bits)], dim=2)


def _signed(field: Tensor) -> Tensor:
    return field.contiguous().view(torch.int8)


def _q8_0(blocks: Blocks) -> Numbers:
    d, q = _split(blocks, 2)
    return _signed(q).float() * _half(d)


def _q4_0(blocks: Blocks) -> Numbers:
    d, q = _split(blocks, 2)
    return _half(d) * (_unpack(q, 16, 4).flatten(1).to(torch.int8) - 8).float()


def _q4_1(blocks: Blocks) -> Numbers:
    d, m, q = _split(blocks, 2, 2)
    return _half(d) * _unpack(q, 16, 4).flatten(1).float() + _half(m)


def _five(high: Tensor, low: Tensor) -> Tensor:
    """Numbers of 5 bits: four here, the fifth in a run of its own."""
    return _unpack(low, 16, 4).flatten(1) | (_unpack(high, 1, 1).flatten(1) << 4)


def _q5_0(blocks: Blocks) -> Numbers:
    d, high, low = _split(blocks, 2, 4)
    return _half(d) * (_five(high, low).to(torch.int8) - 16).float()


def _q5_1(blocks: Blocks) -> Numbers:
    d, m, high, low = _split(blocks, 2, 2, 4)
    return _half(d) * _five(high, low).float() + _half(m)


def _q2_k(blocks: Blocks) -> Numbers:
    scales, q, d, low = _split(blocks, 16, 64, 2)
    scale = (_half(d) * (scales & 15).float()).unsqueeze(-1)
    least = (_half(low) * (scales >> 4).float()).unsqueeze(-1)
    return (scale * _unpack(q, 32, 2).reshape(-1, 16, 16).float() - least).flatten(1)


def _q3_k(blocks: Blocks) -> Numbers:
    mask, q, scales, d = _split(blocks, 32, 64, 12)
    low, high = _unpack(scales[:, :8], 8, 4).flatten(1), _unpack(scales[:, 8:], 4, 2).flatten(1)
    scale = _half(d) * ((low | (high << 4)).to(torch.int8) - 32).float()
    lacking = (_unpack(mask, 32, 1) ^ 1).reshape(-1, 16, 16) << 2  # a bit that is not set takes 4
    numbers = _unpack(q, 32, 2).reshape(-1, 16, 16).to(torch.int8) - lacking.to(torch.int8)
    return (scale.unsqueeze(-1) * numbers.float()).flatten(1)


def _six_bits(scales: Tensor) -> tuple[Tensor, Tensor]:
    """Eight scales and eight minima of 6 bits in 12 bytes."""
    first, second, both = torch.split(scales, 4, dim=1)
    scale = torch.cat((first & 63, (both & 15) | ((first >> 2) & 48)), dim=1)
    least = torch.cat((second & 63, (both >> 4) | ((second >> 2) & 48)), dim=1)
    return scale.float(), least.float()


def _scaled(d: Tensor, low: Tensor, scales: Tensor, q: Tensor) -> Tensor:
    scale, least = _six_bits(scales)
    by_run = (_half(d) * scale).unsqueeze(-1) * q.float()
    return (by_run - (_half(low) * least).unsqueeze(-1)).flatten(1)


def _q4_k(blocks: Blocks) -> Numbers:
    d, low, scales, q = _split(blocks, 2, 2, 12)
    return _scaled(d, low, scales, _unpack(q, 32, 4).flatten(1, 2))


def _q5_k(blocks: Blocks) -> Numbers:
    d, low, scales, high, q = _split(blocks, 2, 2, 12, 32)
    numbers = _unpack(q, 32, 4).flatten(1, 2) | (_unpack(high, 32, 1).flatten(1, 2) << 4)
    return _scaled(d, low, scales, numbers)


def _q6_k(blocks: Blocks) -> Numbers:
    low, high, scales, d = _split(blocks, 128, 64, 16)
    scale = (_half(d) * _signed(scales).float()).unsqueeze(-1)
    numbers = _unpack(low, 64, 4).reshape(-1, 8, 32) | (_unpack(high, 32, 2).flatten(1, 2) << 4)
    return (scale * (numbers.to(torch.int8) - 32).reshape(-1, 16, 16).float()).flatten(1)


UNPACKERS: dict[str, Callable[[Tensor], Tensor]] = {
    "Q8_0": _q8_0,
    "Q4_0": _q4_0,
    "Q4_1": _q4_1,
    "Q5_0": _q5_0,
    "Q5_1": _q5_1,
    "Q2_K": _q2_k,
    "Q3_K": _q3_k,
    "Q4_K": _q4_k,
    "Q5_K": _q5_k,
    "Q6_K": _q6_k,
}
"""How each quantisation is unpacked: bytes by block to numbers by block."""
