"""The pocket's video VAE, in the official layout, written down from a fitted linear codec.

Nothing in it has to be found by descent: the encoder's first down blocks fold without loss, the
last one's kernel sees a whole cell, and channels that hold large constants keep PixelNorm and SiLU
on the straight part of their curves.

Each group of 8 frames is coded by itself, so decoded groups jump. The decoder looks back: the jump
to a group, as it would be decoded, is taken off its first four frames, less and less, by weights
that follow from the bases. Tried and left out: least squares over 27 neighbours (-0.4 dB on clips
that it was not fitted on) and a residual block trained for a minute (error 0.149 to 0.155).

    python -m tools.pocket.codec --pool tools/pocket/runs/pool
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file
from tools.pocket.clips import Clip, clips_of, random_crop
from tools.pocket.pca import COEFFICIENTS, LATENTS, Bases, fit_patches, fit_stacks
from torch import Tensor, nn

from reelwright.engine import Checkpoint, VideoVae, load_video_vae
from reelwright.engine.checkpoints.config import VideoVaeConfig
from reelwright.engine.codecs.video_decoder import VideoDecoder
from reelwright.engine.codecs.video_encoder import VideoEncoder
from reelwright.engine.storage.weights import Compute

CONSTANT = 2.0**20
"""Root mean square over channels before each PixelNorm: a power of two, exactly."""

SHARES = (0.76, 0.45, 0.22, 0.09)
"""Of the jump at a border, taken off the frames behind it; 0.84 would take off all of it."""

ENCODER_SPARE = (11.0, 3.0, 1.0, 1.0)
"""What the encoder's last channels hold, in constants: their squares sum to its 132 channels."""

DECODER_SPARE = (3.0, 3.0, 3.0, 3.0)
"""The same for the decoder's last 36 channels."""

ENCODER_WIDTH, DECODER_WIDTH = COEFFICIENTS + 1, COEFFICIENTS + len(DECODER_SPARE)

LOCAL = 2 * DECODER_WIDTH
"""Of the 128 coefficients of a patch over 4 frames, how many directions the decoder keeps apart:
what latents do to the others is 1e-5 of the variance."""

CONFIG = {
    "_class_name": "CausalVideoAutoencoder",
    "dims": 3,
    "in_channels": 3,
    "out_channels": 3,
    "latent_channels": LATENTS,
    "patch_size": 16,
    "norm_layer": "pixel_norm",
    "latent_log_var": "uniform",
    "encoder_base_channels": ENCODER_WIDTH,
    "encoder_blocks": [
        ["compress_time_res", {"multiplier": 2}],
        ["compress_time_res", {"multiplier": 2}],
        ["compress_all", {}],
    ],
    "decoder_base_channels": DECODER_WIDTH,
    "decoder_blocks": [
        ["compress_time", {"multiplier": 2}],
        ["compress_time", {"multiplier": 1}],
        ["compress_all", {"multiplier": 2}],
    ],
    "spatial_padding_mode": "replicate",
    "causal_decoder": True,
    "timestep_conditioning": False,
    "normalize_latent_channels": False,
    "use_quant_conv": False,
}


def empty(module: nn.Module) -> nn.Module:
    """All weights zero."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    return module


@torch.no_grad()
def encoder_of(bases: Bases) -> VideoEncoder:
    """The encoder: patches, lossless folds of 4 frames, the joint projection."""
    encoder = VideoEncoder(VideoVaeConfig.model_validate(CONFIG))
    empty(encoder)
    encoder.conv_in.conv.weight[:COEFFICIENTS, :, 2, 1, 1] = bases.patch
    encoder.conv_in.conv.bias[:COEFFICIENTS] = -(bases.patch @ bases.patch_mean)
    project: nn.Conv3d = encoder.down_blocks[-1].conv  # type: ignore[assignment]
    folded = bases.joint.view(LATENTS, 4 * COEFFICIENTS, 2, 2, 2)
    project.weight[:LATENTS, : 4 * COEFFICIENTS, 1:, 1:, 1:] = folded
    _hold(project, ENCODER_SPARE, 1)
    _identity(encoder.conv_out.conv, 2, 2.0 * CONSTANT, LATENTS)
    return encoder


@torch.no_grad()
def decoder_of(bases: Bases, shares: tuple[float, ...] = SHARES) -> VideoDecoder:
    """The decoder: each cell by itself, less the jump from the group before."""
    decoder = VideoDecoder(VideoVaeConfig.model_validate(CONFIG))
    empty(decoder)
    now = 2
    unfold_all, unfold_4, unfold_2 = (block.conv.conv for block in decoder.up_blocks)
    _identity(decoder.conv_in.conv, now, 1.0, LATENTS)
    current, last = cell_weights(bases, shares)
    local = local_basis(current * bases.std, last * bases.std)
    inverse = torch.linalg.pinv(local)
    for back, weights in enumerate((current, last)):
        parts = torch.einsum("kc,cpl->kpl", inverse, weights.reshape(len(local), 8, LATENTS))
        unfold_all.weight[:, :LATENTS, now - back, 1, 1] = parts.flatten(0, 1)
    unfold_4.weight[: len(local), :, now, 1, 1] = local
    _identity(unfold_2, now, 1.0, 2 * COEFFICIENTS)
    _hold(unfold_2, DECODER_SPARE, 2)
    out = decoder.conv_out.conv
    out.weight[:, :COEFFICIENTS, now, 1, 1] = bases.patch.T * (2.0 * CONSTANT)
    out.bias.copy_(bases.patch_mean)
    return decoder


def local_basis(current: Tensor, last: Tensor) -> Tensor:
    """Directions of a patch over 4 frames that latents reach, by what they add to pixels.

    They are as bfloat16 holds them: what is written in front of them then makes up for that.

    Args:
        current: Stacked coefficients [1024, 128] of a cell's own latent, of deviation 1.
        last: Of the latent before it.
    """
    parts = [part.reshape(4 * COEFFICIENTS, -1) for part in (current, last)]
    rows = torch.cat(parts, dim=1).double()
    vectors, _, _ = torch.linalg.svd(rows @ rows.T)
    return vectors[:, :LOCAL].bfloat16().float()


def cell_weights(bases: Bases, shares: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    """Stacked coefficients of a cell: from its own latent, and from that of the group before.

    The jump is what the difference of the two frames at a border has more than the mean of the
    differences beside it.
    """
    frames = bases.joint.T.unflatten(0, (COEFFICIENTS, 2, 2, 2, 4))  # type: ignore[no-untyped-call]

    def place(number: int) -> tuple[slice | int, ...]:
        return slice(None), number % 2, number // 2 % 2, number // 4

    after = 1.5 * frames[place(0)] - 0.5 * frames[place(1)]
    before = 1.5 * frames[place(7)] - 0.5 * frames[place(6)]
    current, last = frames.clone(), torch.zeros_like(frames)
    for number, share in enumerate(shares):
        current[place(number)] -= share * after
        last[place(number)] += share * before
    return current.flatten(0, 4), last.flatten(0, 4)


def _hold(conv: nn.Conv3d, spare: tuple[float, ...], repeats: int) -> None:
    """The last channels hold constants, whatever comes in; each unfolds into so many."""
    assert conv.bias is not None
    held = CONSTANT * torch.tensor(spare).repeat_interleave(repeats)
    conv.bias[-len(held) :] = held


def _identity(conv: nn.Conv3d, now: int, factor: float, channels: int) -> None:
    """Pass the first channels on in order."""
    index = torch.arange(channels)
    conv.weight[index, index, now, 1, 1] = factor


def vae_tensors(bases: Bases) -> dict[str, Tensor]:
    """All tensors of the VAE by their official names."""
    parts = {"vae.encoder.": encoder_of(bases), "vae.decoder.": decoder_of(bases)}
    tensors = {
        prefix + name: tensor.detach().clone()
        for prefix, part in parts.items()
        for name, tensor in part.state_dict().items()
    }
    statistics = "vae.per_channel_statistics."
    return {
        **tensors,
        f"{statistics}mean-of-means": bases.mean,
        f"{statistics}std-of-means": bases.scale,
    }


def save_codec(path: Path, bases: Bases) -> None:
    """Write the VAE, and beside it the linear codec that latents are made with."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.contiguous() for name, tensor in vae_tensors(bases).items()}
    save_file(tensors, path, metadata={"config": json.dumps({"vae": CONFIG})})
    save_file(
        {name: tensor.contiguous() for name, tensor in vars(bases).items()},
        path.with_suffix(".bases.safetensors"),
    )


def load_bases(path: Path) -> Bases:
    """The linear codec of a VAE that `save_codec` wrote."""
    from safetensors.torch import load_file

    return Bases(**load_file(path.with_suffix(".bases.safetensors")))


def load_codec(path: Path, compute: Compute = Compute.FLOAT32) -> VideoVae:
    """The VAE through the engine."""
    return load_video_vae(Checkpoint.open(path), compute=compute)


def psnr(a: Tensor, b: Tensor) -> float:
    """Of pixels in [-1, 1], on the scale of [0, 1]."""
    error = (a.clamp(-1, 1) - b).square().mean() / 4
    return float(-10 * error.clamp(min=1e-10).log10())


def border_ratio(pixels: Tensor, step: int = 8) -> tuple[float, float]:
    """Mean frame difference at group borders, and over the others; pixels [3, F, H, W]."""
    change = (pixels[:, 1:] - pixels[:, :-1]).abs().mean((0, 2, 3)) / 2
    at = torch.arange(len(change)) % step == 0
    at[0] = False
    return float(change[at].mean()), float(change[~at][1:].mean())


@torch.no_grad()
def measure(vae: VideoVae, clips: list[Clip]) -> dict[str, float]:
    """Reconstruction of held-out clips."""
    rows = []
    for clip in clips:
        pixels = clip.pixels
        back = vae.decode(vae.encode(pixels[None]))[0].float()
        still = vae.decode(vae.encode(clip.pixels[None, :, -1:]))[0].float()
        depth = vae.decode(vae.encode(clip.depth_pixels[None]))[0].float()
        at, inside = border_ratio(back)
        true_at, true_inside = border_ratio(pixels)
        rows.append(
            {
                "video": psnr(back, pixels),
                "still": psnr(still, pixels[:, -1:]),
                "depth": psnr(depth, clip.depth_pixels),
                "moving": moving_psnr(back, pixels),
                "first": psnr(back[:, 0], pixels[:, 0]),
                "last": psnr(back[:, -1], pixels[:, -1]),
                "border": at,
                "inside": inside,
                "true_border": true_at,
                "true_inside": true_inside,
            }
        )
    picked = {key: [row[key] for row in rows if row[key] == row[key]] for key in rows[0]}
    return {key: sum(values) / max(1, len(values)) for key, values in picked.items()}


def moving_mask(pixels: Tensor) -> Tensor:
    """Where frames differ from the first or from the cross-fade of first and last, by 0.2."""
    fade = cross_fade(pixels)
    off = torch.maximum((pixels - pixels[:, :1]).abs(), (pixels - fade).abs())
    return (off.amax(0) > 0.2)[None].expand_as(pixels)


def cross_fade(pixels: Tensor) -> Tensor:
    """First to last frame, linearly; pixels [3, F, H, W]."""
    share = torch.linspace(0, 1, pixels.shape[1]).view(1, -1, 1, 1)
    return pixels[:, :1] * (1 - share) + pixels[:, -1:] * share


def moving_psnr(found: Tensor, pixels: Tensor) -> float:
    """PSNR where things move, over the interior frames."""
    where = moving_mask(pixels)[:, 1:-1]
    if not bool(where.any()):
        return float("nan")
    return psnr(found[:, 1:-1][where], pixels[:, 1:-1][where])


def training_views(clips: Iterator[Clip], seed: int = 0) -> Iterator[Tensor]:
    """Pixels to fit on: each clip cropped anywhere, one in four times its depth too."""
    generator = torch.Generator().manual_seed(seed)
    for i, clip in enumerate(clips):
        yield random_crop(clip, generator).pixels
        if i % 4 == 0:
            yield random_crop(clip, generator).depth_pixels


def main() -> None:
    """Fit, write, load back through the engine, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pool", type=Path, default=Path("tools/pocket/runs/pool"))
    parser.add_argument("--held", type=Path, default=Path("tools/pocket/runs/held"))
    parser.add_argument("--out", type=Path, default=Path("tools/pocket/runs/codec/vae.safetensors"))
    parser.add_argument("--bases", type=Path, help="a codec whose bases to keep")
    parser.add_argument("--clips", type=int, default=400)
    parser.add_argument("--judged", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    bases = given.bases and load_bases(given.bases)
    views = list(training_views(clips_of(given.pool, given.clips), given.seed))
    bases = bases or fit_stacks(views, fit_patches(views[: max(80, given.clips // 3)]))
    save_codec(given.out, bases)
    held_out = list(clips_of(given.held, given.judged, held_out=True))
    for compute in (Compute.FLOAT32, Compute.BFLOAT16):
        print(compute, measure(load_codec(given.out, compute), held_out), flush=True)


if __name__ == "__main__":
    main()
