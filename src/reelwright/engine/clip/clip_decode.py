"""From a clip's latents to frames and sound."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float32
from torch import Tensor

from reelwright.engine.clip.clip_models import Models
from reelwright.engine.clip.clip_request import Sound
from reelwright.engine.clip.pipeline import ClipLatents
from reelwright.engine.codecs.tiling import Tiling
from reelwright.engine.codecs.video_layers import Noise
from reelwright.engine.codecs.video_vae import to_rgb
from reelwright.engine.sampling.noise import NoiseUse, Purpose, noise
from reelwright.errors import InputError


def decode_frames(
    clip: ClipLatents, models: Models, *, tiling: Tiling | None = None
) -> Iterator[Float32[Tensor, "F Hp Wp 3"]]:
    """Decode what is seen, chunk by chunk; a chunk that was used can go.

    Args:
        clip: From `make_clip`.
        models: Has the codec, which is held until the last chunk.
        tiling: How the latent is cut; None for the models' own, which leaves small clips whole.

    Yields:
        Consecutive frames, red, green and blue in [0, 1], on the CPU.

    Raises:
        InputError: Nothing is seen in the clip.
    """
    if clip.video is None:
        raise InputError("Nothing is seen in this clip.", "Decode its sound alone.")
    cut = models.tiling() if tiling is None else tiling
    with models.video_vae() as vae:
        latent = clip.video.to(models.device)
        drawn = _draws(clip.seed) if vae.decoder is not None and vae.decoder.timed else None
        with torch.no_grad():
            chunks = iter(
                [vae.decode(latent, noise=drawn)]
                if cut is None
                else vae.decode_tiled(latent, cut, noise=drawn)
            )
        while True:
            with torch.no_grad():
                chunk = next(chunks, None)
            if chunk is None:
                return
            yield to_rgb(chunk[0].float().cpu())


@torch.no_grad()
def decode_sound(clip: ClipLatents, models: Models) -> Sound | None:
    """Decode what is heard.

    A latent frame of sound lasts 40 ms, and the first one a quarter of that: the sound ends up to
    50 ms before the last frame of the picture does.

    Args:
        clip: From `make_clip`.
        models: Has the codec and the vocoder.

    Returns:
        Two channels; the given waveform itself where the clip was made for one; None where
        nothing is heard.
    """
    if clip.sound is not None:
        return clip.sound
    if clip.audio is None:
        return None
    with models.audio_vae() as vae:
        mel = vae.decode(clip.audio.to(models.device)).float()
    with models.vocoder() as vocoder:
        wave: Tensor = vocoder(mel)
        return Sound(wave[0].float().cpu(), vocoder.sample_rate)


def _draws(seed: int) -> Noise:
    """The noise that older decoders mix in, a draw for each tile and map, in order."""
    count = 0

    def draw(shape: tuple[int, ...]) -> Tensor:
        nonlocal count
        count += 1
        return noise(seed, NoiseUse(Purpose.DECODE, step=count), shape)

    return draw
