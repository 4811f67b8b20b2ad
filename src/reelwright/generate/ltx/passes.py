"""The passes of a shot's clip, from what its weights have and what was asked.

Two passes where there is a latent upsampler, the size divides by it, and the weights can refine:
the distilled ones by themselves, the full ones with a LoRA that joins the second pass alone. Else
one, at full size.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

import numpy as np

from reelwright.engine import (
    DISTILLED,
    DISTILLED_REFINE,
    Guider,
    Lora,
    ModelFacts,
    Pass,
    guided,
    ltx2_sigmas,
)
from reelwright.generate.ltx.settings import LtxSettings
from reelwright.models import LoraUse, WeightSet

FULL_STEPS = {"2.0": 40, "2.3": 30}
"""Steps of the full model's first pass, by generation."""

_SPOILT = {"2.0": 29, "2.3": 28}
"""The block whose attention the full model's guidance spoils, of `_BLOCKS`."""
_BLOCKS = 48


def shot_passes(
    weights: WeightSet,
    settings: LtxSettings,
    facts: ModelFacts,
    generation: str,
    size: tuple[int, int],
    control_loras: tuple[LoraUse, ...] = (),
    unused: tuple[LoraUse, ...] = (),
) -> tuple[Pass, ...]:
    """How a shot's clip is made.

    Args:
        weights: What makes it.
        settings: What was asked.
        facts: What the model takes.
        generation: Of the model: 2.3 or 2.0.
        size: Width and height that are generated, pixels.
        control_loras: Those of `weights.loras` that let a pass follow a clip; they join the first
            one alone.
        unused: Those that join no pass, as there is nothing to follow.

    Returns:
        One pass or two; the first alone is the draft.
    """
    plain = tuple(lora for lora in weights.loras if lora not in (*control_loras, *unused))
    share = _draft_share(facts, size)
    refines = share is not None and (weights.distilled or any(map(_refines, plain)))
    first = replace(
        _first(weights, settings, facts, generation),
        scale=share if refines and share is not None else Fraction(1),
        loras=_joined((*plain, *control_loras), 0),
    )
    if not refines:
        return (first,)
    second = Pass(
        _levels(DISTILLED_REFINE, settings, 1),
        loras=_joined(plain, 1),
        controlled=weights.control is not None,
        remakes_audio=weights.distilled,
    )
    return (first, second)


def _draft_share(facts: ModelFacts, size: tuple[int, int]) -> Fraction | None:
    """The draft's sides as a share of the clip's; None where there is no smaller draft."""
    if facts.upsampling is None or facts.video is None:
        return None
    factors = (facts.video.scale.width, facts.video.scale.height)
    share = 1 / facts.upsampling
    fits = all((side * share) % factor == 0 for side, factor in zip(size, factors, strict=True))
    return share if fits else None


def _refines(lora: LoraUse) -> bool:
    """Whether it joins the second pass alone, as the distilled LoRA of a full model does."""
    return lora.strength(0) == 0 and lora.strength(1) != 0


def _first(weights: WeightSet, settings: LtxSettings, facts: ModelFacts, generation: str) -> Pass:
    scale = settings.guidance
    if weights.distilled:
        made = Pass(_levels(DISTILLED, settings, 0))
        return made if scale is None else replace(made, video_guider=Guider(scale))
    steps = settings.steps[0] if settings.steps else FULL_STEPS.get(generation, 30)
    block = _SPOILT.get(generation, 28) * facts.num_layers // _BLOCKS
    (made,) = guided(steps, stg_blocks=(block,))
    made = replace(made, sigmas=ltx2_sigmas(steps) if steps > 1 else (1.0, 0.0))
    if scale is None:
        return made
    heard = replace(made.audio_guider, cfg_scale=1.0) if scale == 1 else made.audio_guider
    return replace(
        made, video_guider=replace(made.video_guider, cfg_scale=scale), audio_guider=heard
    )


def _levels(sigmas: tuple[float, ...], settings: LtxSettings, index: int) -> tuple[float, ...]:
    """The trained levels, or as many as asked along the same curve."""
    steps = settings.steps[index] if index < len(settings.steps) else len(sigmas) - 1
    places = np.linspace(0, len(sigmas) - 1, steps + 1)
    return tuple(float(v) for v in np.interp(places, np.arange(len(sigmas)), sigmas))


def _joined(loras: Iterable[LoraUse], index: int) -> tuple[Lora, ...]:
    return tuple(Lora(lora.file, lora.strength(index)) for lora in loras if lora.strength(index))
