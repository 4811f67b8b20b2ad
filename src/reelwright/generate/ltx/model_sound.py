"""The model's own sound, as a stem of the clip."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import torch
from jaxtyping import Float32
from torch import Tensor

from reelwright.audio import SAMPLE_RATE, Audio, AudioWriter
from reelwright.engine import Sound
from reelwright.engine.codecs.mel import resample
from reelwright.errors import NumericsError
from reelwright.generate.ltx.span import ShotSpan

_FADE_S = 0.005
"""A model's sound ends up to 50 ms before its pictures do: it fades out, so that nothing clicks."""


def write_model_sound(sound: Sound, span: ShotSpan, frame_rate: Fraction, path: Path) -> Audio:
    """Write what a model made to be heard, as long as the clip's frames.

    Args:
        sound: From the model's first frame on.
        span: Which of its frames the clip shows.
        frame_rate: Frames per second.
        path: The stem.

    Returns:
        Stereo at 48 kHz.

    Raises:
        NumericsError: It has numbers that are not finite.
        ResourceError: The disk is full.
    """
    wave = resample(sound.wave.float()[None], sound.rate, SAMPLE_RATE)[0].expand(2, -1)
    if not bool(torch.isfinite(wave).all()):
        raise NumericsError(
            "The model's sound has numbers that are not finite.",
            "Use bfloat16 or float32, and verify the checkpoint.",
        )
    first, count = (round(frames / frame_rate * SAMPLE_RATE) for frames in (span.tail, span.shown))
    shown = _ended(wave[:, first : first + count], count)
    with AudioWriter(path) as writer:
        writer.write(shown.numpy())
    return Audio.open(path)


def _ended(wave: Float32[Tensor, "2 N"], count: int) -> Float32[Tensor, "2 M"]:
    """Faded out and followed by silence where it is too short."""
    missing = count - wave.shape[1]
    if missing <= 0:
        return wave
    fade = min(round(_FADE_S * SAMPLE_RATE), wave.shape[1])
    faded = wave.clone()
    faded[:, wave.shape[1] - fade :] *= torch.linspace(1.0, 0.0, fade)
    return torch.nn.functional.pad(faded, (0, missing))
