"""Single values of a request, each refused with where it stands and the mend."""

from __future__ import annotations

from math import ceil

import torch
from torch import Tensor

from reelwright.engine.clip.clip_request import Sound
from reelwright.errors import InputError


def check_pixels(pixels: Tensor, where: str) -> None:
    """Refuse frames that are not `[F, H, W, 3]`, uint8 or float in [0, 1]."""
    fits = pixels.ndim == 4 and pixels.shape[-1] == 3 and pixels.numel() > 0
    if not fits or not (pixels.dtype == torch.uint8 or pixels.is_floating_point()):
        raise InputError(
            f"Frames of {list(pixels.shape)} in {pixels.dtype} cannot be read.",
            "Give [frames, height, width, 3], as uint8 or as float in [0, 1].",
            where=where,
        )
    # Bilinear and codec rounding may leave the range by a little; 0 to 255 by far.
    if pixels.is_floating_point() and not bool(((pixels > -0.01) & (pixels < 1.01)).all()):
        raise InputError(
            "Frames of float numbers lie outside [0, 1], or are none.",
            "Divide by 255, or give them as uint8.",
            where=where,
        )


def check_sound(sound: Sound, where: str) -> None:
    """Refuse a waveform that is empty, of more than two channels, or of no rate."""
    if sound.wave.ndim != 2 or sound.wave.shape[0] not in (1, 2) or not sound.wave.numel():
        raise InputError(
            f"A waveform of {list(sound.wave.shape)} cannot be heard.",
            "Give [channels, samples], one channel or two.",
            where=where,
        )
    if sound.rate < 1 or not sound.wave.is_floating_point():
        raise InputError(
            f"A waveform in {sound.wave.dtype} at {sound.rate} Hz cannot be heard.",
            "Give float samples in [-1, 1] and their rate.",
            where=where,
        )
    check_finite(sound.wave, where)


def check_finite(tensor: Tensor, where: str) -> None:
    """Refuse NaN and infinity: they spread over everything."""
    if not bool(torch.isfinite(tensor).all()):
        raise InputError("It has numbers that are not finite.", "Make it anew.", where=where)


def check_frames(frames: int, factor: int, where: str) -> None:
    """Refuse a number of frames that the video codec does not take."""
    if (frames - 1) % factor:
        legal = ceil((frames - 1) / factor) * factor + 1
        raise InputError(
            f"{frames} frames cannot be encoded: the model takes {factor}k+1.",
            f"Use {legal} frames.",
            where=where,
            num_frames=frames,
        )


def check_context(context: Tensor | None, width: int, where: str) -> None:
    """Refuse a text that is missing or of another model."""
    if context is None:
        raise InputError(
            "There is no text for this stream.",
            "Encode the text with the model's own connectors, or leave the stream out.",
            where=where,
        )
    if context.ndim != 3 or context.shape[0] != 1 or context.shape[-1] != width:
        raise InputError(
            f"The text has the shape {list(context.shape)}, the model takes [1, S, {width}].",
            "Encode the text with the model's own connectors.",
            where=where,
        )
    check_finite(context, where)


def check_share(value: float, where: str) -> None:
    """Refuse a strength outside [0, 1]."""
    if not 0 <= value <= 1:
        raise InputError(f"A strength of {value} cannot be.", "Use 0 to 1.", where=where)
