from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor

from reelwright.engine import (
    DISTILLED_REFINE,
    Ancestral,
    Euler,
    GradientEstimating,
    Lcm,
    Res2s,
    Sampler,
    run_sampler,
    seeded,
    seeded_standardised,
)
from reelwright.engine.sampling.noise import NoiseUse, Purpose, noise, standardised
from reelwright.engine.sampling.sampler import Latents, SamplerState
from reelwright.engine.sampling.steps import (
    ancestral_step,
    euler_step,
    lcm_step,
    noised,
    pinned,
    sde_step,
)
from reelwright.errors import Cancelled, NumericsError, ScheduleError

SIGMAS = (1.0, 0.9, 0.6, 0.2, 0.0)

SAMPLERS: dict[str, Sampler] = {
    "euler": Euler(SIGMAS),
    "gradient": GradientEstimating(SIGMAS),
    "ancestral": Ancestral(SIGMAS, seeded(3)),
    "lcm": Lcm(SIGMAS, seeded(3)),
    "res2s": Res2s(SIGMAS, seeded_standardised(3)),
}


@dataclass
class Towards:
    """Knows the answer, keeps the first token, and writes down what it is asked."""

    clean: Latents
    asked: list[float] = field(default_factory=list)

    def __call__(self, latents: Latents, sigma: float, step: int = 0) -> Latents:
        self.asked.append(sigma)
        return self.clean

    def pin(self, latents: Latents) -> Latents:
        return tuple(
            torch.cat((c[:, :1].to(x), x[:, 1:]), dim=1)
            for c, x in zip(self.clean, latents, strict=True)
        )


def _latents() -> tuple[Latents, Latents]:
    generator = torch.Generator().manual_seed(1)
    clean = tuple(torch.randn(1, n, 3, generator=generator) for n in (6, 4))
    start = tuple(torch.randn(1, n, 3, generator=generator) for n in (6, 4))
    return clean, start


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_perfect_prediction_is_reached(name: str) -> None:
    clean, start = _latents()
    sampler, denoise = SAMPLERS[name], Towards(clean)
    end = run_sampler(sampler, sampler.start(start), denoise)
    for found, wanted in zip(end.latents, clean, strict=True):
        assert torch.allclose(found.float(), wanted, atol=1e-5)
    assert denoise.asked == pytest.approx(list(sampler.evaluations))


@pytest.mark.parametrize("name", SAMPLERS)
def test_saved_and_continued_is_the_same_to_the_bit(name: str) -> None:
    clean, start = _latents()

    class Blurred(Towards):
        def __call__(self, latents: Latents, sigma: float, step: int = 0) -> Latents:
            return tuple(0.5 * x + 0.5 * c for x, c in zip(latents, self.clean, strict=True))

    sampler, states = SAMPLERS[name], []
    whole = run_sampler(
        sampler, sampler.start(start), Blurred(clean), watch=lambda i, s: states.append(s)
    )
    for done, saved in enumerate(states, start=1):
        again = run_sampler(sampler, saved, Blurred(clean), first_step=done)
        assert all(torch.equal(a, b) for a, b in zip(again.latents, whole.latents, strict=True))


@pytest.mark.parametrize("name", ["ancestral", "lcm", "res2s"])
def test_what_is_kept_stays_at_every_step(name: str) -> None:
    clean, start = _latents()
    sampler = SAMPLERS[name]

    def watch(i: int, state: SamplerState) -> None:
        for x, c in zip(state.latents, clean, strict=True):
            assert torch.equal(x[:, :1].float(), c[:, :1])

    run_sampler(sampler, sampler.start(start), Towards(clean), watch=watch)


def test_res2s_is_led_to_a_level_above_zero() -> None:
    sampler = Res2s(DISTILLED_REFINE, seeded_standardised(0))
    assert sampler.levels[-2:] == (0.0011, 0.0)
    assert len(sampler.evaluations) == 2 * 3 + 1
    assert Res2s((0.9, 0.5), seeded(0)).levels == (0.9, 0.5)


def test_res2s_is_of_second_order() -> None:
    """On a curved flow, halving the steps quarters the error; Euler only halves it."""

    def towards(latents: Latents, sigma: float) -> Latents:
        return tuple(torch.sin(x) for x in latents)

    class Curved:
        def __call__(self, latents: Latents, sigma: float, step: int = 0) -> Latents:
            return towards(latents, sigma)

        def pin(self, latents: Latents) -> Latents:
            return latents

    def end(sampler: Sampler) -> Tensor:
        start = (torch.linspace(-2, 2, 12, dtype=torch.float64).view(1, 4, 3),)
        return run_sampler(sampler, SamplerState(start), Curved()).latents[0]

    def levels(steps: int) -> tuple[float, ...]:
        return tuple(0.9 * (0.3 / 0.9) ** (i / steps) for i in range(steps + 1))

    exact = end(Euler(levels(4000)))
    errors = [
        (end(Res2s(levels(n), seeded(0), eta=0.0, refine=False)) - exact).abs().max().item()
        for n in (4, 8)
    ]
    assert errors[0] / errors[1] > 3
    assert errors[1] < (end(Euler(levels(16))) - exact).abs().max().item() / 5


def test_watching_can_stop_a_run() -> None:
    clean, start = _latents()
    seen: list[int] = []

    def watch(i: int, state: SamplerState) -> None:
        seen.append(i)
        if i == 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        run_sampler(Euler(SIGMAS), SamplerState(start), Towards(clean), watch=watch)
    assert seen == [0, 1]


def test_not_a_number_is_refused() -> None:
    bad = (torch.full((1, 2, 3), float("nan")),)
    with pytest.raises(NumericsError, match="not finite") as caught:
        run_sampler(Euler(SIGMAS), SamplerState(bad), Towards(bad))
    assert "bf16" in caught.value.mend


def test_levels_are_checked() -> None:
    with pytest.raises(ScheduleError):
        Euler((0.1, 0.9))
    with pytest.raises(ScheduleError):
        Res2s((0.1, 0.9), seeded(0))


def test_single_steps_agree_at_their_edges() -> None:
    generator = torch.Generator().manual_seed(2)
    x, x0, n = (torch.randn(1, 4, 3, generator=generator) for _ in range(3))
    straight = euler_step(x, x0, 0.8, 0.3)
    assert torch.allclose(ancestral_step(x, x0, 0.8, 0.3, n, eta=0.0), straight, atol=1e-6)
    assert torch.equal(sde_step(x, straight, 0.8, 0.3, n, eta=0.0), straight)
    assert torch.equal(ancestral_step(x, x0, 0.8, 0.0, n), x0)
    assert torch.equal(lcm_step(x0, 0.0, n), x0)


def test_noising_keeps_what_is_masked() -> None:
    zeros, ones, n = torch.zeros(1, 3, 2), torch.ones(1, 3, 2), torch.full((1, 3, 2), 5.0)
    mask = torch.tensor([0.0, 0.5, 1.0]).view(1, 3, 1)
    assert noised(zeros, ones, mask, n, 1.0)[0, :, 0].tolist() == [1, 3, 5]
    assert pinned(zeros, ones, mask)[0, :, 0].tolist() == [1, 0.5, 0]


def test_noise_depends_on_its_use_alone() -> None:
    use = NoiseUse(Purpose.STEP, stream=1, step=3)
    first = noise(7, use, (1, 4, 3))
    noise(7, NoiseUse(Purpose.INITIAL), (9, 9))
    assert torch.equal(first, noise(7, use, (1, 4, 3)))
    others = [
        noise(8, use, (1, 4, 3)),
        noise(7, NoiseUse(Purpose.STEP, stream=0, step=3), (1, 4, 3)),
        noise(7, NoiseUse(Purpose.STEP, stream=1, step=4), (1, 4, 3)),
        noise(7, NoiseUse(Purpose.SUBSTEP, stream=1, step=3), (1, 4, 3)),
        seeded(7, stage=1)(use, (1, 4, 3)),
    ]
    assert not any(torch.equal(first, other) for other in others)


def test_a_seed_means_this_noise_for_good() -> None:
    found = noise(7, NoiseUse(Purpose.INITIAL), (3,))
    assert found.dtype == torch.float32
    assert found.tolist() == pytest.approx(GOLDEN_NOISE, abs=1e-6)


GOLDEN_NOISE = [-0.9547784, 0.5451539, 1.5728762]


def test_standardised_noise() -> None:
    drawn = standardised(torch.rand(2, 50, 4))
    assert drawn.dtype == torch.float64
    assert torch.allclose(drawn.mean((1, 2)), torch.zeros(2, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(drawn.std((1, 2)), torch.ones(2, dtype=torch.float64))
