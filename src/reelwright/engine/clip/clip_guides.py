"""What guides a clip, held against the model: pictures, controls, sounds, what it goes on from."""

from __future__ import annotations

from torch import Tensor

from reelwright.engine.clip.clip_checks import (
    check_finite,
    check_frames,
    check_pixels,
    check_share,
    check_sound,
)
from reelwright.engine.clip.clip_facts import AudioFacts, ModelFacts, VideoFacts
from reelwright.engine.clip.clip_request import ClipRequest, Control, Sound, Source, Tail
from reelwright.engine.clip.passes import PassPlan
from reelwright.engine.sampling.conditioning import VideoSpace
from reelwright.errors import InputError


def check_guides(
    request: ClipRequest, facts: ModelFacts, video: VideoFacts | None, heard: bool
) -> None:
    """Refuse pictures and sounds that do not fit the clip or the model.

    Args:
        request: What the clip should be.
        facts: What the model takes.
        video: What its video stream takes; None where nothing is seen.
        heard: Whether the clip is heard.
    """
    if video is None and (request.pictures or request.controls or request.continues):
        raise InputError(
            "Pictures were given for a clip that is not seen.", "Leave them out, or ask for video."
        )
    if video is not None:
        check_frames(request.num_frames, video.scale.time, "num_frames")
        _check_encoder(request, video)
        _check_pictures(request, video)
        if request.continues is not None:
            _check_tail(request, request.continues, video)
    _check_sounds(request, facts.audio if heard else None)


def _check_sounds(request: ClipRequest, audio: AudioFacts | None) -> None:
    tail = request.continues
    source = None if request.source is None else request.source.audio
    sounds = {
        "sound": request.sound,
        "continues.sound": None if tail is None else tail.sound,
        "source.audio": source if isinstance(source, Sound) else None,
    }
    for where, sound in sounds.items():
        if sound is not None:
            check_sound(sound, where)
            if audio is None or not audio.encodes:
                raise InputError(
                    "A sound was given for a clip that cannot take one.",
                    "Ask for audio, of a model with an audio encoder, or leave it out.",
                    where=where,
                )
    if request.sound is not None and tail is not None and tail.sound is not None:
        raise InputError(
            "The clip has a sound of its own and one to go on from.",
            "Give one of them.",
            where="continues.sound",
        )


def _check_encoder(request: ClipRequest, video: VideoFacts) -> None:
    source = None if request.source is None else request.source.video
    shown = request.pictures or request.controls or request.continues
    frames = isinstance(source, Tensor) and source.ndim == 4
    if (shown or frames) and not video.encodes:
        raise InputError(
            "The checkpoint has no video encoder for the pictures.", "Add a file that has it."
        )


def _check_pictures(request: ClipRequest, video: VideoFacts) -> None:
    space = VideoSpace((1 + (request.num_frames - 1) // video.scale.time, 1, 1), 1.0, video.scale)
    taken = set() if request.continues is None else {0}
    for i, picture in enumerate(request.pictures):
        where = f"pictures[{i}]"
        check_pixels(picture.pixels, f"{where}.pixels")
        check_frames(picture.pixels.shape[0], video.scale.time, f"{where}.pixels")
        check_share(picture.strength, f"{where}.strength")
        try:
            frame = space.resolve(picture.frame)
        except InputError as error:
            raise InputError(error.what, error.mend, where=f"{where}.frame") from error
        if frame + picture.pixels.shape[0] > request.num_frames:
            raise InputError(
                f"{picture.pixels.shape[0]} frames from frame {frame} reach beyond the clip's "
                f"{request.num_frames}.",
                "Use fewer frames or an earlier one.",
                where=where,
            )
        if frame == 0 and not picture.appended:
            if 0 in taken:
                raise InputError(
                    "Frame 0 is given twice.", "Give it once, or append one of them.", where=where
                )
            taken.add(0)


def _check_tail(request: ClipRequest, tail: Tail, video: VideoFacts) -> None:
    check_pixels(tail.pixels, "continues.pixels")
    check_frames(tail.pixels.shape[0], video.scale.time, "continues.pixels")
    check_share(tail.strength, "continues.strength")
    if tail.pixels.shape[0] >= request.num_frames:
        raise InputError(
            f"A tail of {tail.pixels.shape[0]} frames leaves nothing of {request.num_frames}.",
            "Use a shorter tail or a longer clip.",
            where="continues.pixels",
        )


def check_controls(request: ClipRequest, place: PassPlan, facts: ModelFacts) -> None:
    """Refuse clips to follow that do not fit a pass."""
    if facts.video is None or place.space is None or not place.settings.controlled:
        return
    for i, control in enumerate(request.controls):
        _check_control(control, request, place, facts.video, f"controls[{i}]")


def _check_control(
    control: Control, request: ClipRequest, place: PassPlan, video: VideoFacts, where: str
) -> None:
    check_pixels(control.pixels, f"{where}.pixels")
    check_share(control.strength, f"{where}.strength")
    if control.attention is not None:
        check_share(control.attention, f"{where}.attention")
    frames = control.pixels.shape[0]
    if control.time_stride < 1 or frames > request.num_frames:
        raise InputError(
            f"{frames} frames at a stride of {control.time_stride} cannot guide "
            f"{request.num_frames}.",
            "Give at most as many frames as the clip has, and a stride of 1 or more.",
            where=where,
        )
    taken = 1 + (frames - 1) // control.time_stride
    check_frames(taken, video.scale.time, f"{where}.pixels")
    sides = {
        "width": (place.width, video.scale.width),
        "height": (place.height, video.scale.height),
    }
    for name, (side, factor) in sides.items():
        if control.downscale < 1 or side % (control.downscale * factor):
            raise InputError(
                f"A {name} of {side} pixels divided by {control.downscale} is no multiple of "
                f"{factor}.",
                f"Use a {name} of the pass that is a multiple of "
                f"{max(1, control.downscale) * factor}.",
                where=f"{where}.downscale",
            )


def check_source(
    request: ClipRequest, source: Source, passes: tuple[PassPlan, ...], facts: ModelFacts
) -> None:
    """Refuse a source that does not fit the clip, or of which nothing is made again."""
    last = passes[-1]
    parts = {
        "video": (source.video, source.video_range_s, last.space is not None),
        "audio": (source.audio, source.audio_range_s, last.num_audio is not None),
    }
    for name, (material, span, wanted) in parts.items():
        where = f"source.{name}"
        if wanted != (material is not None):
            raise InputError(
                f"The source has {'no ' if wanted else ''}{name}, the clip "
                f"{'has' if wanted else 'has none'}.",
                f"Give the source's {name} if the clip is to have it, and only then.",
                where=where,
            )
        if span is not None:
            _check_range(span, request.duration_s, f"{where}_range_s")
    if request.continues is not None or request.sound is not None:
        raise InputError(
            "A clip of which a range is made again has its own beginning and sound.",
            "Leave out what it continues and the sound.",
            where="source",
        )
    if source.video is not None and source.video_range_s is None and request.pictures:
        raise InputError(
            "Pictures were given, but nothing is seen anew.",
            "Give a range of the video, or leave the pictures out.",
            where="source.video_range_s",
        )
    if source.video_range_s is None and source.audio_range_s is None:
        raise InputError(
            "Nothing of the source is made again.",
            "Give a range of time of its video, its audio, or both.",
            where="source",
        )
    if source.video is not None and facts.video is not None:
        _check_seen(request, source.video, passes, facts.video)
    if isinstance(source.audio, Tensor) and facts.audio is not None:
        made = (1, facts.audio.channels, last.num_audio, facts.audio.bins)
        if tuple(source.audio.shape) != made:
            raise InputError(
                f"The source's sound is of {list(source.audio.shape)}, the clip's of {list(made)}.",
                "Give the sound of a clip as long as this one, or its waveform.",
                where="source.audio",
            )
        check_finite(source.audio, "source.audio")


def _check_range(span: tuple[float, float], duration_s: float, where: str) -> None:
    if not (span[0] < span[1] and span[1] > 0 and span[0] < duration_s):
        raise InputError(
            f"Nothing of {duration_s:.3f} s lies between {span[0]} s and {span[1]} s.",
            "Use a stop behind the start, inside the clip.",
            where=where,
        )


def _check_seen(
    request: ClipRequest,
    video: Tensor | tuple[Tensor, ...],
    passes: tuple[PassPlan, ...],
    facts: VideoFacts,
) -> None:
    if isinstance(video, tuple) or video.ndim == 5:
        each = video if isinstance(video, tuple) else (video,) * len(passes)
        if len(each) != len(passes):
            raise InputError(
                f"There are latents of {len(each)} passes for a clip of {len(passes)}.",
                "Give one for each pass, or the source's frames.",
                where="source.video",
            )
        for i, (latent, place) in enumerate(zip(each, passes, strict=True)):
            made = (1, facts.channels, *(place.space.grid if place.space else ()))
            if tuple(latent.shape) != made:
                raise InputError(
                    f"The source's latent is of {list(latent.shape)}, the pass's of {list(made)}.",
                    "Give the source's frames, or make it again in one pass at its own size.",
                    where=f"passes[{i}]",
                )
            check_finite(latent, "source.video")
        return
    check_pixels(video, "source.video")
    if video.shape[0] != request.num_frames:
        raise InputError(
            f"The source has {video.shape[0]} frames, the clip {request.num_frames}.",
            "Ask for a clip as long as its source.",
            where="num_frames",
        )
