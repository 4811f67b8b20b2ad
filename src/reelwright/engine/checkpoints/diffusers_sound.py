"""What diffusers' configs say of the audio codec and the vocoders, as the official sections.

Source: diffusers 0.42.1, huggingface/diffusers (Apache-2.0).
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from reelwright.engine.checkpoints.config import Count, Counts, Layers, Section

Dilations = Annotated[tuple[Counts, ...], Field(max_length=64)]

LastActivation = Literal["tanh", "clamp"] | None

Bend = Literal["leaky_relu", "snake", "snakebeta"]


class DiffusersAudioVae(Section):
    """Config of `AutoencoderKLLTX2Audio`."""

    fixed: ClassVar[dict[str, Any]] = {"is_causal": True}

    base_channels: Count = 128
    output_channels: Count = 2
    ch_mult: Counts = (1, 2, 4)
    num_res_blocks: Layers = 2
    attn_resolutions: tuple[Count, ...] | None = None
    in_channels: Count = 2
    latent_channels: Count = 8
    norm_type: str = "pixel"
    causality_axis: str | None = "height"
    dropout: float = 0.0
    mid_block_add_attention: bool = False
    sample_rate: Count = 16000
    mel_hop_length: Count = 160
    mel_bins: Count | None = 64
    double_z: bool = True

    def official(self) -> dict[str, Any]:
        """The official sections; what a window and the mel bands are, diffusers does not say."""
        network = {
            "ch": self.base_channels,
            "out_ch": self.output_channels,
            "ch_mult": list(self.ch_mult),
            "num_res_blocks": self.num_res_blocks,
            "attn_resolutions": list(self.attn_resolutions or ()),
            "in_channels": self.in_channels,
            "z_channels": self.latent_channels,
            "norm_type": self.norm_type,
            "causality_axis": self.causality_axis,
            "dropout": self.dropout,
            "mid_block_add_attention": self.mid_block_add_attention,
            "mel_bins": self.mel_bins,
            "double_z": self.double_z,
        }
        return {
            "audio_vae": {
                "model": {"params": {"ddconfig": network, "sampling_rate": self.sample_rate}},
                "preprocessing": {
                    "stft": {"hop_length": self.mel_hop_length},
                    "mel": {} if self.mel_bins is None else {"n_mel_channels": self.mel_bins},
                },
            }
        }


class DiffusersVocoder(Section):
    """Config of `LTX2Vocoder`: one generator."""

    fixed: ClassVar[dict[str, Any]] = {
        "antialias_kernel_size": 12,
        "antialias_ratio": 2,
        "leaky_relu_negative_slope": 0.1,
    }

    in_channels: Count = 128
    hidden_channels: Count = 1024
    out_channels: Literal[1, 2] = 2
    upsample_kernel_sizes: Counts = (16, 15, 8, 4, 4)
    upsample_factors: Counts = (6, 5, 2, 2, 2)
    resnet_kernel_sizes: Counts = (3, 7, 11)
    resnet_dilations: Dilations = ((1, 3, 5), (1, 3, 5), (1, 3, 5))
    act_fn: Bend = "leaky_relu"
    antialias: bool = False
    final_act_fn: LastActivation = "tanh"
    final_bias: bool = True
    output_sampling_rate: Count = 24000

    def generator(self) -> dict[str, Any]:
        """The official keys of a generator.

        Raises:
            ValueError: Its activations are of a kind that the official one lacks.
        """
        periodic = self.act_fn != "leaky_relu"
        if self.antialias != periodic:
            raise ValueError(f"antialias is {self.antialias!r} with act_fn {self.act_fn!r}")
        return {
            "upsample_initial_channel": self.hidden_channels,
            "resblock": "AMP1" if periodic else "1",
            "upsample_rates": list(self.upsample_factors),
            "upsample_kernel_sizes": list(self.upsample_kernel_sizes),
            "resblock_kernel_sizes": list(self.resnet_kernel_sizes),
            "resblock_dilation_sizes": [list(sizes) for sizes in self.resnet_dilations],
            "stereo": self.out_channels == 2,
            "use_tanh_at_final": self.final_act_fn == "tanh",
            "apply_final_activation": self.final_act_fn is not None,
            "activation": self.act_fn if periodic else "snake",
            "use_bias_at_final": self.final_bias,
            "num_mels": max(1, self.in_channels // self.out_channels),
        }

    def official(self) -> dict[str, Any]:
        """The official sections."""
        rate = {"output_sampling_rate": self.output_sampling_rate}
        return {"vocoder": self.generator() | rate}


class DiffusersWideVocoder(DiffusersVocoder):
    """Config of `LTX2VocoderWithBWE`: two generators, the second's keys begin with `bwe_`."""

    hidden_channels: Count = 1536
    upsample_kernel_sizes: Counts = (11, 4, 4, 4, 4, 4)
    upsample_factors: Counts = (5, 2, 2, 2, 2, 2)
    act_fn: Bend = "snakebeta"
    antialias: bool = True
    final_act_fn: LastActivation = None
    final_bias: bool = False
    bwe_in_channels: Count = 128
    bwe_hidden_channels: Count = 512
    bwe_out_channels: Literal[1, 2] = 2
    bwe_upsample_kernel_sizes: Counts = (12, 11, 4, 4, 4)
    bwe_upsample_factors: Counts = (6, 5, 2, 2, 2)
    bwe_resnet_kernel_sizes: Counts = (3, 7, 11)
    bwe_resnet_dilations: Dilations = ((1, 3, 5), (1, 3, 5), (1, 3, 5))
    bwe_act_fn: Bend = "snakebeta"
    bwe_antialias: bool = True
    bwe_final_act_fn: LastActivation = None
    bwe_final_bias: bool = False
    filter_length: Count = 512
    hop_length: Count = 80
    window_length: Count = 512
    num_mel_channels: Count = 64
    input_sampling_rate: Count = 16000
    output_sampling_rate: Count = 48000

    def official(self) -> dict[str, Any]:
        """The official sections.

        diffusers leaves the first waveform as it comes; the official vocoder clamps it before it
        listens to it, and so do we.
        """
        second = {
            key.removeprefix("bwe_"): value
            for key, value in self.model_dump().items()
            if key.startswith("bwe_")
        }
        wide = DiffusersVocoder.model_validate(second).generator() | {
            "num_mels": self.num_mel_channels,
            "input_sampling_rate": self.input_sampling_rate,
            "output_sampling_rate": self.output_sampling_rate,
            "hop_length": self.hop_length,
            "n_fft": self.filter_length,
            "win_size": self.window_length,
        }
        low = self.generator() | {"apply_final_activation": True}
        return {"vocoder": {"vocoder": low, "bwe": wide}}
