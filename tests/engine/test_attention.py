from __future__ import annotations

import torch

from reelwright.engine.denoiser.attention import Attention
from reelwright.engine.denoiser.perturbation import (
    EVERYTHING,
    Perturbation,
    Skip,
    plan_blocks,
)

CPU = torch.device("cpu")


def _attention(*, gated: bool) -> Attention:
    torch.manual_seed(3)
    return Attention(8, 8, 2, 4, gated=gated, eps=1e-6)


def test_samples_by_themselves_equal_the_batch(generator: torch.Generator) -> None:
    x = torch.randn(3, 5, 8, generator=generator)
    attention = _attention(gated=True)
    together = attention(x, x)
    for i in range(3):
        assert torch.allclose(attention(x[i : i + 1], x[i : i + 1]), together[i : i + 1], atol=1e-6)


def test_a_skipped_sample_passes_its_values(generator: torch.Generator) -> None:
    x = torch.randn(2, 5, 8, generator=generator)
    attention = _attention(gated=False)
    mixed = attention(x, x, kept=torch.tensor([0]))
    assert torch.allclose(mixed[:1], attention(x, x)[:1], atol=1e-6)
    assert torch.allclose(mixed[1:], attention.to_out(attention.to_v(x[1:])), atol=1e-6)


def test_all_skipped(generator: torch.Generator) -> None:
    x = torch.randn(2, 5, 8, generator=generator)
    attention = _attention(gated=False)
    nobody = attention(x, x, kept=torch.zeros(0, dtype=torch.long))
    assert torch.allclose(nobody, attention.to_out(attention.to_v(x)), atol=1e-6)


def test_a_gate_of_zero_logits_is_open(generator: torch.Generator) -> None:
    x = torch.randn(1, 5, 8, generator=generator)
    gated, plain = _attention(gated=True), _attention(gated=False)
    plain.load_state_dict({k: v for k, v in gated.state_dict().items() if "gate" not in k})
    assert gated.to_gate_logits is not None
    torch.nn.init.zeros_(gated.to_gate_logits.weight)
    torch.nn.init.zeros_(gated.to_gate_logits.bias)
    assert torch.allclose(gated(x, x), plain(x, x), atol=1e-6)


def test_plan_of_blocks() -> None:
    spoilt = Perturbation(Skip.VIDEO_SELF, frozenset({1}))
    plans = plan_blocks([(), (spoilt,), (Perturbation(Skip.AUDIO_TO_VIDEO),)], 2, CPU)
    assert plans[0].video_self is None
    assert plans[1].video_self.tolist() == [0, 2]
    assert all(plan.audio_to_video.tolist() == [0, 1] for plan in plans)
    assert plans[0].audio_self is None
    assert plan_blocks([(), ()], 1, CPU) == (EVERYTHING,)
