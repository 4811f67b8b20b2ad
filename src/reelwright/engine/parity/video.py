"""Cases of the video codec and of the latent upsamplers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count

import torch
from torch import Tensor

from reelwright.engine.codecs.statistics import Statistics
from reelwright.engine.codecs.tiling import AxisTiling, CountTiling, Cut, Tiling
from reelwright.engine.codecs.upsampler import load_upsampler
from reelwright.engine.codecs.video_vae import VideoVae, load_video_vae, to_rgb
from reelwright.engine.parity.case import Case


def run_roundtrip(case: Case) -> Mapping[str, Tensor]:
    """Encode a clip; decode the recorded latent."""
    vae = load_video_vae(case.checkpoints()[0])
    latent = vae.encode(_whole(vae, case.given("video")))
    return {"latent": latent, "decoded": vae.decode(case.outputs["latent"])}


def run_image(case: Case) -> Mapping[str, Tensor]:
    """A single frame there and back, an odd number of frames, and RGB."""
    vae = load_video_vae(case.checkpoints()[0])
    latent = case.outputs["image_latent"]
    results = {
        "image_latent": vae.encode(case.given("image")),
        "image_decoded": vae.decode(latent),
        "rgb01": to_rgb(vae.decode(latent[:1])[0]),
    }
    if case.has("video_odd"):
        results["video_odd_latent"] = vae.encode(_whole(vae, case.given("video_odd")))
    if case.has("latent_random"):
        results["latent_random_decoded"] = vae.decode(case.given("latent_random"))
    return results


def _whole(vae: VideoVae, pixels: Tensor) -> Tensor:
    return pixels[:, :, : vae.whole_frames(pixels.shape[2])]


def run_timed_decode(case: Case) -> Mapping[str, Tensor]:
    """A timed decoder with recorded noise, at its default level and at given ones."""
    vae = load_video_vae(case.checkpoints()[0])
    latent = case.given("latent")

    def noise(draws: Iterator[int]) -> Callable[[tuple[int, ...]], Tensor]:
        return lambda shape: case.given(f"noise.{next(draws)}").reshape(shape)

    results = {"decoded_default_t": vae.decode(latent, noise=noise(count()))}
    if case.has("timestep"):
        level = case.given("timestep")
        results["decoded_t"] = vae.decode(latent, level=level, noise=noise(count()))
    return results


def run_tiled_decode(case: Case) -> Mapping[str, Tensor]:
    """Decode in tiles, by size and by count; the chunks' lengths must agree too."""
    vae = load_video_vae(case.checkpoints()[0])
    results = {}
    for output in case.outputs:
        chunks = list(vae.decode_tiled(case.given("latent"), _tiling(case, output, vae)))
        lengths = case.params.get(f"chunk_frames_{output.removeprefix('tiled_')}")
        if lengths is not None and [chunk.shape[2] for chunk in chunks] != lengths:
            raise ValueError(f"{output}: chunks are not of {lengths} frames")
        results[output] = torch.cat(chunks, dim=2)
    return results


def run_tiled_encode(case: Case) -> Mapping[str, Tensor]:
    """Encode whole and in tiles."""
    vae = load_video_vae(case.checkpoints()[0])
    pixels = case.given("video")
    return {
        output: vae.encode_tiled(pixels, _tiling(case, output, vae))
        if case.settings(output)
        else vae.encode(pixels)
        for output in case.outputs
    }


def _tiling(case: Case, output: str, vae: VideoVae) -> Tiling:
    settings = case.settings(output)
    return Tiling(
        frames=_cut(settings["frames"], vae.scale.time),
        height=_cut(settings["height"], vae.scale.height),
        width=_cut(settings["width"], vae.scale.width),
    )


def _cut(settings: Mapping[str, int], factor: int) -> Cut:
    if "num_tiles" in settings:
        return CountTiling(settings["num_tiles"], settings["overlap"])
    return AxisTiling.from_pixels(settings["tile_size"], settings["overlap"], factor)


def run_upsampler(case: Case) -> Mapping[str, Tensor]:
    """The network by itself, and between the statistics of a codec."""
    upsampler = load_upsampler(case.checkpoints()[0])
    statistics = Statistics(case.given("latent_mean"), case.given("latent_std"))
    latent = case.given("latent")
    return {"raw": upsampler(latent), "upsampled": upsampler.upsample(latent, statistics)}


KINDS: Mapping[str, Callable[[Case], Mapping[str, Tensor]]] = {
    "upsampler": run_upsampler,
    "video_vae.roundtrip": run_roundtrip,
    "video_vae.image": run_image,
    "video_vae.decode": run_timed_decode,
    "video_vae.tiled_decode": run_tiled_decode,
    "video_vae.tiled_encode": run_tiled_encode,
}
