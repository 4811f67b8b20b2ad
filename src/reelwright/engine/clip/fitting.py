"""Frames and waveforms as people give them, made into what the codecs take."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import torch
from einops import rearrange
from jaxtyping import Float, Float32
from torch import Tensor
from torch.nn.functional import interpolate, pad

from reelwright.engine.clip.clip_request import Frames, Sound
from reelwright.engine.codecs.audio_vae import AudioVae
from reelwright.engine.codecs.tiling import Tiling
from reelwright.engine.codecs.video_vae import VideoVae
from reelwright.engine.denoiser.positions import AudioScale
from reelwright.errors import InputError


def fit_frames(frames: Frames, width: int, height: int) -> Float32[Tensor, "1 3 F Hp Wp"]:
    """Fill a size with frames: scaled to cover it, the middle kept.

    Bilinear, as the reference does it; where the frames shrink, their detail is averaged first,
    which the reference leaves out: without, a fine pattern turns into another one.

    Args:
        frames: uint8, or float in [0, 1].
        width: Pixels wanted.
        height: Pixels wanted.

    Returns:
        Pixels in [-1, 1].
    """
    scale = 127.5 if frames.dtype == torch.uint8 else 0.5
    pixels = rearrange(frames, "f h w c -> f c h w").float() / scale - 1.0
    rows, columns = pixels.shape[-2:]
    ratio = max(Fraction(height, rows), Fraction(width, columns))
    if ratio != 1:
        covering = (ceil(rows * ratio), ceil(columns * ratio))
        pixels = interpolate(pixels, covering, mode="bilinear", antialias=ratio < 1)
    top, left = (pixels.shape[-2] - height) // 2, (pixels.shape[-1] - width) // 2
    cropped = pixels[..., top : top + height, left : left + width]
    return rearrange(cropped, "f c h w -> 1 c f h w")


def encode_frames(
    vae: VideoVae, frames: Frames, size: tuple[int, int], tiling: Tiling | None
) -> Float32[Tensor, "1 C F H W"]:
    """Encode frames at a size.

    Args:
        vae: The codec.
        frames: As many as it takes.
        size: Width and height, pixels.
        tiling: How a clip is cut; a still is encoded whole.

    Returns:
        Normalised latent, on the CPU.
    """
    pixels = fit_frames(frames, *size)
    whole = tiling is None or frames.shape[0] == 1
    latent = vae.encode(pixels) if whole or tiling is None else vae.encode_tiled(pixels, tiling)
    return latent.float().cpu()


def strided_frames(frames: Frames, stride: int) -> Frames:
    """The first frame, and of those behind it every so-manieth."""
    return frames if stride == 1 else torch.cat((frames[:1], frames[1::stride]))


def encode_sound(vae: AudioVae, sound: Sound, num_latents: int) -> Float32[Tensor, "1 C L M"]:
    """Encode a waveform's first latent frames; behind its end it is silent.

    Silence is heard by the codec like any sound: a latent padded with zeros would be no silence.

    Args:
        vae: The codec.
        sound: The waveform.
        num_latents: Latent frames wanted.

    Returns:
        Normalised latent, on the CPU.
    """
    # One latent frame more than wanted: the spectrogram mirrors the sound at its very end.
    length = ceil((num_latents + 1) / vae.scale.latents_per_second * sound.rate)
    wave = sound.wave.float().expand(2, -1)[:, :length]
    wave = pad(wave, (0, length - wave.shape[-1]))
    latent = vae.encode_wave(wave[None], sound.rate)[:, :, :num_latents]
    if latent.shape[2] != num_latents:
        raise InputError("The sound is too short to be encoded.", "Ask for a longer clip.")
    return latent.float().cpu()


def latents_within(duration_s: float, scale: AudioScale) -> int:
    """Latent frames of sound that end within a duration."""
    mels = int(duration_s * scale.sample_rate / scale.hop + 1e-6)
    return max(0, (mels - 1) // scale.factor + 1) if mels else 0


def thumbnail(latent: Float[Tensor, "1 C 1 H W"], cells: int) -> Float[Tensor, "1 C 1 H2 W2"]:
    """A latent frame with its long side at most so many cells."""
    height, width = latent.shape[-2:]
    share = max(1.0, max(height, width) / cells)
    sides = (1, max(2, round(height / share)), max(2, round(width / share)))
    if sides[1] >= height and sides[2] >= width:
        return latent
    return torch.nn.functional.adaptive_avg_pool3d(latent, sides)
