from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwright.engine.checkpoints.config import Rope
from reelwright.engine.denoiser.rope import RopeTable, rope_frequencies, rope_table, rotate


def _table(axes: int = 1, width: int = 32, heads: int = 4, layout: Rope = "split") -> RopeTable:
    middle = torch.linspace(0, 10, 6).repeat(2, axes, 1)
    limits = (20.0, 2048.0, 2048.0)[:axes]
    return rope_table(
        middle, width=width, heads=heads, max_pos=limits, theta=1e4, double=True, layout=layout
    )


def test_frequencies_run_from_quarter_turn_to_theta() -> None:
    frequencies = rope_frequencies(682, 10000.0, double=True)
    expected = [1.570796, 1.592185, 1.613865]
    assert frequencies[:3].tolist() == pytest.approx(expected, abs=1e-6)
    assert frequencies[-1].item() == pytest.approx(10000 * math.pi / 2)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3), st.sampled_from([16, 32, 48]), st.sampled_from([1, 2, 4]))
def test_shapes(axes: int, width: int, heads: int) -> None:
    table = _table(axes, width, heads)
    assert table.cos.shape == (2, 6, heads, width // heads // 2)
    assert torch.allclose(table.cos.square() + table.sin.square(), torch.ones(()))


def test_what_does_not_divide_turns_nothing() -> None:
    table = _table(axes=3, width=32)  # 3 axes x 5 frequencies leave one pair
    flat = table.cos.flatten(-2), table.sin.flatten(-2)
    assert (flat[0][..., 0] == 1).all()
    assert (flat[1][..., 0] == 0).all()
    assert (flat[1][..., 1] != 0).any()


@pytest.mark.parametrize("layout", ["split", "interleaved"])
def test_rotation_keeps_lengths_and_depends_on_distance(
    layout: Rope, generator: torch.Generator
) -> None:
    table = _table(layout=layout)
    x = torch.randn(2, 1, 4, 8, generator=generator).expand(-1, 6, -1, -1)
    turned = rotate(x, table)
    assert torch.allclose(turned.norm(dim=-1), x.norm(dim=-1), atol=1e-5)
    scores = (turned[:, :-1] * turned[:, 1:]).sum(-1)
    assert torch.allclose(scores, scores[:, :1].expand_as(scores), atol=5e-3)


def test_layouts_pair_differently(generator: torch.Generator) -> None:
    x = torch.randn(2, 6, 4, 8, generator=generator)
    split, woven = (rotate(x, _table(layout=layout)) for layout in ("split", "interleaved"))
    halves = x.unflatten(-1, (4, 2)).transpose(-1, -2).flatten(-2)
    rewoven = rotate(halves, _table(layout="split"))
    assert not torch.allclose(split, woven)
    back = rewoven.unflatten(-1, (2, 4)).transpose(-1, -2).flatten(-2)
    assert torch.allclose(back, woven, atol=1e-6)


def test_picking_samples() -> None:
    table = _table()
    assert table.pick(None) is table
    assert table.pick(torch.tensor([1])).cos.shape[0] == 1
