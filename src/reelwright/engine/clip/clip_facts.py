"""What a model's own config says that a clip must fit: read without touching a weight."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from reelwright.engine.checkpoints.checkpoint import DIFFUSION, Checkpoint, Component
from reelwright.engine.checkpoints.config import (
    TransformerConfig,
    UpsamplerConfig,
    VideoVaeConfig,
)
from reelwright.engine.codecs.audio_vae import audio_settings
from reelwright.engine.codecs.video_vae import video_scale
from reelwright.engine.denoiser.models import require
from reelwright.engine.denoiser.positions import AudioScale, VideoScale


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What the video stream and its codec take.

    Attributes:
        scale: Pixels of one latent cell.
        channels: Of the latent.
        context_width: Of its text.
        encodes: Whether there is an encoder.
    """

    scale: VideoScale
    channels: int
    context_width: int
    encodes: bool


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """What the audio stream and its codec take.

    Attributes:
        scale: What one latent frame covers.
        channels: Of the latent.
        bins: Mel bins of the latent.
        context_width: Of its text.
        encodes: Whether there is an encoder.
    """

    scale: AudioScale
    channels: int
    bins: int
    context_width: int
    encodes: bool


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a model takes.

    Attributes:
        video: Of what is seen; None if the transformer has no video stream.
        audio: Of what is heard; None if it has no audio stream.
        num_layers: Blocks of the transformer.
        upsampling: How many times larger the upsampler makes a latent's sides; None without one
            that leaves time alone.
    """

    video: VideoFacts | None
    audio: AudioFacts | None
    num_layers: int
    upsampling: Fraction | None


def model_facts(checkpoint: Checkpoint, upsampler: Checkpoint | None = None) -> ModelFacts:
    """Read what a model takes.

    Args:
        checkpoint: Holds the transformer and the codecs of its streams.
        upsampler: The latent upsampler's own file, if any.

    Raises:
        CheckpointError: There is no transformer, or a stream lacks its codec's config.
    """
    names = frozenset(checkpoint.names)
    seen, heard = (f"{DIFFUSION}{stream}patchify_proj.weight" in names for stream in ("", "audio_"))
    require(checkpoint, Component.TRANSFORMER, seen or heard)
    config = checkpoint.config(TransformerConfig, "transformer")
    scaling = None
    if upsampler is not None:
        made = upsampler.config(UpsamplerConfig)
        if made.spatial_upsample and not made.temporal_upsample:
            scaling = Fraction(made.spatial_scale)
    return ModelFacts(
        _video_facts(checkpoint, config, names) if seen else None,
        _audio_facts(checkpoint, config, names) if heard else None,
        config.num_layers,
        scaling,
    )


def _context_width(config: TransformerConfig, own: int) -> int:
    return own if config.caption_proj_before_connector else config.caption_channels


def _video_facts(
    checkpoint: Checkpoint, config: TransformerConfig, names: frozenset[str]
) -> VideoFacts:
    return VideoFacts(
        video_scale(checkpoint.config(VideoVaeConfig, "vae")),
        config.in_channels,
        _context_width(config, config.cross_attention_dim),
        any(name.startswith("vae.encoder.") for name in names),
    )


def _audio_facts(
    checkpoint: Checkpoint, config: TransformerConfig, names: frozenset[str]
) -> AudioFacts:
    settings = audio_settings(checkpoint)
    return AudioFacts(
        settings.scale,
        settings.layout.z_channels,
        settings.bands // settings.factor,
        _context_width(config, config.audio_cross_attention_dim),
        any(name.startswith("audio_vae.encoder.") for name in names),
    )
