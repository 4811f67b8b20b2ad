"""Sounds that drive the picture: given to the model, heard unchanged."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import torch

from reelwright.audio import SAMPLE_RATE
from reelwright.engine import Sound
from reelwright.generate.ltx.previous import PreviousShot
from reelwright.generate.ltx.span import ShotSpan
from reelwright.generate.placed import num_samples, write_placed
from reelwright.generate.request import ClipRequest
from reelwright.progress import NO_PROGRESS


def is_driven(request: ClipRequest) -> bool:
    """Whether a shot has sounds that drive its picture."""
    return any(sound.mode == "drive" for sound in request.sounds)


def undriven(request: ClipRequest) -> ClipRequest:
    """The shot with the other sounds alone, which the model never hears."""
    return replace(request, sounds=tuple(s for s in request.sounds if s.mode != "drive"))


def driving_sound(
    request: ClipRequest, span: ShotSpan, previous: PreviousShot | None, scratch: Path
) -> tuple[Sound, tuple[str, ...]]:
    """What drives a shot, as one waveform: cut, faded, panned, summed.

    Args:
        request: The shot.
        span: Frames of the model's clip; over its tail the shot before is heard.
        previous: The shot before, if this one continues it.
        scratch: A folder that is made and removed.

    Returns:
        Two channels at 48 kHz from the model's first frame on; and sentences on files that
        cannot be heard.

    Raises:
        AssetError: A sound file that cannot be used.
    """
    drives = tuple(replace(s, mode="mix") for s in request.sounds if s.mode == "drive")
    try:
        placed = write_placed(replace(request, sounds=drives), scratch, NO_PROGRESS)
        count = num_samples(span.shown, request)
        wave = torch.zeros(2, count)
        if placed.stem is not None:
            wave = torch.from_numpy(placed.stem.read(0, count))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    before = torch.zeros(2, num_samples(span.tail, request))
    heard = previous.sound(span.tail) if previous is not None and span.tail else None
    if heard is not None and heard.rate == SAMPLE_RATE:
        before[:, : heard.wave.shape[1]] = heard.wave[:, : before.shape[1]]
    return Sound(torch.cat((before, wave), dim=1), SAMPLE_RATE), placed.unheard
