"""What diffusers' configs say, as the sections of the official config: transformer and text.

Defaults are those of diffusers' classes: a folder written by an older version lacks newer keys.
Keys that only say how diffusers runs a model are left alone. A value that has no counterpart is
refused by its key.

Source: diffusers 0.42.1, huggingface/diffusers (Apache-2.0).
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from reelwright.engine.checkpoints.config import Count, Layers, Rope, Section


class DiffusersTransformer(Section):
    """Config of `LTX2VideoTransformer3DModel`."""

    fixed: ClassVar[dict[str, Any]] = {
        "activation_fn": "gelu-approximate",
        "attention_bias": True,
        "attention_out_bias": True,
        "audio_patch_size": 1,
        "audio_patch_size_t": 1,
        "causal_offset": 1,
        "norm_elementwise_affine": False,
        "patch_size": 1,
        "patch_size_t": 1,
        "qk_norm": "rms_norm_across_heads",
        "use_keyframes_abs_pos_embedding": False,
    }

    in_channels: Count = 128
    out_channels: Count | None = 128
    num_attention_heads: Count = 32
    attention_head_dim: Count = 128
    cross_attention_dim: Count = 4096
    pos_embed_max_pos: Count = 20
    base_height: Count = 2048
    base_width: Count = 2048
    gated_attn: bool = False
    cross_attn_mod: bool = False
    audio_in_channels: Count = 128
    audio_out_channels: Count | None = 128
    audio_num_attention_heads: Count = 32
    audio_attention_head_dim: Count = 64
    audio_cross_attention_dim: Count = 2048
    audio_pos_embed_max_pos: Count = 20
    audio_gated_attn: bool = False
    audio_cross_attn_mod: bool = False
    num_layers: Layers = 48
    norm_eps: float = 1e-6
    caption_channels: Count = 3840
    rope_theta: float = 10000.0
    rope_double_precision: bool = True
    timestep_scale_multiplier: float = 1000.0
    cross_attn_timestep_scale_multiplier: float = 1000.0
    rope_type: Rope = "interleaved"
    use_prompt_embeddings: bool = True
    ff_bias: bool = True
    audio_ff_bias: bool = True
    use_prompt_adaln_single: bool = True

    def official(self) -> dict[str, Any]:
        """The official sections.

        Raises:
            ValueError: The streams differ where the official config knows one value.
        """
        _agree("gated_attn", self.gated_attn, self.audio_gated_attn)
        _agree("cross_attn_mod", self.cross_attn_mod, self.audio_cross_attn_mod)
        same = (
            "in_channels num_attention_heads attention_head_dim cross_attention_dim num_layers "
            "audio_in_channels audio_num_attention_heads audio_attention_head_dim "
            "audio_cross_attention_dim norm_eps caption_channels timestep_scale_multiplier "
            "rope_type ff_bias audio_ff_bias use_prompt_adaln_single"
        )
        return {
            "transformer": {
                **{key: getattr(self, key) for key in same.split()},
                **_rotations(self.rope_double_precision, self.rope_theta),
                "out_channels": self.out_channels or self.in_channels,
                "audio_out_channels": self.audio_out_channels or self.audio_in_channels,
                "positional_embedding_max_pos": [
                    self.pos_embed_max_pos,
                    self.base_height,
                    self.base_width,
                ],
                "audio_positional_embedding_max_pos": [self.audio_pos_embed_max_pos],
                "av_ca_timestep_scale_multiplier": self.cross_attn_timestep_scale_multiplier,
                "apply_gated_attention": self.gated_attn,
                "cross_attention_adaln": self.cross_attn_mod,
                "caption_proj_before_connector": not self.use_prompt_embeddings,
            }
        }


class DiffusersConnectors(Section):
    """Config of `LTX2TextConnectors`."""

    video_connector_num_attention_heads: Count = 30
    video_connector_attention_head_dim: Count = 128
    video_connector_num_layers: Layers = 2
    video_gated_attn: bool = False
    audio_connector_num_attention_heads: Count = 30
    audio_connector_attention_head_dim: Count = 128
    audio_connector_num_layers: Layers = 2
    audio_gated_attn: bool = False
    connector_rope_base_seq_len: Count = 4096
    rope_theta: float = 10000.0
    rope_double_precision: bool = True
    rope_type: Rope = "interleaved"

    def official(self) -> dict[str, Any]:
        """The official sections.

        Raises:
            ValueError: The streams differ where the official config knows one value.
        """
        _agree("gated_attn", self.video_gated_attn, self.audio_gated_attn)
        sizes = ("num_attention_heads", "attention_head_dim", "num_layers")
        return {
            "transformer": {
                **{f"connector_{key}": getattr(self, f"video_connector_{key}") for key in sizes},
                **{
                    f"audio_connector_{key}": getattr(self, f"audio_connector_{key}")
                    for key in sizes
                },
                **_rotations(self.rope_double_precision, self.rope_theta),
                "rope_type": self.rope_type,
                "connector_apply_gated_attention": self.video_gated_attn,
                "connector_positional_embedding_max_pos": [self.connector_rope_base_seq_len],
            }
        }


class DiffusersUpsampler(Section):
    """Config of `LTX2LatentUpsamplerModel`."""

    in_channels: Count = 128
    mid_channels: Count = 1024
    num_blocks_per_stage: Layers = 4
    dims: int = 3
    spatial_upsample: bool = True
    temporal_upsample: bool = False
    rational_spatial_scale: float = Field(2.0, gt=0)
    use_rational_resampler: bool = True

    def official(self) -> dict[str, Any]:
        """The official keys; they stand in no section."""
        fields = self.model_dump()
        scale = fields.pop("rational_spatial_scale")
        rational = fields.pop("use_rational_resampler")
        return fields | {"spatial_scale": scale, "rational_resampler": rational}


def _rotations(double: bool, theta: float) -> dict[str, Any]:
    return {
        "frequencies_precision": "float64" if double else "float32",
        "positional_embedding_theta": theta,
    }


def _agree(key: str, video: bool, audio: bool) -> None:
    if video != audio:
        raise ValueError(f"{key} is {video!r} for video and {audio!r} for audio")
