"""Light on surfaces: the sun, the sky around, and their reflections.

Lambert for what scatters and GGX for what shines. Scene units: a white sheet that faces a sun of
strength 1 gives back `sky.SUN_LIGHT`.

Source: Walter et al. 2007, Microfacet Models (GGX); Tokuyoshi and Kaplanyan 2019 (specular
antialiasing from the turn of the normal over a pixel).
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float32
from torch import Tensor

from reelwright.stage.light import Lighting
from reelwright.stage.surface import Look
from reelwright.stage.vector import cross, dot, unit

_PLAIN_REFLECTION = 0.04
_BRIGHTEST = 24.0  # of a highlight: brighter ones only ring in what is made from the picture
_CREVICE = 0.3  # of the sun that a closed-in place loses: shadow too fine for the maps
_BEND = 0.25
_MOST_BEND = 0.18


def shaded(
    look: Look,
    toward_eye: Float32[Tensor, "3 N"],
    sun_share: Float32[Tensor, " N"],
    open_sky: Float32[Tensor, " N"],
    lighting: Lighting,
) -> Float32[Tensor, "3 N"]:
    """Light that surfaces send to the eye.

    Args:
        look: What they are.
        toward_eye: Unit directions, world axes.
        sun_share: How much of the sun each sees.
        open_sky: How much of the sky each sees.
        lighting: What shines.
    """
    normal = facing_eye(look.normal, toward_eye)
    scatter = 1 - look.metallic
    straight = _PLAIN_REFLECTION * scatter + look.base * look.metallic
    around = lighting.ambient_on(normal) * bounced(open_sky, look.base)
    sun_cos = sun_cosine(normal, lighting) * sun_share * (1 - _CREVICE * (1 - open_sky))
    light = look.base * scatter * around
    rough = roughened(look.roughness, look.bend)
    mirror = reflected(normal, toward_eye, rough, straight, open_sky, lighting)
    shine = highlight(normal, toward_eye, rough, straight, lighting)
    for channel, sun in enumerate(lighting.sky.sun.tolist()):
        direct = look.base[channel] * scatter + shine[channel]
        light[channel] += direct * sun_cos * sun + mirror[channel]
    return light + look.emissive


def facing_eye(
    normal: Float32[Tensor, "3 N"], toward_eye: Float32[Tensor, "3 N"]
) -> Float32[Tensor, "3 N"]:
    """Bend a shading normal that looks away (a smooth normal on a coarse outline) to the side."""
    away = dot(normal, toward_eye)
    return unit(normal + (0.02 - away).clamp_min(0) * toward_eye)


def sun_cosine(normal: Float32[Tensor, "3 N"], lighting: Lighting) -> Float32[Tensor, " N"]:
    """How squarely the sun falls on surfaces, 0..1."""
    x, y, z = lighting.sky.direction.tolist()
    cosine: Tensor = normal[0] * x + normal[1] * y + normal[2] * z
    return cosine.clamp_min(0)


def bounced(open_sky: Float32[Tensor, " N"], base: Float32[Tensor, "3 N"]) -> Tensor:
    """Occlusion for each colour: what hides the sky is itself lit, and coloured alike."""
    closed = 1 - open_sky
    return open_sky + base * (0.45 * closed * open_sky)


def roughened(
    roughness: Float32[Tensor, " N"], bend: Float32[Tensor, " N"] | None
) -> Float32[Tensor, " N"]:
    """GGX alpha, wider where the normal turns within a pixel, so that a highlight cannot flash."""
    alpha = roughness.clamp_min(0.06).square()
    if bend is None:
        return alpha
    extra = (_BEND * bend).clamp(max=_MOST_BEND)
    return (alpha * alpha + extra).clamp(max=1).sqrt()


def reflected(
    normal: Tensor,
    toward_eye: Tensor,
    alpha: Tensor,
    straight: Tensor,
    open_sky: Tensor,
    lighting: Lighting,
) -> Float32[Tensor, "3 N"]:
    """Reflection of sky and ground."""
    away = dot(normal, toward_eye).clamp(0, 1)
    toward = 2 * away * normal - toward_eye
    world = lighting.mirrored_world(toward, alpha.sqrt())
    smooth = 1 - alpha.sqrt()
    edge = (1 - away) ** 2
    edge = edge * edge * (1 - away)
    share = straight + (torch.maximum(smooth.expand_as(straight), straight) - straight) * edge
    # A dent that hides the sky hides its reflection too, less so for a mirror at an angle.
    hidden = 1 - (1 - open_sky) * (0.5 + 0.5 * away)
    return world * share * hidden


def highlight(
    normal: Tensor, toward_eye: Tensor, alpha: Tensor, straight: Tensor, lighting: Lighting
) -> Float32[Tensor, "3 N"]:
    """The sun's reflection, as a share of the light on a sheet of paper there."""
    sun = torch.tensor(lighting.sky.direction.tolist(), device=normal.device)[:, None]
    half = unit(toward_eye + sun)
    across = sun_cosine(half, lighting)
    cos_half = dot(normal, half).clamp(0, 1)
    cos_eye = dot(normal, toward_eye).clamp(0.02, 1)
    cos_sun = sun_cosine(normal, lighting).clamp(0.02, 1)
    # The sun is a disc, not a point.
    wide = (alpha + 0.25 * math.sqrt(max(1 - lighting.sky.disc_cos**2, 0.0))).clamp(max=1)
    square = wide * wide
    # 1 - cos^2 from the vector product: in float32 the difference itself has no digits left.
    aside = cross(normal, half)
    spread = (dot(aside, aside) + square * cos_half * cos_half).clamp_min(1e-9)
    peak = alpha * alpha / (spread * spread)
    masking = 2 / (
        cos_eye * (square + (1 - square) * cos_sun * cos_sun).sqrt()
        + cos_sun * (square + (1 - square) * cos_eye * cos_eye).sqrt()
    ).clamp_min(1e-4)
    edge = (1 - across) ** 2
    fresnel = straight + (1 - straight) * (edge * edge * (1 - across))
    return (fresnel * (0.25 * peak * masking)).clamp(max=_BRIGHTEST)
