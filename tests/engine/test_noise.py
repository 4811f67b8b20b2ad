from __future__ import annotations

import pytest
import torch

from reelwright.engine.sampling.noise import NoiseUse, Purpose, ReferenceNoise, standardised

VIDEO, AUDIO = (1, 6, 4), (1, 3, 2)


def test_the_reference_draws_stream_after_stream_and_pass_after_pass() -> None:
    generator = torch.Generator().manual_seed(7)
    wanted = [
        torch.randn(shape, generator=generator, dtype=torch.bfloat16).float()
        for shape in (VIDEO, AUDIO, (1, 24, 4), AUDIO)
    ]
    first = ReferenceNoise(7, (VIDEO, AUDIO))
    second = ReferenceNoise(7, ((1, 24, 4), AUDIO), (VIDEO, AUDIO))
    found = [
        made(NoiseUse(Purpose.INITIAL, stream), made.shapes[stream])
        for made in (first, second)
        for stream in (0, 1)
    ]
    for one, other in zip(found, wanted, strict=True):
        assert torch.equal(one, other)
        assert one.dtype == torch.float32


@pytest.mark.parametrize("purpose", [Purpose.STEP, Purpose.SUBSTEP])
def test_any_draw_can_be_had_alone(purpose: Purpose) -> None:
    def use(step: int, stream: int) -> NoiseUse:
        return NoiseUse(purpose, stream, step)

    places = [(step, stream) for step in range(3) for stream in (0, 1)]
    whole = ReferenceNoise(7, (VIDEO, AUDIO))
    drawn = {place: whole(use(*place), (VIDEO, AUDIO)[place[1]]) for place in places}
    for place in reversed(places):
        alone = ReferenceNoise(7, (VIDEO, AUDIO))(use(*place), (VIDEO, AUDIO)[place[1]])
        assert torch.equal(alone, drawn[place])
        assert torch.equal(whole(use(*place), alone.shape), alone), "drawn again, out of order"


def test_steps_and_their_middles_are_drawn_apart_and_not_by_the_runs_seed() -> None:
    step, middle = (NoiseUse(purpose, 0, 1) for purpose in (Purpose.STEP, Purpose.SUBSTEP))
    one, other = (ReferenceNoise(seed, (VIDEO, AUDIO)) for seed in (7, 8))
    assert torch.equal(one(step, VIDEO), other(step, VIDEO))
    assert not torch.equal(one(step, VIDEO), one(middle, VIDEO))


def test_the_reference_standardises_for_the_second_order() -> None:
    generator = torch.Generator().manual_seed(-1)
    wanted = standardised(torch.randn(VIDEO, generator=generator, dtype=torch.float64))
    noise = ReferenceNoise(7, (VIDEO, AUDIO), standardise=True)
    assert torch.equal(noise(NoiseUse(Purpose.STEP), VIDEO), wanted)
    assert noise(NoiseUse(Purpose.INITIAL), VIDEO).dtype == torch.float32
