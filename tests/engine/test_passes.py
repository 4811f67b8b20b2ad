from __future__ import annotations

from pathlib import Path

import pytest

from reelwright.engine.clip.passes import (
    FULL,
    HALF,
    Lora,
    SamplerKind,
    distilled,
    guided,
    high_quality,
)
from reelwright.engine.sampling.noise import seeded
from reelwright.engine.sampling.sampler import Sampler
from reelwright.engine.sampling.schedule import DISTILLED, DISTILLED_REFINE

STYLE, CONTROL, REFINER = (Lora(Path(f"{name}.safetensors")) for name in ("style", "ic", "refine"))


def test_distilled() -> None:
    first, second = distilled(loras=(STYLE,), control_loras=(CONTROL,))
    assert (first.sigmas, second.sigmas) == (DISTILLED, DISTILLED_REFINE)
    assert (first.scale, second.scale) == (HALF, FULL)
    assert first.loras == (STYLE, CONTROL)
    assert second.loras == (STYLE,)
    assert (first.controlled, second.controlled) == (True, False)
    assert second.remakes_audio
    (only,) = distilled(one_pass=True)
    assert only.scale == FULL


def test_guided() -> None:
    first, second = guided(refiner=REFINER, loras=(STYLE,))
    assert len(first.sigmas) == 31
    assert first.sigmas[1] == pytest.approx(0.994957, abs=1e-6)
    assert (first.video_guider.cfg_scale, first.audio_guider.cfg_scale) == (3.0, 7.0)
    for guider in (first.video_guider, first.audio_guider):
        assert (guider.stg_scale, guider.stg_blocks) == (1.0, (28,))
        assert (guider.rescale_scale, guider.modality_scale, guider.skip_step) == (0.7, 3.0, 0)
    assert second.loras == (STYLE, REFINER)
    assert second.video_guider.cfg_scale == 1
    assert not second.remakes_audio
    (only,) = guided(40, stg_blocks=(29,), skip_step=1)
    assert (len(only.sigmas), only.scale, only.video_guider.skip_step) == (41, FULL, 1)


def test_high_quality() -> None:
    first, second = high_quality(REFINER.path, num_tokens=8160)
    assert first.sigmas[1] == pytest.approx(0.993491, abs=1e-6)
    assert [settings.sampler for settings in (first, second)] == [SamplerKind.RES_2S] * 2
    assert [settings.loras[-1].strength for settings in (first, second)] == [0.25, 0.5]
    assert (first.video_guider.rescale_scale, first.audio_guider.rescale_scale) == (0.45, 1.0)
    assert first.video_guider.stg_scale == 0


@pytest.mark.parametrize("kind", SamplerKind)
def test_every_kind_makes_a_sampler(kind: SamplerKind) -> None:
    sampler = kind.make(DISTILLED, seeded(1))
    assert isinstance(sampler, Sampler)
    assert sampler.num_steps == (9 if kind is SamplerKind.RES_2S else 8)
