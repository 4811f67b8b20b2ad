"""Cases of positions, conditionings and rotations."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from reelwright.engine.denoiser.positions import (
    AudioScale,
    VideoScale,
    audio_positions,
    first_frame_mask,
    middles,
    num_audio_latents,
    reference_positions,
    video_positions,
)
from reelwright.engine.denoiser.rope import RopeTable, rope_table, rotate
from reelwright.engine.parity.case import Case
from reelwright.engine.parity.words import need, number_after, numbers_in
from reelwright.engine.sampling.conditioning import (
    KeptFrames,
    Keyframe,
    VideoSpace,
    condition,
    keyframe_positions,
)
from reelwright.engine.sampling.tokens import Tokens, video_tokens


def run_positions(case: Case) -> Mapping[str, Tensor]:
    """Positions, conditionings and rotations, as names and descriptions ask."""
    space = _space(case)
    results = {}
    for output in case.outputs:
        head = output.partition(".")[0]
        if head in ("video", "audio", "audio_frames_for_video"):
            results[output] = _plain_positions(case, output)
        elif head == "rope":
            results[output] = _rope(case, output)
        else:
            results[output] = _conditioned(case, output, space)
    return results


def _space(case: Case) -> VideoSpace:
    """The film of the conditionings: the first description of a keyframe that has one."""
    for output in case.outputs:
        grid = numbers_in("grid", case.meaning(output))
        rate = number_after("fps", case.meaning(output))
        if output.startswith("keyframe.") and grid and rate is not None:
            frames, height, width = map(int, grid)
            return VideoSpace((frames, height, width), rate, _scale(case.meaning(output)))
    return VideoSpace((1, 1, 1), 1.0)


def _plain_positions(case: Case, output: str) -> Tensor:
    meaning = case.meaning(output)
    if output == "audio_frames_for_video":
        rows = case.outputs[output].tolist()
        return torch.tensor([(n, rate, num_audio_latents(int(n), rate)) for n, rate, _ in rows])
    if output.startswith("audio."):
        found = re.fullmatch(r"audio\.T(\d+)\.shift(\d+)", output)
        if found is None:
            raise KeyError(f"the output {output!r} is not known")
        words = re.search(r"(\d+) Hz, hop (\d+), latent downsample (\d+)", meaning)
        heard = AudioScale(*map(int, words.groups())) if words else AudioScale()
        return audio_positions(int(found.group(1)), heard, shift=int(found.group(2)))
    plain = output.removesuffix(".keyframes_mask")
    frames, height, width = map(int, numbers_in("grid", case.meaning(plain)))
    if plain != output:
        return first_frame_mask((frames, height, width))
    rate = need("fps", meaning)
    return video_positions((frames, height, width), rate, _scale(meaning))


def _scale(meaning: str) -> VideoScale:
    """Pixels of a latent cell, as a description says; LTX-2's if it does not."""
    factors = re.search(r"scale factors (\d+)/(\d+)/(\d+)", meaning)
    return VideoScale(*map(int, factors.groups())) if factors else VideoScale()


def _conditioned(case: Case, output: str, space: VideoSpace) -> Tensor:
    kind, _, rest = output.partition(".")
    still, meaning = case.given("keyframe_latent"), case.meaning(output)
    zeros = still.new_zeros(*still.shape[:2], *space.grid)
    empty = video_tokens(zeros, space.frame_rate, space.scale)
    if kind == "keyframe":
        return keyframe_positions(still, int(rest.removeprefix("idx")), space)
    clip = case.given("clip_latent")
    if kind == "clip":
        index, _, wanted = rest.partition(".")
        frame = int(index.removeprefix("idx"))
        if not wanted:
            return keyframe_positions(clip, frame, space)
        return Keyframe(clip, frame, need("strength", meaning)).apply(empty, space).mask
    if kind == "reference":
        found = re.fullmatch(r"ds(\d+)\.ts(\d+)", rest)
        frames, height, width = clip.shape[2:]
        own = video_positions((frames, height, width), space.frame_rate, space.scale)
        scales = map(int, found.groups()) if found else (1, 1)
        return reference_positions(own, space.frame_rate, *scales)
    if kind == "replace":
        strength = need("strength", case.meaning("replace.denoise_mask"))
        kept = KeptFrames(still, 0, strength).apply(empty, space)
        return kept.clean if rest == "clean_latent" else kept.mask
    return _strengths(case, rest, empty, space)


def _strengths(case: Case, wanted: str, empty: Tokens, space: VideoSpace) -> Tensor:
    """The matrix after one keyframe, or after as many as the name's number says."""
    strengths = [
        need("strength", case.meaning(f"attention_strength.{name}"))
        for name in ("mask", *([wanted] if wanted != "mask" else []))
    ]
    still = case.given("keyframe_latent")
    items = [Keyframe(still, 0, attention=strength) for strength in strengths]
    groups = condition(empty, space, items).groups
    if groups is None:
        raise KeyError(f"the output {wanted!r} has no strengths")
    return groups.matrix()[None]


def _rope(case: Case, output: str) -> Tensor:
    layout, wanted = output.split(".")[1], output.split(".")[-1]
    meaning = case.meaning(output)
    if wanted == "applied":
        cosines = [f"rope.{layout}.{precision}.cos" for precision in ("fp64", "fp32")]
        table = _table(case, next(name for name in cosines if name in case.outputs))
        x = case.given("rope.q")
        heads = table.cos.shape[2]
        return rotate(x.view(*x.shape[:2], heads, -1), table).flatten(-2)
    source = output if "grid" in meaning else output.replace(".sin", ".cos")
    table = _table(case, source)
    half = table.sin if wanted == "sin" else table.cos
    if layout == "split":
        return half.transpose(1, 2)
    return half.flatten(-2).repeat_interleave(2, dim=-1)


def _table(case: Case, output: str) -> RopeTable:
    meaning = case.meaning(output)
    frames, height, width = map(int, numbers_in("grid", meaning))
    space = _space(case)
    rate = number_after("fps", meaning) or space.frame_rate
    return rope_table(
        middles(video_positions((frames, height, width), rate)),
        width=int(need("dim", meaning)),
        heads=int(need("heads", meaning)),
        max_pos=tuple(numbers_in("max_pos", meaning)),
        theta=need("theta", meaning),
        double="fp64" in output,
        layout="split" if ".split." in output else "interleaved",
    )


KINDS: Mapping[str, Callable[[Case], Mapping[str, Tensor]]] = {"positions": run_positions}
