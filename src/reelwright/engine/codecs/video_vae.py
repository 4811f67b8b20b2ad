"""The video codec: pixels to normalised latents and back, whole or in tiles.

Decoding in tiles hands out frames as they become final, so a film never has to be in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from reelwright.engine.checkpoints.checkpoint import Checkpoint, Component
from reelwright.engine.checkpoints.config import VideoVaeConfig
from reelwright.engine.codecs.half import load_half
from reelwright.engine.codecs.statistics import Statistics, load_statistics
from reelwright.engine.codecs.tiling import Tile, Tiling, axis_weights, causal_tiles, pixel_span
from reelwright.engine.codecs.video_decoder import DECODE_LEVEL, DECODE_NOISE, VideoDecoder
from reelwright.engine.codecs.video_encoder import VideoEncoder, stride_of
from reelwright.engine.codecs.video_layers import Noise
from reelwright.engine.denoiser.models import require
from reelwright.engine.denoiser.positions import VideoScale
from reelwright.engine.memory.loading import CPU
from reelwright.engine.storage.weights import Compute
from reelwright.errors import InputError
from reelwright.shapes import latent_shape_from_pixels


def video_scale(config: VideoVaeConfig) -> VideoScale:
    """Pixels of one latent cell, counted from the blocks of the config."""
    blocks = config.decoder_blocks or config.encoder_blocks
    time, height, width = (
        prod(stride[axis] for kind, _ in blocks if (stride := stride_of(kind)) is not None)
        for axis in range(3)
    )
    return VideoScale(time, config.patch_size * height, config.patch_size * width)


@dataclass(frozen=True, slots=True)
class VideoVae:
    """The codec, or the half of it that a checkpoint has.

    Attributes:
        scale: Pixels of one latent cell.
        statistics: Scale of its latents.
        encoder: Pixels to latents; None if the checkpoint has none.
        decoder: Latents to pixels; None if the checkpoint has none.
    """

    scale: VideoScale
    statistics: Statistics
    encoder: VideoEncoder | None
    decoder: VideoDecoder | None

    def encode(self, pixels: Float[Tensor, "B 3 Fp Hp Wp"]) -> Float[Tensor, "B C F H W"]:
        """Encode in one piece.

        Args:
            pixels: In [-1, 1].

        Returns:
            Normalised latent.

        Raises:
            InputError: The frames or sides are off the codec's grid.
        """
        self.latent_grid(pixels)
        return self.statistics.normalise(self._encoder()(pixels).float())

    def decode(
        self,
        latent: Float[Tensor, "B C F H W"],
        *,
        level: Float[Tensor, " B"] | None = None,
        noise: Noise | None = None,
    ) -> Float[Tensor, "B 3 Fp Hp Wp"]:
        """Decode in one piece.

        Args:
            latent: Normalised.
            level: Noise level that a timed decoder is told; None for its default.
            noise: Draws what a timed decoder mixes in and injects; None for nothing.

        Returns:
            Pixels around [-1, 1], not clamped.

        Raises:
            InputError: The latent is too small for the decoder's padding.
        """
        decoder = self._decoder()
        if min(latent.shape[-2:]) < decoder.least_cells:
            raise InputError(
                f"A latent of {latent.shape[-2]}x{latent.shape[-1]} cells cannot be decoded.",
                f"Use a picture of at least {decoder.least_cells * self.scale.height} rows and "
                f"{decoder.least_cells * self.scale.width} columns.",
            )
        if decoder.timed:
            if noise is not None:
                drawn = noise(tuple(latent.shape)).to(latent.device, latent.dtype)
                latent = drawn * DECODE_NOISE + (1.0 - DECODE_NOISE) * latent
            if level is None:
                level = torch.full(latent.shape[:1], DECODE_LEVEL, device=latent.device)
        return decoder(  # type: ignore[no-any-return]
            self.statistics.denormalise(latent), level if decoder.timed else None, noise
        )

    def decode_tiled(
        self, latent: Float[Tensor, "B C F H W"], tiling: Tiling, *, noise: Noise | None = None
    ) -> Iterator[Float[Tensor, "B 3 _ Hp Wp"]]:
        """Decode tile by tile, handing out frames as they become final.

        Args:
            latent: Normalised.
            tiling: How it is cut.
            noise: As for `decode`, drawn for every tile.

        Yields:
            Consecutive frames; together exactly those of `decode`.
        """
        times = causal_tiles(tiling.frames.split(latent.shape[2]))
        weights = axis_weights(times, self.scale.time, causal=True)
        spans = [pixel_span(tile, self.scale.time, causal=True) for tile in times]
        waiting: Tensor | None = None
        for i, (tile, weight) in enumerate(zip(times, weights, strict=True)):
            group = self._decode_group(latent[:, :, tile.start : tile.stop], tiling, noise)
            group *= weight.to(group).view(-1, 1, 1)
            if waiting is not None:
                shared = waiting.shape[2]
                group[:, :, :shared] += waiting
            last = i == len(times) - 1
            final = group.shape[2] if last else spans[i + 1].start - spans[i].start
            yield group[:, :, :final]
            waiting = group[:, :, final:].clone()  # so that what was handed out can go

    def _decode_group(
        self, latent: Float[Tensor, "B C F H W"], tiling: Tiling, noise: Noise | None
    ) -> Float[Tensor, "B 3 Fp Hp Wp"]:
        """One tile in time, all tiles in space."""
        rows, columns = _space_tiles(latent, tiling)
        if len(rows) == len(columns) == 1:
            return self.decode(latent, noise=noise)
        row_weights = axis_weights(rows, self.scale.height, causal=False)
        column_weights = axis_weights(columns, self.scale.width, causal=False)
        group: Tensor | None = None
        for (row, down), (column, across) in product(
            zip(rows, row_weights, strict=True), zip(columns, column_weights, strict=True)
        ):
            part = self.decode(
                latent[..., row.start : row.stop, column.start : column.stop], noise=noise
            )
            part *= (down[:, None] * across).to(part)
            if group is None:
                height, width = latent.shape[-2:]
                sides = (height * self.scale.height, width * self.scale.width)
                group = part.new_zeros(*part.shape[:3], *sides)
            span = pixel_span(row, self.scale.height, causal=False)
            group[..., span, pixel_span(column, self.scale.width, causal=False)] += part
        if group is None:
            raise InputError("There is nothing to decode.", "Give a latent of at least one frame.")
        return group

    def encode_tiled(
        self, pixels: Float[Tensor, "B 3 Fp Hp Wp"], tiling: Tiling
    ) -> Float[Tensor, "B C F H W"]:
        """Encode tile by tile.

        Args:
            pixels: In [-1, 1].
            tiling: How the latent is cut.

        Returns:
            Normalised latent.

        Raises:
            InputError: The frames or sides are off the codec's grid.
        """
        grid = self.latent_grid(pixels)
        times = causal_tiles(tiling.frames.split(grid[0]))
        rows, columns = tiling.height.split(grid[1]), tiling.width.split(grid[2])
        weights = (
            axis_weights(times, 1, causal=True),
            axis_weights(rows, 1, causal=False),
            axis_weights(columns, 1, causal=False),
        )
        latent: Tensor | None = None
        for (t, wt), (r, wr), (c, wc) in product(
            *(
                zip(tiles, weight, strict=True)
                for tiles, weight in zip((times, rows, columns), weights, strict=True)
            )
        ):
            part = self.encode(pixels[:, :, *self._pixels(t, r, c)])
            part *= (wt[:, None, None] * wr[:, None] * wc).to(part)
            if latent is None:
                latent = part.new_zeros(*part.shape[:2], *grid)
            latent[:, :, t.start : t.stop, r.start : r.stop, c.start : c.stop] += part
        if latent is None:
            raise InputError("There is nothing to encode.", "Give at least one frame.")
        return latent

    def latent_grid(self, pixels: Float[Tensor, "B 3 Fp Hp Wp"]) -> tuple[int, int, int]:
        """Latent frames, rows and columns of a clip.

        Raises:
            InputError: The frames or sides are off the codec's grid.
        """
        _, _, frames, height, width = pixels.shape
        return latent_shape_from_pixels(
            frames, height, width, temporal=self.scale.time, spatial=self.scale.height
        )

    def whole_frames(self, num_frames: int) -> int:
        """The most frames, at most `num_frames`, that the codec takes: 1 + k * factor."""
        return 1 + (num_frames - 1) // self.scale.time * self.scale.time

    def _pixels(self, time: Tile, row: Tile, column: Tile) -> tuple[slice, slice, slice]:
        return (
            pixel_span(time, self.scale.time, causal=True),
            pixel_span(row, self.scale.height, causal=False),
            pixel_span(column, self.scale.width, causal=False),
        )

    def _encoder(self) -> VideoEncoder:
        if self.encoder is None:
            raise InputError("The checkpoint has no video encoder.", "Add a file that has it.")
        return self.encoder

    def _decoder(self) -> VideoDecoder:
        if self.decoder is None:
            raise InputError("The checkpoint has no video decoder.", "Add a file that has it.")
        return self.decoder


def _space_tiles(latent: Tensor, tiling: Tiling) -> tuple[list[Tile], list[Tile]]:
    return tiling.height.split(latent.shape[-2]), tiling.width.split(latent.shape[-1])


def to_rgb(pixels: Float[Tensor, "3 Fp Hp Wp"]) -> Float[Tensor, "Fp Hp Wp 3"]:
    """A decoded clip as frames of red, green and blue in [0, 1]."""
    return rearrange(((pixels + 1.0) / 2.0).clamp(0.0, 1.0), "c f h w -> f h w c")


def load_video_vae(
    checkpoint: Checkpoint, *, compute: Compute = Compute.FLOAT32, device: torch.device = CPU
) -> VideoVae:
    """Build the codec, or the half of it that the checkpoint has.

    Raises:
        CheckpointError: The checkpoint lacks it, or it does not fit its config.
    """
    present = Component.VIDEO_VAE in checkpoint.components
    require(checkpoint, Component.VIDEO_VAE, present)
    config = checkpoint.config(VideoVaeConfig, "vae")
    return VideoVae(
        scale=video_scale(config),
        statistics=load_statistics(checkpoint, "vae.", config.latent_channels),
        encoder=load_half(
            lambda: VideoEncoder(config), checkpoint, "vae.encoder.", compute, device
        ),
        decoder=load_half(
            lambda: VideoDecoder(config), checkpoint, "vae.decoder.", compute, device
        ),
    )
