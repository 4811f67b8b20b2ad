"""What a clip says of how it was made, and what of it is not heard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelwright.generate.ltx.color_anchor import ColorAnchor
from reelwright.generate.ltx.driven import is_driven, undriven
from reelwright.generate.ltx.latents import ShotLatents
from reelwright.generate.placed import PlacedSounds
from reelwright.generate.request import ClipRequest
from reelwright.generate.silence import silence_words
from reelwright.models import WeightSet

LTX_VERSION = 1
"""Raised whenever the same request would give another clip."""


def clip_provenance(
    request: ClipRequest,
    made: ShotLatents,
    weights: WeightSet,
    anchor: ColorAnchor | None,
    silence: tuple[str, ...],
    digests: Mapping[str, str],
) -> dict[str, Any]:
    """What a clip says of how it was made.

    Args:
        request: The shot.
        made: What was decoded.
        weights: What made it.
        anchor: How its colours were moved; None if they were not.
        silence: What is not heard.
        digests: Of the weights' files, by name.
    """
    return {
        **made.facts,
        "backend": "ltx",
        "version": LTX_VERSION,
        "label": clip_label(weights, draft=made.is_draft),
        "weights": weights.name,
        "digests": dict(digests),
        "picture": "draft" if made.is_draft else "model",
        "shot": request.shot,
        "take": request.take,
        "delivered_frames": request.frames.delivered,
        "continued_frames": made.span.tail,
        "color_anchor": None if anchor is None else anchor.to_json(),
        "silence": list(silence),
    }


def clip_label(weights: WeightSet, *, draft: bool) -> str:
    """What a clip is called in front of people."""
    return f"{weights.label}, draft" if draft else weights.label


def unheard(
    request: ClipRequest, placed: PlacedSounds, weights: WeightSet, *, hears: bool
) -> tuple[str, ...]:
    """Sentences on what is not heard.

    Args:
        request: The shot.
        placed: What became of its placed sounds.
        weights: What made it.
        hears: Whether the clip has a sound of the model's.
    """
    if not hears:
        return silence_words(undriven(request), placed, f"{weights.label}, which makes no sound,")
    if is_driven(request) and (request.sound.strip() or request.dialogue.strip()):
        driven = f'Shot "{request.shot}": a given sound drives it, so its words are not heard.'
        return (driven, *placed.unheard)
    return placed.unheard
