from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwright.engine.denoiser.modulation import AdaLN, Levels, modulate, sinusoid, spread


def test_sinusoid_has_cosines_first() -> None:
    waves = sinusoid(torch.tensor([725.0]))[0]
    assert waves.shape == (256,)
    assert waves[:3].tolist() == pytest.approx([-0.759727, -0.712539, 0.880237], abs=1e-5)
    assert waves[127:131].tolist() == pytest.approx(
        [0.996967, 0.650242, 0.701633, -0.474534], abs=1e-5
    )


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=4, max_size=4),
        min_size=1,
        max_size=3,
    )
)
def test_levels_give_back_every_token(rows: list[list[float]]) -> None:
    wanted = torch.tensor(rows)
    levels = Levels.of(wanted).times(0.5)
    found = spread(levels.values.unsqueeze(-1), levels.index).squeeze(-1)
    assert torch.equal(found.expand_as(wanted), wanted * 0.5)
    assert levels.values.shape[1] == max(len(set(row)) for row in rows)


def test_one_level_needs_no_index() -> None:
    assert Levels.of(torch.tensor([[0.5, 0.5], [1.0, 1.0]])).index is None


def test_levels_times_sigma_per_sample() -> None:
    levels = Levels.of(torch.ones(2, 3)).times(torch.tensor([0.25, 0.75]))
    assert levels.values.tolist() == [[0.25], [0.75]]


def test_rows_once_per_level_equal_rows_per_token(generator: torch.Generator) -> None:
    torch.manual_seed(0)
    adaln = AdaLN(8, 3)
    tokens = torch.tensor([[0.0, 700.0, 700.0, 0.0]])
    levels = Levels.of(tokens)
    few, _ = adaln(levels.values)
    looked_up = torch.stack([spread(row, levels.index) for row in few.unbind(-2)], dim=-2)
    assert few.shape == (1, 2, 3, 8)
    assert torch.allclose(looked_up, adaln(tokens)[0], atol=1e-6)


def test_modulate_scales_and_shifts() -> None:
    x = torch.tensor([[[3.0, 4.0]]])
    row = torch.full((1, 1, 2), 2.0)
    assert torch.equal(modulate(x, row, row), x * 3 + 2)
