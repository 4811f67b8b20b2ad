"""The audio codec: log-mel bands to normalised latents and back, causal in time.

A mel spectrogram is a picture of two channels (left, right) whose rows are time. Convolutions see
only rows above. A latent frame covers four mel frames, the first one a single one: L latent frames
decode to 4L - 3 mel frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from reelwright.engine.checkpoints.checkpoint import Checkpoint, Component
from reelwright.engine.checkpoints.config import AudioLayout, MelConfig, Section, StftConfig
from reelwright.engine.codecs.audio_layers import (
    DownLevel,
    Level,
    Middle,
    TimeCausalConv,
    UpLevel,
    activate,
)
from reelwright.engine.codecs.half import load_half
from reelwright.engine.codecs.mel import MelFrontEnd
from reelwright.engine.codecs.statistics import Statistics, load_statistics
from reelwright.engine.denoiser.models import require
from reelwright.engine.denoiser.positions import AudioScale
from reelwright.engine.memory.loading import CPU
from reelwright.engine.storage.weights import Compute
from reelwright.errors import InputError


class AudioEncoder(nn.Module):
    """Log-mel bands to the mean of the latent's distribution, not yet normalised.

    Args:
        config: Of the network.
    """

    def __init__(self, config: AudioLayout) -> None:
        super().__init__()
        widths = [config.ch * multiple for multiple in (1, *config.ch_mult)]
        last = len(config.ch_mult) - 1
        self.channels = config.z_channels
        self.conv_in = TimeCausalConv(config.in_channels, config.ch)
        self.down = nn.ModuleList(
            (DownLevel if i < last else Level)(widths[i], widths[i + 1], config.num_res_blocks)
            for i in range(last + 1)
        )
        self.mid = Middle(widths[-1])
        self.conv_out = TimeCausalConv(widths[-1], 2 * config.z_channels)

    def forward(self, mel: Float[Tensor, "B S T M"]) -> Float[Tensor, "B C L M2"]:
        """Encode."""
        x = self.conv_in(mel.to(self.conv_in.conv.weight))
        for level in self.down:
            x = level(x)
        return self.conv_out(activate(self.mid(x)))[:, : self.channels]  # type: ignore[no-any-return]


class AudioDecoder(nn.Module):
    """Latents, already un-normalised, to log-mel bands.

    Args:
        config: Of the network.
    """

    def __init__(self, config: AudioLayout) -> None:
        super().__init__()
        widths = [config.ch * multiple for multiple in config.ch_mult]
        incoming = [*widths[1:], widths[-1]]
        self.conv_in = TimeCausalConv(config.z_channels, widths[-1])
        self.mid = Middle(widths[-1])
        self.up = nn.ModuleList(
            (UpLevel if i else Level)(incoming[i], widths[i], config.num_res_blocks + 1)
            for i in range(len(widths))
        )
        self.conv_out = TimeCausalConv(widths[0], config.out_ch)

    def forward(self, latent: Float[Tensor, "B C L M2"]) -> Float[Tensor, "B S T M"]:
        """Decode."""
        x = self.mid(self.conv_in(latent.to(self.conv_in.conv.weight)))
        for level in reversed(self.up):
            x = level(x)
        return self.conv_out(activate(x))  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class AudioVae:
    """The codec, or the half of it that a checkpoint has.

    Attributes:
        scale: What one latent frame covers.
        front_end: Waveforms to log-mel bands.
        statistics: Scale of its latents, over channels and bands side by side.
        encoder: Bands to latents; None if the checkpoint has none.
        decoder: Latents to bands; None if the checkpoint has none.
    """

    scale: AudioScale
    front_end: MelFrontEnd
    statistics: Statistics
    encoder: AudioEncoder | None
    decoder: AudioDecoder | None

    def encode(self, mel: Float[Tensor, "B S T M"]) -> Float[Tensor, "B C L M2"]:
        """Encode log-mel bands into a normalised latent."""
        if self.encoder is None:
            raise InputError("The checkpoint has no audio encoder.", "Add a file that has it.")
        latent = self.encoder(mel).float()
        tokens = self.statistics.normalise(_channels_first(latent))
        return _channels_last(tokens, latent.shape[1])

    def encode_wave(self, wave: Float[Tensor, "B S N"], rate: int) -> Float[Tensor, "B C L M2"]:
        """Encode a waveform.

        Args:
            wave: Samples in [-1, 1], two channels.
            rate: Their rate, hertz.
        """
        return self.encode(self.front_end(wave, rate))

    def decode(self, latent: Float[Tensor, "B C L M2"]) -> Float[Tensor, "B S T M"]:
        """Decode a normalised latent into log-mel bands, 4L - 3 frames."""
        if self.decoder is None:
            raise InputError("The checkpoint has no audio decoder.", "Add a file that has it.")
        tokens = self.statistics.denormalise(_channels_first(latent))
        return self.decoder(_channels_last(tokens, latent.shape[1]))  # type: ignore[no-any-return]


def _channels_first(latent: Float[Tensor, "B C L M"]) -> Float[Tensor, "B D L"]:
    """Channels and bands side by side, as the statistics count them."""
    return rearrange(latent, "b c l m -> b (c m) l")


def _channels_last(tokens: Float[Tensor, "B D L"], channels: int) -> Float[Tensor, "B C L M"]:
    """The inverse of `_channels_first`."""
    return rearrange(tokens, "b (c m) l -> b c l m", c=channels)


class _Params(Section):
    """`audio_vae.model.params`."""

    sampling_rate: int = 16000


@dataclass(frozen=True, slots=True)
class AudioSettings:
    """What a config says of the audio codec.

    Attributes:
        layout: Its network.
        rate: Samples per second that it hears.
        stft: The spectrogram's windows.
        mel: The mel bands.
    """

    layout: AudioLayout
    rate: int
    stft: StftConfig
    mel: MelConfig

    @property
    def factor(self) -> int:
        """Mel frames, and mel bands, of one of the latent's."""
        return 2 ** (len(self.layout.ch_mult) - 1)  # type: ignore[no-any-return]

    @property
    def bands(self) -> int:
        """Mel bands."""
        return self.layout.mel_bins or self.mel.n_mel_channels

    @property
    def scale(self) -> AudioScale:
        """What one latent frame covers."""
        return AudioScale(self.rate, self.stft.hop_length, self.factor)


def audio_settings(checkpoint: Checkpoint) -> AudioSettings:
    """Read what a checkpoint's config says of the audio codec.

    Raises:
        CheckpointError: It says nothing, or what cannot be built.
    """
    params = ("audio_vae", "model", "params")
    return AudioSettings(
        checkpoint.config(AudioLayout, *params, "ddconfig"),
        checkpoint.config(_Params, *params).sampling_rate,
        checkpoint.config(StftConfig, "audio_vae", "preprocessing", "stft"),
        checkpoint.config(MelConfig, "audio_vae", "preprocessing", "mel"),
    )


def load_audio_vae(
    checkpoint: Checkpoint, *, compute: Compute = Compute.FLOAT32, device: torch.device = CPU
) -> AudioVae:
    """Build the codec, or the half of it that the checkpoint has.

    Raises:
        CheckpointError: The checkpoint lacks it, or it does not fit its config.
    """
    require(checkpoint, Component.AUDIO_VAE, Component.AUDIO_VAE in checkpoint.components)
    settings = audio_settings(checkpoint)
    layout = settings.layout
    width = layout.z_channels * settings.bands // settings.factor
    return AudioVae(
        scale=settings.scale,
        front_end=MelFrontEnd(settings.rate, settings.stft, settings.mel),
        statistics=load_statistics(checkpoint, "audio_vae.", width),
        encoder=load_half(
            lambda: AudioEncoder(layout), checkpoint, "audio_vae.encoder.", compute, device
        ),
        decoder=load_half(
            lambda: AudioDecoder(layout), checkpoint, "audio_vae.decoder.", compute, device
        ),
    )
