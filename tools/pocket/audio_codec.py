"""The pocket audio codec in the official layout: its shape, its file, its ear.

`write_codec` makes what the engine reads: tensors `audio_vae.*` and `vocoder.*`, with both sections
of the config in the metadata.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, Float32
from safetensors.torch import save_file
from tools.pocket.make_pool import facts_of
from tools.pocket.scenes import draw_staging
from tools.pocket.sound_clips import random_clip
from tools.pocket.sounds import sound_track
from tools.pocket.voices import RATE
from torch import Tensor, nn
from torch.nn.functional import silu

from reelwright.engine.checkpoints.config import AudioLayout
from reelwright.engine.codecs import audio_layers, audio_vae
from reelwright.engine.codecs.audio_vae import AudioDecoder, AudioEncoder
from reelwright.engine.codecs.mel import DEFAULT_FRONT_END

HELD_OUT = 10_000_000
"""Seeds from here on never train."""

CONFIG: dict[str, Any] = {
    "model": {
        "params": {
            "ddconfig": {
                "double_z": True,
                "mel_bins": 64,
                "z_channels": 8,
                "resolution": 256,
                "downsample_time": False,
                "in_channels": 2,
                "out_ch": 2,
                "ch": 16,
                "ch_mult": [1, 2, 4],
                "num_res_blocks": 1,
                "attn_resolutions": [],
                "dropout": 0.0,
                "mid_block_add_attention": False,
                "norm_type": "pixel",
                "causality_axis": "height",
            },
            "sampling_rate": 16000,
        }
    },
    "preprocessing": {
        "stft": {"filter_length": 1024, "hop_length": 160, "win_length": 1024, "causal": True},
        "mel": {"n_mel_channels": 64, "mel_fmin": 0, "mel_fmax": 8000},
    },
}
"""Section `audio_vae`: the official one but for its widths."""

_APART = 500_000_000
"""Added to the seeds of staged scenes."""

MEAN, SPREAD = -7.0, 3.0
"""Of the log-mel bands of the pocket's sounds, roughly: where the network starts from."""

NOISE, PULL = 0.15, 1e-3
"""Noise on the latent in training, and the weight of its square: together they set its scale."""


def _activate(x: Float[Tensor, "B C T M"]) -> Float[Tensor, "B C T M"]:
    """The engine's normalisation and SiLU, leaving its input as it is for the way back."""
    return silu(x / (x.square().mean(1, keepdim=True) + audio_layers.EPS).sqrt())


class AudioCodec(nn.Module):
    """Encoder and decoder of the engine, as they train.

    The engine activates in place to save memory, which has no gradient; while this trains, the
    same function out of place stands in for it.
    """

    def __init__(self) -> None:
        super().__init__()
        audio_layers.activate = audio_vae.activate = _activate  # type: ignore[attr-defined]
        layout = AudioLayout.model_validate(CONFIG["model"]["params"]["ddconfig"])
        self.encoder, self.decoder = AudioEncoder(layout), AudioDecoder(layout)
        self._start()

    def _start(self) -> None:
        """Take the bands' mean and spread into the outermost convolutions; quiet branches."""
        with torch.no_grad():
            entry, exit_ = self.encoder.conv_in.conv, self.decoder.conv_out.conv
            entry.weight /= SPREAD
            assert entry.bias is not None
            assert exit_.bias is not None
            entry.bias -= MEAN * entry.weight.sum((1, 2, 3))
            exit_.weight *= SPREAD
            exit_.bias.fill_(MEAN)
            for name, weight in self.named_parameters():
                if ".conv2.conv." in name:
                    weight *= 0.2

    def forward(
        self, mel: Float[Tensor, "B S T M"], noise: float = 0.0
    ) -> tuple[Float[Tensor, "B S T M"], Float[Tensor, "B C L M2"]]:
        """Through and back: bands, and the latent before noise."""
        latent = self.encoder(mel)
        return self.decoder(latent + noise * torch.randn_like(latent)), latent


def hear(wave: np.ndarray, rate: int = RATE) -> Float32[Tensor, "1 2 T M"]:
    """Log-mel bands by the engine's own ear."""
    return DEFAULT_FRONT_END(torch.from_numpy(wave)[None], rate)


def clip_of(seed: int) -> dict[str, Any]:
    """Metadata of a clip for the ear: a staged scene, or (two of five) one by chance.

    The latter has meshes too. Seeds are apart from those of any pool.
    """
    rng = np.random.default_rng([seed, 3])
    frames = int(rng.choice([25, 33, 49, 73]))
    rate = float(rng.choice([24, 25, 30]))
    if rng.random() < 0.4:
        return random_clip(seed, frames, rate)
    return facts_of(draw_staging(_APART + seed, (256, 160), frames, rate), (1.0, 2.0))


def mels(seeds: range, frames: int) -> Float32[Tensor, "B 2 T M"]:
    """Bands of every whole stretch of clips, the first ones from the clips' starts.

    Args:
        seeds: Of the clips.
        frames: Mel frames of a stretch, 4L - 3.
    """
    parts = []
    for seed in seeds:
        heard = hear(sound_track(clip_of(seed)))
        count = heard.shape[2] // frames
        parts.append(rearrange(heard[:, :, : count * frames], "1 s (n t) m -> n s t m", n=count))
    return torch.cat(parts)


def statistics(
    encoder: AudioEncoder, seeds: range
) -> tuple[Float32[Tensor, " D"], Float32[Tensor, " D"]]:
    """Mean and deviation of each of the latent's features, channels and bands side by side."""
    with torch.no_grad():
        latents = [encoder(hear(sound_track(clip_of(seed)))).float() for seed in seeds]
    tokens = torch.cat([rearrange(latent, "1 c l m -> l (c m)") for latent in latents])
    return tokens.mean(0), tokens.std(0).clamp(min=1e-3)


def write_codec(
    path: Path,
    codec: Mapping[str, Tensor],
    scale: tuple[Tensor, Tensor],
    vocoder: Mapping[str, Tensor] | None = None,
    vocoder_config: Mapping[str, Any] | None = None,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write the file that the engine reads.

    Args:
        path: Where.
        codec: Weights of `AudioCodec`.
        scale: From `statistics`; kept in float32.
        vocoder: Weights of the vocoder by official name, without `vocoder.` in front.
        vocoder_config: Section `vocoder`.
        dtype: Of the codec's weights; the vocoder's are kept as they come.
    """
    tensors = {f"audio_vae.{name}": value.to(dtype) for name, value in codec.items()}
    names = ("mean-of-means", "std-of-means")
    for name, value in zip(names, scale, strict=True):
        tensors[f"audio_vae.per_channel_statistics.{name}"] = value.float()
    config: dict[str, Any] = {"audio_vae": CONFIG}
    if vocoder is not None:
        tensors |= {f"vocoder.{name}": value for name, value in vocoder.items()}
        config["vocoder"] = vocoder_config
    partial = path.with_suffix(".partial")
    metadata = {"config": json.dumps(config), "model_version": "2.3", "format": "pt"}
    save_file({k: v.contiguous().cpu() for k, v in tensors.items()}, partial, metadata)
    partial.replace(path)
