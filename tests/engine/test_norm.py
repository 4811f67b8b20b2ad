"""RMS normalisation against torch's own."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import rms_norm

from reelwright.engine.denoiser.norm import RmsNorm, rms_normalise


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_torchs_to_rounding(
    dtype: torch.dtype, weighted: bool, generator: torch.Generator
) -> None:
    x = (torch.randn(2, 5, 96, generator=generator) * 30).to(dtype)
    weight = torch.rand(96, generator=generator).to(dtype) if weighted else None
    exact = rms_norm(x.double(), (96,), None if weight is None else weight.double(), 1e-6)
    ours = (rms_normalise(x, 1e-6, weight).double() - exact).abs().max()
    torchs = (rms_norm(x, (96,), weight, 1e-6).double() - exact).abs().max()
    assert ours <= max(2 * torchs, 1e-6)
    assert rms_normalise(x, 1e-6, weight).dtype == dtype


def test_a_token_of_nothing_stays_nothing() -> None:
    assert torch.equal(rms_normalise(torch.zeros(1, 3, 8), 1e-6), torch.zeros(1, 3, 8))


def test_gradients_pass(generator: torch.Generator) -> None:
    norm = RmsNorm(16, 1e-6)
    x = torch.randn(2, 3, 16, generator=generator, requires_grad=True)
    norm(x).square().sum().backward()
    theirs = x.detach().clone().requires_grad_()
    rms_norm(theirs, (16,), torch.ones(16), 1e-6).square().sum().backward()
    assert x.grad is not None
    assert theirs.grad is not None
    assert torch.allclose(x.grad, theirs.grad, atol=1e-5)
