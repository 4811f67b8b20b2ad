"""The sound of a pool's clips as latents, beside the latents of their pictures.

Only clips as they are have sound: of a window or a clip run backwards it would not be true. In a
mirror, the ears change places.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tools.pocket.clips import clips_in, shards
from tools.pocket.latents import SOUND
from tools.pocket.sounds import sound_track
from tools.pocket.voices import RATE
from torch import Tensor

from reelwright.engine import AudioVae, Checkpoint, load_audio_vae, num_audio_latents


def load_ear(path: Path) -> AudioVae:
    """The audio codec through the engine."""
    return load_audio_vae(Checkpoint.open(path))


@torch.no_grad()
def encode_sound(ear: AudioVae, facts: dict[str, Any], frames: int) -> Tensor:
    """The latent of a clip's sound and of its mirror image [2, C, L, M]."""
    wave = torch.from_numpy(sound_track(facts))
    length = num_audio_latents(frames, float(facts["frame_rate"]))
    found = ear.encode_wave(torch.stack((wave, wave.flip(0))), RATE)
    missing = length - found.shape[2]
    if missing > 0:
        found = torch.cat((found, found[:, :, -1:].expand(-1, -1, missing, -1)), dim=2)
    return found[:, :, :length].bfloat16().contiguous()


def update_sounds(pool: Path, folder: Path, ear: AudioVae, *, seconds: float) -> int:
    """Encode what is missing, for at most so many seconds; how many shards."""
    stop, done = time.monotonic() + seconds, 0
    for shard in shards(pool):
        out = folder / f"{shard.stem}{SOUND}safetensors"
        if out.exists() or "-held-" in shard.name:
            continue
        if time.monotonic() > stop:
            break
        clips = [clip for clip in clips_in(shard) if not clip.facts.get("held_out")]
        sounds = [encode_sound(ear, clip.facts, clip.depth.shape[0]) for clip in clips]
        part = out.with_suffix(".part")
        save_file({str(i): sound for i, sound in enumerate(sounds)}, part)
        part.replace(out)
        done += 1
    return done
