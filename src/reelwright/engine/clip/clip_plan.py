"""A request held against a model: refused here, or laid out pass by pass. Nothing is computed.

Every rule of sizes follows the model's own config: a codec of other factors has other sizes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, isfinite

from torch import Tensor

from reelwright.engine.clip.clip_checks import check_context
from reelwright.engine.clip.clip_facts import ModelFacts, VideoFacts
from reelwright.engine.clip.clip_guides import check_controls, check_guides, check_source
from reelwright.engine.clip.clip_request import ClipRequest
from reelwright.engine.clip.passes import Pass, PassPlan
from reelwright.engine.denoiser.positions import num_audio_latents
from reelwright.engine.sampling.conditioning import VideoSpace
from reelwright.errors import InputError


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """A clip, laid out.

    Attributes:
        passes: In order.
        facts: Of the model that it was laid out for.
    """

    passes: tuple[PassPlan, ...]
    facts: ModelFacts


def plan_clip(request: ClipRequest, facts: ModelFacts) -> ClipPlan:
    """Lay a clip out, or say why it cannot be made.

    Args:
        request: What it should be.
        facts: What the model takes.

    Raises:
        InputError: The first thing that cannot be, where it stands, and the mend.
    """
    video = facts.video if request.video else None
    heard = request.audio and facts.audio is not None
    if video is None and not heard:
        raise InputError(
            "Nothing of the clip is seen or heard.",
            "Ask for what the model has: video, audio, or both.",
        )
    _check_numbers(request)
    _check_texts(request, facts, seen=video is not None, heard=heard)
    check_guides(request, facts, video, heard)
    passes = tuple(_plan_passes(request, facts, video, heard))
    for i, place in enumerate(passes):
        _check_settings(request, place.settings, facts, f"passes[{i}]")
        check_controls(request, place, facts)
    if request.controls and not any(place.settings.controlled for place in passes):
        raise InputError(
            "No pass shows the clips to follow.",
            "Set `controlled` of a pass, or leave them out.",
            where="controls",
        )
    if request.source is not None:
        check_source(request, request.source, passes, facts)
    return ClipPlan(passes, facts)


def _plan_passes(
    request: ClipRequest, facts: ModelFacts, video: VideoFacts | None, heard: bool
) -> Iterator[PassPlan]:
    if not request.passes:
        raise InputError("The clip has no pass.", "Give one or more, e.g. `distilled()`.")
    length = None
    if heard and facts.audio is not None:
        length = num_audio_latents(request.num_frames, request.frame_rate, facts.audio.scale)
        _check_length(request, length)
    before: VideoSpace | None = None
    for i, settings in enumerate(request.passes):
        where = f"passes[{i}]"
        if video is None:
            yield PassPlan(settings, 0, 0, None, length, False)
            continue
        width, height = (
            _side(request, name, settings.scale, factor, where)
            for name, factor in (("width", video.scale.width), ("height", video.scale.height))
        )
        frames = 1 + (request.num_frames - 1) // video.scale.time
        grid = (frames, height // video.scale.height, width // video.scale.width)
        space = VideoSpace(grid, request.frame_rate, video.scale)
        upsampled = before is not None and before.grid != grid
        if upsampled and before is not None:
            _check_upsampling(before.grid, grid, facts.upsampling, where)
        yield PassPlan(settings, width, height, space, length, upsampled)
        before = space


def _side(request: ClipRequest, name: str, scale: Fraction, factor: int, where: str) -> int:
    """One side of a pass, pixels."""
    asked = request.width if name == "width" else request.height
    smallest = min(settings.scale for settings in request.passes)
    if not 0 < scale <= 1:
        raise InputError(f"A pass cannot be {scale} of the clip.", "Use 1/2 or 1.", where=where)
    side = asked * scale
    if side < factor or side % factor:
        step = ceil(factor / smallest)
        raise InputError(
            f"A {name} of {asked} pixels cannot be made: at {scale} of it, the model takes "
            f"multiples of {factor}.",
            f"Use {max(1, ceil(asked / step)) * step}.",
            where=name,
            side=asked,
        )
    return int(side)


def _check_upsampling(
    small: tuple[int, int, int], large: tuple[int, int, int], factor: Fraction | None, where: str
) -> None:
    if factor is None:
        raise InputError(
            "A pass of another size than the one before needs a latent upsampler.",
            "Open Models with the upsampler's file, or make the clip in one pass.",
            where=where,
        )
    if [side * factor for side in small[1:]] != list(large[1:]):
        raise InputError(
            f"From {small[1]}x{small[2]} cells an upsampler of {factor} does not lead to "
            f"{large[1]}x{large[2]}.",
            f"Make the pass before 1/{factor} as large.",
            where=where,
        )


def _check_numbers(request: ClipRequest) -> None:
    if not (isfinite(request.frame_rate) and request.frame_rate > 0):
        raise InputError(
            f"{request.frame_rate} frames per second cannot be shown.",
            "Use a frame rate above 0, e.g. 24.",
            where="frame_rate",
        )
    if request.num_frames < 1:
        raise InputError(
            f"{request.num_frames} frames is not a clip.",
            "Ask for one or more.",
            where="num_frames",
        )
    if not -(2**63) <= request.seed < 2**63:
        raise InputError("The seed is too large.", "Use a number of 63 bits.", where="seed")


def _check_length(request: ClipRequest, length: int) -> None:
    if length < 1:
        raise InputError(
            f"{request.duration_s:.3f} s is too short to be heard.",
            "Ask for more frames, or for no audio.",
            where="num_frames",
        )


def _check_texts(request: ClipRequest, facts: ModelFacts, *, seen: bool, heard: bool) -> None:
    texts = {"contexts": request.contexts}
    if request.negative is not None:
        texts["negative"] = request.negative
    for name, text in texts.items():
        if seen and facts.video is not None:
            check_context(text.video, facts.video.context_width, f"{name}.video")
        if heard and facts.audio is not None:
            check_context(text.audio, facts.audio.context_width, f"{name}.audio")


def _check_settings(request: ClipRequest, settings: Pass, facts: ModelFacts, where: str) -> None:
    settings.sampler.make(settings.sigmas, lambda use, shape: _never())
    guiders = {"video_guider": settings.video_guider, "audio_guider": settings.audio_guider}
    for name, guider in guiders.items():
        unknown = [block for block in guider.stg_blocks if not 0 <= block < facts.num_layers]
        if unknown and guider.stg_scale:
            raise InputError(
                f"There is no block {unknown[0]} in a model of {facts.num_layers}.",
                "Name blocks that there are, counted from 0.",
                where=f"{where}.{name}.stg_blocks",
            )
        if guider.skip_step < 0:
            raise InputError(
                f"{guider.skip_step} steps cannot be skipped.",
                "Use 0 or more.",
                where=f"{where}.{name}.skip_step",
            )
        if guider.cfg_scale != 1 and request.negative is None:
            raise InputError(
                "A guider leads away from a text that was not given.",
                "Give `negative`, encoded like the text, or a `cfg_scale` of 1.",
                where=f"{where}.{name}.cfg_scale",
            )
    for i, lora in enumerate(settings.loras):
        if not lora.path.is_file():
            raise InputError(
                "The LoRA's file is not there.", "Check its path.", where=f"{where}.loras[{i}]"
            )


def _never() -> Tensor:
    raise InputError("A sampler drew noise before its run.")
