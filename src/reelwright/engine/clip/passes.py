"""How a clip is made: one denoise after another, each a value; and the sets that models want.

The distilled model is asked without guidance, the full one with; both make the picture at half
size first and refine it at full size. What a preset says can be changed with `replace`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path

from reelwright.engine.sampling.conditioning import VideoSpace
from reelwright.engine.sampling.guidance import NEUTRAL, Guider
from reelwright.engine.sampling.noise import NoiseSource
from reelwright.engine.sampling.res2s import Res2s
from reelwright.engine.sampling.sampler import Ancestral, Euler, GradientEstimating, Lcm, Sampler
from reelwright.engine.sampling.schedule import (
    DEFAULT_TOKENS,
    DISTILLED,
    DISTILLED_REFINE,
    Sigmas,
    ltx2_sigmas,
)

HALF, FULL = Fraction(1, 2), Fraction(1)


class SamplerKind(StrEnum):
    """A way down the levels."""

    EULER = "euler"
    GRADIENT_ESTIMATING = "gradient_estimating"
    ANCESTRAL = "ancestral"
    LCM = "lcm"
    RES_2S = "res_2s"

    @property
    def standardised(self) -> bool:
        """Whether it wants noise of exactly mean 0 and deviation 1."""
        return self is SamplerKind.RES_2S

    def make(self, sigmas: Sigmas, noise: NoiseSource) -> Sampler:
        """The sampler, over its levels.

        Args:
            sigmas: Levels, descending.
            noise: Where it draws from, if it draws.

        Raises:
            ScheduleError: The levels do not descend.
        """
        match self:
            case SamplerKind.EULER:
                return Euler(sigmas)
            case SamplerKind.GRADIENT_ESTIMATING:
                return GradientEstimating(sigmas)
            case SamplerKind.ANCESTRAL:
                return Ancestral(sigmas, noise)
            case SamplerKind.LCM:
                return Lcm(sigmas, noise)
            case SamplerKind.RES_2S:
                return Res2s(sigmas, noise)


@dataclass(frozen=True, slots=True)
class Lora:
    """A LoRA and how much of it.

    Attributes:
        path: Its file.
        strength: Factor of its changes.
    """

    path: Path
    strength: float = 1.0


@dataclass(frozen=True, slots=True)
class Pass:
    """One denoise.

    Attributes:
        sigmas: Levels, descending; a refining pass starts from its first.
        scale: Its sides, as a share of the clip's.
        sampler: How the levels are walked.
        video_guider: How what is seen is guided.
        audio_guider: How what is heard is guided.
        loras: Changes to the weights.
        controlled: Whether the clips to follow are shown.
        remakes_audio: Whether its sound is the result, else that of the pass before.
    """

    sigmas: Sigmas
    scale: Fraction = FULL
    sampler: SamplerKind = SamplerKind.EULER
    video_guider: Guider = NEUTRAL
    audio_guider: Guider = NEUTRAL
    loras: tuple[Lora, ...] = ()
    controlled: bool = True
    remakes_audio: bool = True


@dataclass(frozen=True, slots=True)
class PassPlan:
    """One pass, laid out.

    Attributes:
        settings: How it is made.
        width: Pixels; 0 where nothing is seen.
        height: Pixels; 0 where nothing is seen.
        space: What its video fills; None where nothing is seen.
        num_audio: Latent frames of its sound; None where nothing is heard.
        upsampled: Whether the pass before is upsampled for it.
    """

    settings: Pass
    width: int
    height: int
    space: VideoSpace | None
    num_audio: int | None
    upsampled: bool


def distilled(
    *,
    loras: Sequence[Lora] = (),
    control_loras: Sequence[Lora] = (),
    one_pass: bool = False,
) -> tuple[Pass, ...]:
    """The passes of the distilled model: 8 steps at half size, 3 at full size, no guidance.

    Args:
        loras: Of both passes.
        control_loras: Of the first pass alone, like the clips that they let it follow.
        one_pass: Whether there is only the first, at full size.
    """
    everywhere = tuple(loras)
    first = Pass(DISTILLED, FULL if one_pass else HALF, loras=(*everywhere, *control_loras))
    if one_pass:
        return (first,)
    return (first, Pass(DISTILLED_REFINE, loras=everywhere, controlled=False))


def guided(
    num_steps: int = 30,
    *,
    stg_blocks: tuple[int, ...] = (28,),
    loras: Sequence[Lora] = (),
    refiner: Lora | None = None,
    skip_step: int = 0,
) -> tuple[Pass, ...]:
    """The passes of the full model: guided at half size, then refined by the distilled LoRA.

    Args:
        num_steps: Of the first pass; 30 for 2.3, 40 for 2.0.
        stg_blocks: Blocks whose self-attention is spoilt; 28 for 2.3, 29 for 2.0.
        loras: Of both passes.
        refiner: The distilled LoRA of the second pass; None for one pass at full size.
        skip_step: Steps after each guided one that use its prediction again.
    """
    video, audio = (
        Guider(cfg, 1.0, stg_blocks, rescale_scale=0.7, modality_scale=3.0, skip_step=skip_step)
        for cfg in (3.0, 7.0)
    )
    everywhere = tuple(loras)
    first = Pass(
        ltx2_sigmas(num_steps),
        FULL if refiner is None else HALF,
        video_guider=video,
        audio_guider=audio,
        loras=everywhere,
    )
    if refiner is None:
        return (first,)
    return (first, _refined(SamplerKind.EULER, (*everywhere, refiner)))


def high_quality(
    refiner: Path,
    *,
    num_steps: int = 15,
    num_tokens: int = DEFAULT_TOKENS,
    strengths: tuple[float, float] = (0.25, 0.5),
    loras: Sequence[Lora] = (),
) -> tuple[Pass, ...]:
    """The passes of the full model, of second order: fewer steps, the distilled LoRA in both.

    Args:
        refiner: The distilled LoRA's file.
        num_steps: Of the first pass.
        num_tokens: Cells of the first pass's latent, which its levels follow.
        strengths: Of the distilled LoRA, per pass.
        loras: Of both passes.
    """
    first, second = (Lora(refiner, strength) for strength in strengths)
    return (
        Pass(
            ltx2_sigmas(num_steps, num_tokens),
            HALF,
            SamplerKind.RES_2S,
            Guider(3.0, rescale_scale=0.45, modality_scale=3.0),
            Guider(7.0, rescale_scale=1.0, modality_scale=3.0),
            (*loras, first),
        ),
        _refined(SamplerKind.RES_2S, (*loras, second)),
    )


def _refined(sampler: SamplerKind, loras: tuple[Lora, ...]) -> Pass:
    """The full model's second pass; the reference keeps the first one's sound."""
    return Pass(
        DISTILLED_REFINE, sampler=sampler, loras=loras, controlled=False, remakes_audio=False
    )
