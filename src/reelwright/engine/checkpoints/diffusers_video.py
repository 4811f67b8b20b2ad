"""The video codec in diffusers' layout: its config as blocks, and where their tensors stand.

diffusers groups the blocks that the official config lists one by one: a group of the encoder is res
blocks and what folds behind them, one of the decoder what unfolds and the res blocks behind it, and
the group at the bottom has a name of its own. The decoder's settings stand in the order of the
encoder's, `upsample_type` apart, which stands in the order of execution.

Source: diffusers 0.42.1, huggingface/diffusers (Apache-2.0).
"""

from __future__ import annotations

from math import prod
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from reelwright.engine.checkpoints.config import Count, Layers, Padding, Section

Block = tuple[str, dict[str, Any]]

Many = Field(min_length=1, max_length=64)
Widths = Annotated[tuple[Count, ...], Many]
Depths = Annotated[tuple[Layers, ...], Many]
Flags = bool | Annotated[tuple[bool, ...], Many]

_KINDS = {"spatial": "space", "temporal": "time", "spatiotemporal": "all", "conv": "all"}


class DiffusersVideoVae(Section):
    """Config of `AutoencoderKLLTX2Video`."""

    fixed: ClassVar[dict[str, Any]] = {
        "encoder_causal": True,
        "patch_size_t": 1,
        "scaling_factor": 1.0,
    }

    in_channels: Count = 3
    out_channels: Count = 3
    latent_channels: Count = 128
    block_out_channels: Widths = (256, 512, 1024, 2048)
    down_block_types: tuple[Literal["LTX2VideoDownBlock3D"], ...] = ()
    decoder_block_out_channels: Widths = (256, 512, 1024)
    layers_per_block: Depths = (4, 6, 6, 2, 2)
    decoder_layers_per_block: Depths = (5, 5, 5, 5)
    spatio_temporal_scaling: Flags = True
    decoder_spatio_temporal_scaling: Flags = True
    decoder_inject_noise: Flags = False
    downsample_type: tuple[Literal["conv", "spatial", "temporal", "spatiotemporal"], ...] = (
        "spatial",
        "temporal",
        "spatiotemporal",
        "spatiotemporal",
    )
    upsample_type: tuple[Literal["spatial", "temporal", "spatiotemporal"], ...] = (
        "spatiotemporal",
        "spatiotemporal",
        "spatiotemporal",
    )
    upsample_residual: Flags = True
    upsample_factor: Widths = (2, 2, 2)
    timestep_conditioning: bool = False
    patch_size: Count = 4
    decoder_causal: bool = True
    encoder_spatial_padding_mode: Padding = "zeros"
    decoder_spatial_padding_mode: Padding = "reflect"

    def official(self) -> dict[str, Any]:
        """The official sections.

        Raises:
            ValueError: Its groups do not fit each other, or have no official counterpart.
        """
        encoder = [block for block, _ in self.encoder_blocks()]
        decoder = [block for block, _ in self.decoder_blocks()]
        widest = self.decoder_block_out_channels[-1]
        narrowest = prod(options.get("multiplier", 1) for _, options in decoder)
        section: dict[str, Any] = {
            "in_channels": self.in_channels,
            "out_channels": self.out_channels,
            "latent_channels": self.latent_channels,
            "encoder_blocks": encoder,
            "decoder_blocks": decoder[::-1],
            "encoder_base_channels": self.latent_channels,
            "decoder_base_channels": _divide(widest, narrowest, "decoder_block_out_channels"),
            "patch_size": self.patch_size,
            "latent_log_var": "uniform",
            "causal_decoder": self.decoder_causal,
            "timestep_conditioning": self.timestep_conditioning,
        }
        return {"vae": section | self._padding()}

    def _padding(self) -> dict[str, str]:
        """Officially one mode for both sides, or the encoder's own beside a reflecting decoder."""
        encoder, decoder = self.encoder_spatial_padding_mode, self.decoder_spatial_padding_mode
        if encoder == decoder:
            return {"spatial_padding_mode": encoder}
        _same_word(decoder, "reflect", "decoder_spatial_padding_mode")
        return {"encoder_spatial_padding_mode": encoder}

    def encoder_blocks(self) -> list[tuple[Block, str]]:
        """Each block of the encoder, and what stands before its tensors in diffusers."""
        groups = len(self.block_out_channels)
        depths = _each(self.layers_per_block, groups + 1, "layers_per_block")
        kinds = _each(self.downsample_type, groups, "downsample_type")
        folds = _each(self.spatio_temporal_scaling, groups, "spatio_temporal_scaling")
        blocks: list[tuple[Block, str]] = []
        channels = self.latent_channels
        for i, width in enumerate(self.block_out_channels):
            blocks.append((("res_x", {"num_layers": depths[i]}), f"down_blocks.{i}.resnets."))
            factor = _divide(width, channels, "block_out_channels")
            if not folds[i] or kinds[i] == "conv":
                _same(width, channels, "block_out_channels")
            if folds[i]:
                kind = f"compress_{_KINDS[kinds[i]]}{'' if kinds[i] == 'conv' else '_res'}"
                options = {} if kinds[i] == "conv" else {"multiplier": factor}
                blocks.append(((kind, options), f"down_blocks.{i}.downsamplers.0."))
            channels = width
        return [*blocks, (("res_x", {"num_layers": depths[-1]}), "mid_block.resnets.")]

    def decoder_blocks(self) -> list[tuple[Block, str]]:
        """Each block of the decoder as executed, and what stands before its tensors."""
        groups = len(self.decoder_block_out_channels)
        widths = self.decoder_block_out_channels[::-1]
        depths = _each(self.decoder_layers_per_block, groups + 1, "decoder_layers_per_block")[::-1]
        noisy = _each(self.decoder_inject_noise, groups + 1, "decoder_inject_noise")[::-1]
        unfolds = _each(
            self.decoder_spatio_temporal_scaling, groups, "decoder_spatio_temporal_scaling"
        )[::-1]
        residual = _each(self.upsample_residual, groups, "upsample_residual")[::-1]
        factors = _each(self.upsample_factor, groups, "upsample_factor")[::-1]
        kinds = _each(self.upsample_type, groups, "upsample_type")
        blocks: list[tuple[Block, str]] = [(_res(depths[0], noisy[0]), "mid_block.resnets.")]
        channels = widths[0]
        for i, width in enumerate(widths):
            _same(width, channels, "decoder_block_out_channels")
            if unfolds[i]:
                options = {"multiplier": factors[i], "residual": residual[i]}
                kind = f"compress_{_KINDS[kinds[i]]}"
                blocks.append(((kind, options), f"up_blocks.{i}.upsamplers.0."))
            else:
                _same(factors[i], 1, "upsample_factor")
            channels = _divide(width, factors[i], "upsample_factor")
            blocks.append((_res(depths[i + 1], noisy[i + 1]), f"up_blocks.{i}.resnets."))
        return blocks

    def renames(self) -> dict[str, str]:
        """Beginnings of diffusers' names, and what the official names have instead."""
        names = {
            "latents_mean": "vae.per_channel_statistics.mean-of-means",
            "latents_std": "vae.per_channel_statistics.std-of-means",
            "decoder.time_embedder.": "vae.decoder.last_time_embedder.",
            "decoder.scale_shift_table": "vae.decoder.last_scale_shift_table",
        }
        sides = (
            ("encoder", "down_blocks", self.encoder_blocks()),
            ("decoder", "up_blocks", self.decoder_blocks()),
        )
        for side, official, blocks in sides:
            for k, (_, own) in enumerate(blocks):
                place, group = f"vae.{side}.{official}.{k}.", own.removesuffix("resnets.")
                names[f"{side}.{own}"] = place if group == own else f"{place}res_blocks."
                if group != own:
                    names[f"{side}.{group}time_embedder."] = f"{place}time_embedder."
        return names


def _res(num_layers: int, noisy: bool) -> Block:
    return ("res_x", {"num_layers": num_layers, **({"inject_noise": True} if noisy else {})})


def _each(values: Any, count: int, key: str) -> Any:
    """A value per group; one alone is every group's."""
    if isinstance(values, bool):
        return (values,) * count
    if len(values) != count:
        raise ValueError(f"{key} has {len(values)} values for {count} blocks")
    return values


def _divide(whole: int, part: int, key: str) -> int:
    if whole % part:
        raise ValueError(f"{key}: {whole} is not a multiple of {part}")
    return whole // part


def _same_word(value: str, wanted: str, key: str) -> None:
    if value != wanted:
        raise ValueError(f"{key}: {value!r} beside another mode of the encoder is not supported")


def _same(value: int, wanted: int, key: str) -> None:
    if value != wanted:
        raise ValueError(f"{key}: a group of {value} behind one of {wanted} is not supported")
