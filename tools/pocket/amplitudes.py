"""Sounds for the vocoder to learn from, and how loud each of its sines is in them.

True amplitudes come from the sound by projection on the same sines, at 100 frames a second.
"""

from __future__ import annotations

import torch
from jaxtyping import Float32
from tools.pocket.audio_codec import clip_of, hear
from tools.pocket.sound_run import RUNS
from tools.pocket.sounds import sound_track
from tools.pocket.vocoder import HARMONICS, synthesise
from tools.pocket.voices import RATE
from torch import Tensor
from torch.nn.functional import conv1d, pad

from reelwright.engine.checkpoints.checkpoint import Checkpoint
from reelwright.engine.codecs.audio_vae import AudioVae, load_audio_vae
from reelwright.engine.codecs.generator import Generator
from reelwright.engine.codecs.mel import resample

LOW_RATE, HOP = 16_000, 160
CODEC = RUNS / "audio_codec" / "audio_vae.safetensors"
Sound = tuple[Float32[Tensor, "2 T M"], Float32[Tensor, "2 N"]]


def load_codec() -> AudioVae | None:
    """The codec as trained so far, if it is."""
    return load_audio_vae(Checkpoint.open(CODEC)) if CODEC.exists() else None


def sound_of(seed: int, codec: AudioVae | None) -> Sound:
    """Spectra and 16 kHz sound of a clip; of odd seeds as the codec hands them on."""
    sound = sound_track(clip_of(seed))
    mel = hear(sound)[0]
    wave = resample(torch.from_numpy(sound)[None], RATE, LOW_RATE)[0]
    if codec is not None and seed % 2:
        rng = torch.Generator().manual_seed(seed)
        latent = codec.encode(mel[None])
        off = 0.1 * torch.rand((), generator=rng) * torch.randn(latent.shape, generator=rng)
        mel = codec.decode(latent + off)[0].float()
    return mel, wave


def crops(sound: Sound, frames: int, count: int, seed: int) -> list[Sound]:
    """Stretches of a sound that begin with a frame, some of them with the first."""
    mel, wave = sound
    last = min(mel.shape[1], wave.shape[1] // HOP) - frames
    rng = torch.Generator().manual_seed(seed)
    firsts = torch.randint(0, max(1, last + 1), (count,), generator=rng).tolist()
    firsts = [0 if seed % 7 == 0 else first for first in firsts]
    return [
        (mel[:, f : f + frames], wave[:, f * HOP : (f + frames) * HOP]) for f in firsts if last >= 0
    ]


def analyser(low: Generator) -> Float32[Tensor, "H 1 K"]:
    """Projections on the sines, in proportion to what the bank makes of each."""
    time = torch.arange(2 * HOP) - HOP // 2
    hertz = 100.0 * torch.arange(1, HARMONICS + 1)
    sines = torch.sin(2 * torch.pi * hertz[:, None] * time / LOW_RATE)
    rows = sines * torch.hann_window(2 * HOP) / (HOP / 2)
    steady = torch.eye(HARMONICS)[:, :, None].expand(-1, -1, 24)
    with torch.no_grad():
        made = synthesise(low, pad(steady, (0, 0, 0, HARMONICS)))[:, 0]
        gains = _project(made[:, None], rows[:, None])[
            torch.arange(HARMONICS), torch.arange(HARMONICS), 12
        ]
    return (rows / gains[:, None])[:, None]


def _project(wave: Float32[Tensor, "B 1 N"], rows: Tensor) -> Float32[Tensor, "B H T"]:
    return conv1d(pad(wave, (HOP // 2, HOP // 2)), rows, stride=HOP)


def true_amplitudes(wave: Float32[Tensor, "B 2 N"], rows: Tensor) -> Float32[Tensor, "B D T"]:
    """How loud each sine is in a sound, left then right."""
    sides = _project(wave.flatten(0, 1)[:, None], rows)
    return sides.view(wave.shape[0], 2 * HARMONICS, -1)
