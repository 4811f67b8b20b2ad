"""What a checkpoint's own config says of its architecture, checked where it enters.

The sections stand as JSON in the file's metadata. Keys that shape the model are read, with the
defaults that the reference uses where a key is absent; keys that the architecture only allows one
value for are compared with it, and a file that differs is refused by name. Other keys inform people
and are left alone: a tensor that they would imply is found by the strict match of names instead.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from reelwright.errors import CheckpointError

Count = Annotated[int, Field(ge=1, le=65536)]
"""A size of a real architecture: bounds what a hostile config can ask for."""

Layers = Annotated[int, Field(ge=1, le=1024)]

Rope = Literal["split", "interleaved"]

Padding = Literal["zeros", "reflect", "replicate", "circular"]


class Section(BaseModel):
    """A section of a config: frozen, with keys that it does not read left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    fixed: ClassVar[dict[str, Any]] = {}
    """Keys that may be absent but, if present, must have this value."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_other_values(cls, fields: Any) -> Any:
        for key, value in cls.fixed.items():
            if isinstance(fields, dict) and fields.get(key, value) != value:
                raise ValueError(f"{key} is {fields[key]!r}, and only {value!r} is supported")
        return fields


class TransformerConfig(Section):
    """Section `transformer`: the denoiser and the connectors that feed it.

    Widths are products of heads and head widths; `audio_*` speak of the audio stream.
    """

    fixed: ClassVar[dict[str, Any]] = {
        "activation_fn": "gelu-approximate",
        "attention_bias": True,
        "cross_attention_norm": True,
        "double_self_attention": False,
        "dropout": 0.0,
        "norm_elementwise_affine": False,
        "num_embeds_ada_norm": 1000,
        "num_vector_embeds": None,
        "only_cross_attention": False,
        "positional_embedding_type": "rope",
        "qk_norm": "rms_norm",
        "share_ff": False,
        "standardization_norm": "rms_norm",
        "upcast_attention": False,
        "use_keyframes_abs_pos_embedding": False,
        "use_linear_projection": False,
        "use_middle_indices_grid": True,
    }

    num_attention_heads: Count = 32
    attention_head_dim: Count = 128
    in_channels: Count = 128
    out_channels: Count = 128
    num_layers: Layers = 48
    cross_attention_dim: Count = 4096
    norm_eps: float = Field(1e-6, gt=0, lt=1)
    positional_embedding_theta: float = Field(10000.0, gt=1)
    positional_embedding_max_pos: tuple[float, float, float] = (20.0, 2048.0, 2048.0)
    timestep_scale_multiplier: float = 1000.0
    audio_num_attention_heads: Count = 32
    audio_attention_head_dim: Count = 64
    audio_in_channels: Count = 128
    audio_out_channels: Count = 128
    audio_cross_attention_dim: Count = 2048
    audio_positional_embedding_max_pos: tuple[float] = (20.0,)
    av_ca_timestep_scale_multiplier: float = 1.0
    rope_type: Rope = "split"
    frequencies_precision: str = "float32"
    apply_gated_attention: bool = False
    cross_attention_adaln: bool = False
    use_prompt_adaln_single: bool = True
    caption_proj_before_connector: bool = False
    caption_channels: Count = 3840
    ff_bias: bool = True
    audio_ff_bias: bool = True
    connector_num_attention_heads: Count = 30
    connector_attention_head_dim: Count = 128
    connector_num_layers: Layers = 2
    audio_connector_num_attention_heads: Count | None = None
    audio_connector_attention_head_dim: Count | None = None
    audio_connector_num_layers: Layers | None = None
    connector_positional_embedding_max_pos: tuple[float] = (1.0,)
    connector_apply_gated_attention: bool = False
    connector_ff_bias: bool = True

    @property
    def width(self) -> int:
        """Width of the video stream."""
        return self.num_attention_heads * self.attention_head_dim

    @property
    def audio_width(self) -> int:
        """Width of the audio stream."""
        return self.audio_num_attention_heads * self.audio_attention_head_dim

    @property
    def double_precision_rope(self) -> bool:
        """Whether RoPE's frequencies are computed in float64 and then rounded."""
        return self.frequencies_precision == "float64"


class BlockOptions(Section):
    """What a config says of one block of the video codec."""

    num_layers: Layers = 1
    multiplier: Annotated[int, Field(ge=1, le=64)] | None = None
    residual: bool = False
    inject_noise: bool = False

    @model_validator(mode="before")
    @classmethod
    def _from_number(cls, given: Any) -> Any:
        """A number alone is that of its layers."""
        return {"num_layers": given} if isinstance(given, int) else given


Blocks = Annotated[tuple[tuple[str, BlockOptions], ...], Field(max_length=64)]
"""Kind and options of each block."""

Counts = Annotated[tuple[Count, ...], Field(min_length=1, max_length=64)]


class VideoVaeConfig(Section):
    """Section `vae`: the video codec, its blocks in the order of the file."""

    fixed: ClassVar[dict[str, Any]] = {
        "_class_name": "CausalVideoAutoencoder",
        "dims": 3,
        "norm_layer": "pixel_norm",
        "normalize_latent_channels": False,
        "use_quant_conv": False,
    }

    in_channels: Count = 3
    out_channels: Count = 3
    latent_channels: Count = 128
    encoder_blocks: Blocks = ()
    decoder_blocks: Blocks = ()
    patch_size: Count = 4
    latent_log_var: Literal["uniform", "per_channel", "constant", "none"] = "uniform"
    encoder_base_channels: Count = 128
    decoder_base_channels: Count = 128
    causal_decoder: bool = False
    timestep_conditioning: bool = True
    spatial_padding_mode: Padding | None = None
    encoder_spatial_padding_mode: Padding | None = None


class AudioLayout(Section):
    """`audio_vae.model.params.ddconfig`: the audio codec's network."""

    fixed: ClassVar[dict[str, Any]] = {
        "attn_resolutions": [],
        "causality_axis": "height",
        "double_z": True,
        "dropout": 0.0,
        "mid_block_add_attention": False,
        "norm_type": "pixel",
    }

    z_channels: Count = 8
    in_channels: Count = 2
    out_ch: Count = 2
    ch: Count = 128
    ch_mult: Counts = (1, 2, 4)
    num_res_blocks: Layers = 2
    mel_bins: Count | None = None


class StftConfig(Section):
    """`audio_vae.preprocessing.stft`: the spectrogram's windows, in samples."""

    filter_length: Count = 1024
    hop_length: Count = 160
    win_length: Count = 1024


class MelConfig(Section):
    """`audio_vae.preprocessing.mel`: the mel bands, edges in hertz."""

    n_mel_channels: Count = 64
    mel_fmin: float = 0.0
    mel_fmax: float | None = 8000.0


class VocoderConfig(Section):
    """Section `vocoder`, or its halves: a generator of waveforms from mel bands."""

    upsample_initial_channel: Count
    upsample_rates: Counts
    upsample_kernel_sizes: Counts
    resblock_kernel_sizes: Counts
    resblock_dilation_sizes: Annotated[tuple[Counts, ...], Field(max_length=64)]
    resblock: Literal["1", "AMP1"] = "1"
    activation: Literal["snake", "snakebeta"] = "snake"
    stereo: bool = True
    use_tanh_at_final: bool = True
    use_bias_at_final: bool = True
    apply_final_activation: bool = True
    output_sampling_rate: Count | None = None
    input_sampling_rate: Count | None = None
    hop_length: Count | None = None
    n_fft: Count | None = None
    win_size: Count | None = None
    num_mels: Count = 64


class UpsamplerConfig(Section):
    """The flat config of a latent upsampler's own file."""

    fixed: ClassVar[dict[str, Any]] = {"_class_name": "LatentUpsampler", "dims": 3}

    in_channels: Count = 128
    mid_channels: Count = 512
    num_blocks_per_stage: Layers = 4
    spatial_upsample: bool = True
    temporal_upsample: bool = False
    spatial_scale: float = Field(2.0, gt=0)
    rational_resampler: bool = False


S = TypeVar("S", bound=Section)


def parse_section(kind: type[S], fields: object, where: str) -> S:
    """Read one section of a config.

    Args:
        kind: The section's model.
        fields: What the file has for it.
        where: File and section, for messages.

    Raises:
        CheckpointError: A key has a value that cannot be built, named with what was found.
    """
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise CheckpointError(
            f"The config cannot be used: {key + ': ' if key else ''}{first['msg']}.",
            "Use a checkpoint of LTX-2.0 or LTX-2.3 with its config unchanged.",
            where=where,
            key=key,
        ) from error
